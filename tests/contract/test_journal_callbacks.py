"""Callbacks are answered by id, once, whatever the run is doing meanwhile."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from runs.callbacks import MAX_ANSWER, callback_id_of
from runs.errors import (
    CallbackClosedError,
    CallbackNotFoundError,
    CallbackPayloadError,
    LeaseLostError,
)
from runs.events import EventType
from runs.journal.base import Changes, Journal
from runs.lifecycle import Ending
from runs.operations import Operation, OperationError, OperationStatus, OperationType
from runs.run import Lease, Status
from tests.support.journals import NOW, JournalStore, accept, an_operation, claim, later

REJECTED = OperationError(type="RejectedError", message="not approved")


def asked(journal: Journal, **changes: Any) -> tuple[Lease, str]:  # noqa: ANN401 - any field of an operation
    """Begin a run whose workflow has asked somebody."""
    session_id = accept(journal).session_id
    lease = claim(journal, session_id).lease
    callback_id = callback_id_of(session_id, "cb-1")
    fields: dict[str, Any] = {
        "type": OperationType.CALLBACK,
        "status": OperationStatus.STARTED,
        "name": "approve",
        "attempt": 0,
        "payload": None,
        "ended_at": None,
        "callback_id": callback_id,
    }
    callback = an_operation("cb-1", **fields | changes)
    journal.commit(lease, Changes(operations=(callback,)), now=NOW)
    return lease, callback_id


def parked(journal: Journal, lease: Lease, **given: Any) -> None:  # noqa: ANN401 - as `park` takes them
    journal.park(lease, **{"wake_at": None, "waiting_for": "answer", "now": NOW} | given)


def kept(journal: Journal, lease: Lease) -> Operation:
    (operation,) = journal.operations(lease.session_id)
    return operation


def test_an_answer_makes_a_parked_run_due_at_once(journal: Journal) -> None:
    lease, callback_id = asked(journal)
    parked(journal, lease)

    answered = journal.complete_callback(callback_id, '"yes"', now=later(5), by="Ann")

    run = journal.get(lease.session_id)
    assert run == answered.run
    assert run is not None
    assert (run.status, run.wake_at, run.answers) == (Status.WAITING, later(5), 1)
    assert kept(journal, lease) == answered.callback
    callback = answered.callback
    assert (callback.status, callback.payload) == (OperationStatus.SUCCEEDED, '"yes"')
    assert (callback.answered_by, callback.ended_at) == ("Ann", later(5))
    last = journal.events(lease.session_id)[-1].event
    assert (last.type, last.operation_id, last.name) == (
        EventType.CALLBACK_SUCCEEDED,
        "cb-1",
        "approve",
    )
    assert claim(journal, lease.session_id, now=later(5)).run.attempt == 2


def test_an_answer_to_a_run_at_work_leaves_it_to_its_worker(journal: Journal) -> None:
    lease, callback_id = asked(journal)

    run = journal.complete_callback(callback_id, None, now=later(1)).run

    assert (run.status, run.answers, run.wake_at) == (Status.BUSY, 1, None)
    assert not run.is_due(later(1))
    journal.renew(lease, now=later(2))


@pytest.mark.parametrize(("seen", "is_due"), [(0, True), (1, False)])
def test_an_answer_the_worker_has_not_seen_is_not_slept_through(
    journal: Journal, seen: int, is_due: bool
) -> None:
    lease, callback_id = asked(journal)
    journal.complete_callback(callback_id, "1", now=later(1))

    parked(journal, lease, seen_answers=seen, now=later(2))

    run = journal.get(lease.session_id)
    assert run is not None
    assert run.is_due(later(2)) is is_due


def test_an_answer_may_be_an_error(journal: Journal) -> None:
    lease, callback_id = asked(journal)

    journal.fail_callback(callback_id, REJECTED, now=later(1), by="Ann")

    callback = kept(journal, lease)
    assert (callback.status, callback.error) == (OperationStatus.FAILED, REJECTED)
    assert journal.events(lease.session_id)[-1].event.details == {
        "Error": {"Payload": {"ErrorType": "RejectedError", "ErrorMessage": "not approved"}}
    }


def test_a_second_answer_is_told_who_gave_the_first_and_when(journal: Journal) -> None:
    lease, callback_id = asked(journal)
    journal.complete_callback(callback_id, "1", now=later(1), by="Ann")

    with pytest.raises(CallbackClosedError, match=r"completed at 2026-01-31T08:30:01.000Z by Ann"):
        journal.fail_callback(callback_id, REJECTED, now=later(2), by="Bob")

    assert kept(journal, lease).status is OperationStatus.SUCCEEDED


def test_of_many_answers_at_once_one_is_taken(store: JournalStore) -> None:
    journal = store.journal()
    lease, callback_id = asked(journal)

    def answer(n: int) -> bool:
        try:
            journal.complete_callback(callback_id, str(n), now=later(1))
        except CallbackClosedError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(answer, range(8)))

    assert taken.count(True) == 1
    assert kept(journal, lease).payload == str(taken.index(True))
    run = journal.get(lease.session_id)
    assert run is not None
    assert run.answers == 1


@pytest.mark.parametrize("callback_id", ["no id", "", callback_id_of("nobody", "cb-1"), "bm8="])
def test_an_unknown_callback_is_refused(journal: Journal, callback_id: str) -> None:
    with pytest.raises(CallbackNotFoundError):
        journal.complete_callback(callback_id, "1", now=NOW)


def test_an_operation_that_is_no_callback_takes_no_answer(journal: Journal) -> None:
    lease, _ = asked(journal)
    journal.commit(lease, Changes(operations=(an_operation("op-1"),)), now=NOW)

    with pytest.raises(CallbackNotFoundError):
        journal.complete_callback(callback_id_of(lease.session_id, "op-1"), "1", now=NOW)


def test_a_run_that_is_over_takes_no_answer(journal: Journal) -> None:
    lease, callback_id = asked(journal)
    journal.settle(lease, Ending(status=Status.COMPLETED), now=later(1))

    with pytest.raises(CallbackClosedError, match="is COMPLETED"):
        journal.heartbeat_callback(callback_id, now=later(2))


def test_a_callback_whose_time_has_passed_takes_no_answer(journal: Journal) -> None:
    _, callback_id = asked(journal, due_at=later(10), timeout_at=later(10))

    with pytest.raises(CallbackClosedError, match="timed out at 2026-01-31T08:30:10"):
        journal.complete_callback(callback_id, "1", now=later(10))


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"due_at": later(10), "timeout_at": later(10)}, "Callback.Timeout"),
        ({"due_at": later(10), "heartbeat_seconds": 10}, "Callback.Heartbeat"),
        (
            {"due_at": later(10), "timeout_at": later(30), "heartbeat_seconds": 10},
            "Callback.Heartbeat",
        ),
        (
            {"due_at": later(10), "timeout_at": later(10), "heartbeat_seconds": 30},
            "Callback.Timeout",
        ),
    ],
)
def test_a_callback_times_out_under_the_lease_of_its_run(
    journal: Journal, fields: dict[str, Any], kind: str
) -> None:
    lease, callback_id = asked(journal, **fields)

    early = journal.time_out_callback(lease, callback_id, now=later(9))
    late = journal.time_out_callback(lease, callback_id, now=later(10))

    assert early.status is OperationStatus.STARTED
    assert late.status is OperationStatus.TIMED_OUT
    assert late.error is not None
    assert late.error.type == kind
    assert journal.events(lease.session_id)[-1].event.type is EventType.CALLBACK_TIMED_OUT


def test_a_callback_that_was_answered_in_time_does_not_time_out(journal: Journal) -> None:
    lease, callback_id = asked(journal, due_at=later(10), timeout_at=later(10))
    journal.complete_callback(callback_id, "1", now=later(9))

    found = journal.time_out_callback(lease, callback_id, now=later(11))

    assert found.status is OperationStatus.SUCCEEDED
    assert found == kept(journal, lease)


def test_a_worker_that_lost_its_lease_times_nothing_out(journal: Journal) -> None:
    lease, callback_id = asked(journal, due_at=later(10), timeout_at=later(10))
    claim(journal, lease.session_id, now=later(100))

    with pytest.raises(LeaseLostError):
        journal.time_out_callback(lease, callback_id, now=later(100))


def test_a_heartbeat_gives_the_heartbeat_time_again_but_not_more(journal: Journal) -> None:
    lease, callback_id = asked(
        journal, due_at=later(10), timeout_at=later(25), heartbeat_seconds=10
    )

    once = journal.heartbeat_callback(callback_id, now=later(9)).callback
    twice = journal.heartbeat_callback(callback_id, now=later(18)).callback

    assert (once.due_at, twice.due_at) == (later(19), later(25))
    assert kept(journal, lease) == twice
    run = journal.get(lease.session_id)
    assert run is not None
    assert run.answers == 0


def test_a_heartbeat_to_a_callback_without_one_changes_nothing(journal: Journal) -> None:
    lease, callback_id = asked(journal, due_at=later(10), timeout_at=later(10))

    journal.heartbeat_callback(callback_id, now=later(9))

    assert kept(journal, lease).due_at == later(10)


def test_a_large_answer_is_kept_whole(journal: Journal) -> None:
    lease, callback_id = asked(journal)
    payload = '"' + "x" * 700_000 + '"'

    journal.complete_callback(callback_id, payload, now=later(1))

    assert kept(journal, lease).payload == payload


def test_an_answer_may_be_bytes_of_text(journal: Journal) -> None:
    _, callback_id = asked(journal)

    answered = journal.complete_callback(callback_id, '"é"'.encode(), now=later(1))

    assert answered.callback.payload == '"é"'


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ("x" * (MAX_ANSWER + 1), "has 1048577 bytes, expected at most 1048576"),
        ("é" * (MAX_ANSWER // 2 + 1), "has 1048578 bytes, expected at most 1048576"),
        (b"\xff", "is no text in UTF-8"),
    ],
    ids=["letters", "bytes of letters", "no text"],
)
def test_what_can_t_be_an_answer_leaves_the_question_open(
    journal: Journal, payload: str | bytes, why: str
) -> None:
    lease, callback_id = asked(journal)

    with pytest.raises(CallbackPayloadError, match=why):
        journal.complete_callback(callback_id, payload, now=later(1))

    assert kept(journal, lease).status is OperationStatus.STARTED


def test_the_largest_answer_is_kept(journal: Journal) -> None:
    _, callback_id = asked(journal)

    answered = journal.complete_callback(callback_id, "x" * MAX_ANSWER, now=later(1))

    assert answered.callback.payload == "x" * MAX_ANSWER


def test_an_error_that_is_too_large_leaves_the_question_open(journal: Journal) -> None:
    lease, callback_id = asked(journal)
    error = OperationError(type="Rejected", message="x" * MAX_ANSWER)

    with pytest.raises(CallbackPayloadError, match="expected at most 1048576"):
        journal.fail_callback(callback_id, error, now=later(1))

    assert kept(journal, lease).status is OperationStatus.STARTED
