"""Every journal keeps its port's promises about a run's life."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from runs.errors import (
    ClaimLostError,
    IllegalTransitionError,
    LeaseLostError,
    RunNotFoundError,
)
from runs.events import EventType
from runs.ids import new_lease_token
from runs.journal.base import Changes, Journal
from runs.lifecycle import Ending
from runs.run import Artifact, Lease, Progress, Run, RunFailure, Status, Usage
from tests.support.journals import (
    LEASE_SECONDS,
    NOW,
    JournalStore,
    a_run,
    accept,
    an_event,
    an_operation,
    claim,
    later,
)


def _types(journal: Journal, session_id: str) -> list[EventType]:
    return [recorded.event.type for recorded in journal.events(session_id)]


def _at_once(n: int, work: Callable[[int], object]) -> list[object]:
    """Do something in n threads that start together; give what each returned or raised."""
    start = threading.Barrier(n)

    def one(i: int) -> object:
        start.wait()
        try:
            return work(i)
        except Exception as error:  # noqa: BLE001 - the errors are what is looked at
            return error

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(one, range(n)))


def test_an_accepted_run_is_read_back_as_it_was(journal: Journal) -> None:
    run = a_run(input="bill.csv", execution="arn:execution:1", max_attempts=3)

    assert journal.accept(run).is_new
    assert journal.get(run.session_id) == run
    assert _types(journal, run.session_id) == [EventType.EXECUTION_STARTED]


def test_accepting_again_changes_nothing_and_gives_the_first_run(journal: Journal) -> None:
    first = accept(journal)

    again = journal.accept(replace(first, prompt="something else"))

    assert not again.is_new
    assert again.run == first
    assert _types(journal, first.session_id) == [EventType.EXECUTION_STARTED]


def test_twenty_accepts_at_once_make_one_run(store: JournalStore) -> None:
    run = a_run()
    journals = [store.journal() for _ in range(20)]

    answers = _at_once(20, lambda i: journals[i].accept(replace(run, prompt=f"prompt {i}")).is_new)

    assert sorted(map(str, answers)) == ["False"] * 19 + ["True"]
    assert _types(journals[0], run.session_id) == [EventType.EXECUTION_STARTED]


def test_an_unknown_run_is_none(journal: Journal) -> None:
    assert journal.get("no-such-run") is None
    assert journal.events("no-such-run") == []
    assert journal.operations("no-such-run") == []
    assert journal.messages("no-such-run", "analyst") == []
    assert journal.agent("no-such-run", "analyst") is None
    assert journal.tool("no-such-run", "tooluse_1") is None


def test_what_needs_a_run_refuses_an_unknown_one(journal: Journal) -> None:
    failure = RunFailure(type="T", message="m")

    with pytest.raises(RunNotFoundError, match="no-such-run"):
        claim(journal, "no-such-run")
    with pytest.raises(RunNotFoundError):
        journal.dispatch("no-such-run", now=NOW, retry_at=later(60))
    with pytest.raises(RunNotFoundError):
        journal.cancel("no-such-run", now=NOW, reason="r")
    with pytest.raises(RunNotFoundError):
        journal.expire("no-such-run", now=NOW)
    with pytest.raises(RunNotFoundError):
        journal.give_up("no-such-run", error=failure, now=NOW)
    with pytest.raises(RunNotFoundError):
        journal.conclude("no-such-run", Ending(status=Status.FAILED, error=failure), now=NOW)


def test_a_claim_begins_an_attempt(journal: Journal) -> None:
    run = accept(journal, dispatches=1)

    claimed = claim(journal, run.session_id, now=later(5), owner="host-1")

    assert claimed.run == journal.get(run.session_id)
    assert claimed.run.status is Status.BUSY
    assert claimed.run.attempt == claimed.lease.attempt == 1
    assert claimed.run.started_at == later(5)
    assert claimed.run.wake_at is None
    assert claimed.run.dispatches == 0
    assert claimed.run.lease == claimed.lease
    assert claimed.lease.owner == "host-1"
    assert claimed.lease.expires_at == later(5 + LEASE_SECONDS)
    assert _types(journal, run.session_id)[1:] == [EventType.LEASE_CLAIMED]


def test_of_64_claimants_at_once_one_wins(store: JournalStore) -> None:
    run = accept(store.journal())
    journals = [store.journal() for _ in range(64)]

    answers = _at_once(64, lambda i: claim(journals[i], run.session_id, owner=f"worker-{i}"))

    lost = [answer for answer in answers if isinstance(answer, ClaimLostError)]
    assert len(lost) == 63, answers
    head = journals[0].get(run.session_id)
    assert head is not None
    assert head.attempt == 1
    assert _types(journals[0], run.session_id)[1:] == [EventType.LEASE_CLAIMED]


def test_a_claim_tells_which_version_works_on_the_run_and_the_timeline_tells_of_another(
    journal: Journal,
) -> None:
    run = accept(journal)

    first = claim(journal, run.session_id, version="1").run
    claim(journal, run.session_id, now=later(60), version="1")
    claim(journal, run.session_id, now=later(120), version="2")
    last = claim(journal, run.session_id, now=later(180)).run

    assert (first.workflow_version, last.workflow_version) == ("1", "2")
    assert journal.get(run.session_id) == last
    events = [recorded.event for recorded in journal.events(run.session_id)]
    claims = [event for event in events if event.type is EventType.LEASE_CLAIMED]
    assert [event.details["WorkflowVersion"] for event in claims] == ["1", "1", "2", "2"]
    (changed,) = [event for event in events if event.type is EventType.WORKFLOW_CHANGED]
    assert (changed.attempt, changed.details) == (3, {"From": "1", "To": "2"})


def test_a_lambda_durable_execution_is_claimed_by_its_own_invocations_only(
    journal: Journal,
) -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f:1/durable-execution/a/b"
    run = accept(journal, source="lambda", execution=arn)

    with pytest.raises(ClaimLostError, match=f"it is executed by {arn}"):
        claim(journal, run.session_id)
    claimed = journal.claim(
        run.session_id, owner="a", token="t", now=NOW, lease_seconds=60, execution=arn
    )
    journal.park(claimed.lease, wake_at=later(3600), waiting_for="a wait", now=NOW)
    # Before its wake time: the service knows when it goes on.
    again = journal.claim(
        run.session_id, owner="b", token="u", now=later(1), lease_seconds=60, execution=arn
    )

    assert (claimed.run.durable_execution, again.run.attempt) == (arn, 2)


def test_a_claim_repeated_with_its_token_is_the_same_claim(journal: Journal) -> None:
    run = accept(journal)
    token = new_lease_token()

    first, second = (
        journal.claim(run.session_id, owner="w", token=token, now=now, lease_seconds=60)
        for now in (NOW, later(1))
    )

    assert first == second
    assert len(journal.events(run.session_id)) == 2


def test_an_expired_lease_is_claimed_and_the_lost_attempt_counted(journal: Journal) -> None:
    run = accept(journal)
    claim(journal, run.session_id)

    second = claim(journal, run.session_id, now=later(LEASE_SECONDS))

    assert second.run.attempt == 2
    assert second.run.lost_attempts == 1
    assert second.run.started_at == NOW


@pytest.mark.parametrize("why", ["held", "ended", "cancelled", "late", "waiting"])
def test_what_is_not_to_be_worked_on_can_not_be_claimed(journal: Journal, why: str) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease
    now = later(1)
    if why == "ended":
        journal.settle(lease, Ending(status=Status.COMPLETED), now=NOW)
    if why == "cancelled":
        journal.cancel(run.session_id, now=NOW, reason="no longer needed")
        now = later(LEASE_SECONDS + 1)
    if why == "late":
        now = later(3601)
    if why == "waiting":
        journal.park(lease, wake_at=later(100), waiting_for="a timer", now=NOW)
    before = journal.get(run.session_id)

    with pytest.raises(ClaimLostError):
        claim(journal, run.session_id, now=now)
    assert journal.get(run.session_id) == before


def _renew(journal: Journal, lease: Lease) -> None:
    journal.renew(lease, now=later(70))


def _commit(journal: Journal, lease: Lease) -> None:
    journal.commit(
        lease,
        Changes(operations=(an_operation("stale"),), events=(an_event(EventType.STEP_FAILED),)),
        now=later(70),
    )


def _settle(journal: Journal, lease: Lease) -> None:
    journal.settle(lease, Ending(status=Status.COMPLETED, result={"stale": True}), now=later(70))


def _park(journal: Journal, lease: Lease) -> None:
    journal.park(lease, wake_at=None, waiting_for="an answer", now=later(70))


def _release(journal: Journal, lease: Lease) -> None:
    journal.release(lease, now=later(70), why="shutdown")


@pytest.mark.parametrize("write", [_renew, _commit, _settle, _park, _release])
def test_a_worker_whose_lease_was_taken_can_not_write(
    journal: Journal, write: Callable[[Journal, Lease], None]
) -> None:
    run = accept(journal)
    stale = claim(journal, run.session_id).lease
    claim(journal, run.session_id, now=later(61))
    before = (journal.get(run.session_id), journal.events(run.session_id))

    with pytest.raises(LeaseLostError, match="attempt 1"):
        write(journal, stale)
    assert (journal.get(run.session_id), journal.events(run.session_id)) == before
    assert journal.operations(run.session_id) == []


@pytest.mark.parametrize("write", [_renew, _commit, _settle, _park, _release])
def test_a_worker_of_a_run_that_ended_can_not_write(
    journal: Journal, write: Callable[[Journal, Lease], None]
) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease
    ended = journal.settle(lease, Ending(status=Status.COMPLETED, result=1), now=later(1))

    with pytest.raises(LeaseLostError):
        write(journal, lease)
    assert journal.get(run.session_id) == ended


@pytest.mark.parametrize("write", [_renew, _commit, _settle, _park, _release])
def test_a_worker_of_a_run_that_is_gone_can_not_write(
    journal: Journal, write: Callable[[Journal, Lease], None]
) -> None:
    lease = Lease(
        session_id="gone", token="t", owner="o", attempt=1, seconds=60, expires_at=later(60)
    )

    with pytest.raises(LeaseLostError):
        write(journal, lease)
    assert journal.get("gone") is None


def test_a_lease_that_expired_but_was_taken_by_nobody_still_writes(journal: Journal) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease

    _commit(journal, lease)

    assert len(journal.operations(run.session_id)) == 1
    head = journal.get(run.session_id)
    assert head is not None
    assert head.lease == replace(lease, expires_at=later(70 + LEASE_SECONDS))


def test_renewing_gives_the_full_time_and_shows_a_requested_cancel(journal: Journal) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease
    journal.cancel(run.session_id, now=later(1), reason="no longer needed")

    renewed = journal.renew(lease, now=later(20))

    assert renewed == journal.get(run.session_id)
    assert renewed.lease == replace(lease, expires_at=later(20 + LEASE_SECONDS))
    assert renewed.cancel_requested
    assert renewed.cancel_reason == "no longer needed"


def test_a_heartbeat_is_no_change_of_the_run(journal: Journal) -> None:
    run = accept(journal)
    claimed = claim(journal, run.session_id)

    renewed = journal.renew(claimed.lease, now=later(20))

    assert renewed.updated_at == claimed.run.updated_at
    assert renewed.version == claimed.run.version + 1
    assert len(journal.events(run.session_id)) == 2


def test_a_late_heartbeat_makes_hand_overs_that_found_nobody_forgotten(journal: Journal) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease
    expired = later(LEASE_SECONDS)
    journal.dispatch(run.session_id, now=expired, retry_at=later(LEASE_SECONDS + 5))

    journal.renew(lease, now=expired)

    head = journal.get(run.session_id)
    assert head is not None
    assert (head.dispatches, head.wake_at) == (0, None)


def test_a_commit_adds_up_on_the_head(journal: Journal) -> None:
    run = accept(journal)
    claimed = claim(journal, run.session_id)
    spent = Usage(model_calls=1, input_tokens=100, output_tokens=20, cost_nano_usd=1_500_000_000)

    journal.commit(claimed.lease, Changes(spent=spent), now=later(1))
    progress = Progress(step="analyse", done=1, total=3, message="half way")
    journal.commit(claimed.lease, Changes(spent=spent, progress=progress), now=later(2))
    journal.commit(claimed.lease, Changes(), now=later(3))

    head = journal.get(run.session_id)
    assert head is not None
    assert head == replace(
        claimed.run,
        version=claimed.run.version + 3,
        usage=spent + spent,
        progress=progress,
        updated_at=later(3),
        lease=replace(claimed.lease, expires_at=later(3 + LEASE_SECONDS)),
    )
    assert str(head.usage.cost_usd) == "3.000000000"


def test_only_an_advance_forgives_lost_attempts(journal: Journal) -> None:
    run = accept(journal)
    claim(journal, run.session_id)
    lease = claim(journal, run.session_id, now=later(60)).lease

    counts = []
    for is_advance in (False, True, False):
        journal.commit(lease, Changes(is_advance=is_advance), now=later(61))
        head = journal.get(run.session_id)
        assert head is not None
        counts.append(head.lost_attempts)

    assert counts == [1, 0, 0]


def test_the_last_artifact_of_a_name_stands(journal: Journal) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease
    report, again, chart = (
        Artifact(name=name, uri=f"file:///{sha}", media_type="text/plain", size=3, sha256=sha)
        for name, sha in (("report.md", "1"), ("report.md", "2"), ("a chart.png", "3"))
    )

    journal.commit(lease, Changes(artifacts=(report,)), now=NOW)
    journal.commit(lease, Changes(artifacts=(report, chart, again)), now=NOW)
    ended = journal.settle(lease, Ending(status=Status.COMPLETED), now=NOW)

    assert ended.artifacts == (chart, again)
    assert ended == journal.get(run.session_id)


def test_settling_ends_the_run(journal: Journal) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease

    ended = journal.settle(
        lease, Ending(status=Status.COMPLETED, result={"total": [1, 2.5, "€"]}), now=later(9)
    )

    assert ended == journal.get(run.session_id)
    assert ended.status is Status.COMPLETED
    assert ended.result == {"total": [1, 2.5, "€"]}
    assert ended.finished_at == ended.updated_at == later(9)
    assert ended.lease is None
    assert _types(journal, run.session_id)[-1] is EventType.EXECUTION_SUCCEEDED


def test_a_failure_may_quote_anything(journal: Journal) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease
    message = "no such file: 'caf\udce9.csv'\n" + "x" * 1_000_000

    journal.settle(
        lease,
        Ending(status=Status.FAILED, error=RunFailure(type="FileNotFoundError", message=message)),
        now=later(9),
    )

    ended = journal.get(run.session_id)
    assert ended is not None
    assert ended.status is Status.FAILED
    assert ended.error is not None
    assert ended.error.message.startswith("no such file: 'caf")
    assert len(ended.error.message) < 10_000


def test_a_parked_run_is_claimed_when_its_time_has_come(journal: Journal) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease

    parked = journal.park(lease, wake_at=later(100), waiting_for="a timer", now=later(1))
    second = claim(journal, run.session_id, now=later(100))

    assert parked.status is Status.WAITING
    assert parked.wake_at == later(100)
    assert parked.waiting_for == "a timer"
    assert parked.lease is None
    assert second.run.attempt == 2
    assert second.run.lost_attempts == 0
    assert _types(journal, run.session_id)[2:] == [EventType.RUN_PARKED, EventType.LEASE_CLAIMED]


def test_a_released_run_is_claimed_at_once(journal: Journal) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease

    released = journal.release(lease, now=later(1), why="shutdown")
    second = claim(journal, run.session_id, now=later(1))

    assert released.status is Status.QUEUED
    assert released.is_due(later(1))
    assert second.run.lost_attempts == 0


def test_a_run_to_be_cancelled_ends_when_its_worker_parks_it(journal: Journal) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease
    journal.cancel(run.session_id, now=later(1), reason="no longer needed")

    parked = journal.park(lease, wake_at=None, waiting_for="an answer", now=later(2))

    assert parked.status is Status.CANCELLED
    assert journal.get(run.session_id) == parked


def test_a_dispatch_is_counted_and_not_repeated_too_soon(journal: Journal) -> None:
    run = accept(journal)

    dispatched = journal.dispatch(run.session_id, now=NOW, retry_at=later(30))

    assert dispatched == journal.get(run.session_id)
    assert dispatched.dispatches == 1
    assert dispatched.wake_at == later(30)
    with pytest.raises(IllegalTransitionError):
        journal.dispatch(run.session_id, now=later(29), retry_at=later(59))
    assert journal.dispatch(run.session_id, now=later(30), retry_at=later(60)).dispatches == 2


def test_of_many_dispatches_at_once_one_is_made(store: JournalStore) -> None:
    run = accept(store.journal())
    journals = [store.journal() for _ in range(8)]

    answers = _at_once(
        8, lambda i: journals[i].dispatch(run.session_id, now=NOW, retry_at=later(30))
    )

    assert sum(isinstance(answer, Run) for answer in answers) == 1, answers
    assert sum(isinstance(answer, IllegalTransitionError) for answer in answers) == 7


def test_cancelling_a_run_nobody_works_on_ends_it(journal: Journal) -> None:
    run = accept(journal)

    first = journal.cancel(run.session_id, now=later(1), reason="no longer needed")
    second = journal.cancel(run.session_id, now=later(2), reason="again")

    assert first.status is Status.CANCELLED
    assert first.error == RunFailure(type="Cancelled", message="no longer needed")
    assert second == first == journal.get(run.session_id)
    assert _types(journal, run.session_id)[1:] == [EventType.EXECUTION_STOPPED]


def test_cancelling_a_run_somebody_works_on_asks_once(journal: Journal) -> None:
    run = accept(journal)
    claim(journal, run.session_id)

    first = journal.cancel(run.session_id, now=later(1), reason="no longer needed")
    second = journal.cancel(run.session_id, now=later(2), reason="again")
    ended = journal.cancel(run.session_id, now=later(LEASE_SECONDS), reason="again")

    assert first.status is Status.BUSY
    assert first.cancel_requested
    assert second == first
    assert ended.status is Status.CANCELLED
    assert ended.cancel_reason == "no longer needed"


def test_a_run_past_its_deadline_ends_whoever_has_it(journal: Journal) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease

    early = journal.expire(run.session_id, now=later(3599))
    late = journal.expire(run.session_id, now=later(3600))
    again = journal.expire(run.session_id, now=later(3601))

    assert early.status is Status.BUSY
    assert late.status is Status.TIMED_OUT
    assert late.error is not None
    assert late.error.type == "DeadlineExceeded"
    assert again == late
    with pytest.raises(LeaseLostError):
        journal.renew(lease, now=later(3601))


def test_a_run_is_concluded_whoever_works_on_it_and_once(journal: Journal) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease
    failure = RunFailure(type="Cancelled", message="stopped")
    ending = Ending(status=Status.CANCELLED, error=failure)

    concluded = journal.conclude(run.session_id, ending, now=later(1))
    again = journal.conclude(run.session_id, ending, now=later(2))

    assert (concluded.status, concluded.error, concluded.lease) == (
        Status.CANCELLED,
        failure,
        None,
    )
    assert again == concluded
    with pytest.raises(LeaseLostError):
        journal.settle(lease, Ending(status=Status.COMPLETED), now=later(3))


def test_giving_up_fails_a_run_nobody_works_on(journal: Journal) -> None:
    run = accept(journal)
    claim(journal, run.session_id)
    failure = RunFailure(type="AttemptsExhausted", message="5 attempts ended without a result")

    held = journal.give_up(run.session_id, error=failure, now=later(1))
    failed = journal.give_up(run.session_id, error=failure, now=later(LEASE_SECONDS))

    assert held.status is Status.BUSY
    assert failed.status is Status.FAILED
    assert failed.error == failure
    assert failed == journal.get(run.session_id)


def test_a_state_machine_s_own_write_is_not_lost(store: JournalStore) -> None:
    """The state machine stores its token on the head without this code."""
    journal = store.journal()
    run = accept(journal)
    lease = claim(journal, run.session_id).lease
    store.alter(run.session_id, "SESSION", lambda head: head.update(wake_token="token-1"))

    journal.commit(lease, Changes(), now=later(1))
    journal.renew(lease, now=later(2))
    parked = journal.park(lease, wake_at=None, waiting_for="an answer", now=later(3))

    assert parked.wake_token == "token-1"


def test_heads_keep_instants_to_the_millisecond(journal: Journal) -> None:
    fine = NOW + timedelta(microseconds=123_456)
    run = accept(journal, created_at=fine)

    head = journal.get(run.session_id)

    assert head is not None
    assert head.created_at == NOW + timedelta(milliseconds=123)
