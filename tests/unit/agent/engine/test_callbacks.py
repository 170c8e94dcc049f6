"""A workflow's questions are answered from outside, wherever the run is at that moment."""

from dataclasses import replace
from datetime import timedelta

import pytest

from runs.answering import Answers
from runs.errors import CallbackClosedError
from runs.events import EventType
from runs.operations import OperationError, OperationStatus, OperationType
from runs.run import RunFailure, Status
from tests.support.engine import Engine, StillClock, wait_until
from tests.support.workflows import noted


def answers(engine: Engine) -> Answers:
    """Give what answers, as another process has it."""
    return Answers(journal=engine.journal, signal=engine.signals, clock=engine.clock)


def callback_id(engine: Engine) -> str:
    (found,) = [
        operation.callback_id
        for operation in engine.journal.operations("run-1")
        if operation.type is OperationType.CALLBACK
    ]
    assert found is not None
    return found


def test_an_answer_to_a_parked_run_wakes_it_and_the_next_worker_goes_on(still: Engine) -> None:
    parked = still.execute("approves", "")
    assert (parked.status, parked.is_due(still.clock())) == (Status.WAITING, False)
    (given,) = noted(still.notes)

    run = answers(still).complete(given, "yes", by="Ann")

    assert run.is_due(still.clock())
    still.look()
    assert still.head().result == "answer: yes"
    assert still.head().attempt == 2


def test_whoever_waits_for_the_run_is_signalled(still: Engine) -> None:
    still.execute("approves", "", wake_token="first")
    still.signals.tokens.clear()

    answers(still).complete(callback_id(still), "yes")

    assert still.signals.tokens == ["first"]


def test_an_error_given_as_an_answer_fails_the_workflow(still: Engine) -> None:
    still.execute("approves", "")

    answers(still).fail(callback_id(still), OperationError(type="Rejected", message="too dear"))
    still.look()

    assert still.head().error == RunFailure(type="Rejected", message="too dear")


def test_an_answer_that_comes_while_the_workflow_works_is_seen_when_it_looks(
    durable: Engine,
) -> None:
    with durable.executing("asks-and-waits"):
        wait_until(lambda: len(durable.journal.operations("run-1")) == 2)
        answers(durable).complete(callback_id(durable), "yes")
        durable.notes.write_text("go on", encoding="utf-8")

    run = durable.head()
    assert (run.status, run.result, run.attempt) == (Status.COMPLETED, "answer: yes", 1)


def test_an_answer_that_comes_between_the_last_look_and_parking_is_not_lost(
    still: Engine,
) -> None:
    park = still.journal.park

    def answer_first(*args: object, **given: object) -> object:
        answers(still).complete(callback_id(still), "yes")
        return park(*args, **given)  # type: ignore[arg-type]

    still.journal.park = answer_first  # type: ignore[method-assign,assignment]
    parked = still.execute("approves", "")

    assert (parked.status, parked.is_due(still.clock())) == (Status.WAITING, True)
    still.look()
    assert still.head().result == "answer: yes"


def test_an_answer_ends_the_stay_for_a_timer_that_is_near(durable: Engine) -> None:
    durable.limits = replace(durable.limits, park_after=timedelta(minutes=10))

    with durable.executing("approves", "300"):
        wait_until(lambda: EventType.INVOCATION_COMPLETED in durable.event_types())
        answers(durable).complete(callback_id(durable), "yes")

    assert durable.head().result == "answer: yes"
    assert EventType.RUN_PARKED not in durable.event_types()


def test_an_answer_resumes_one_branch_while_another_waits_for_its_timer(
    still: Engine, clock: StillClock
) -> None:
    still.execute("waits-and-asks", "60")
    answers(still).complete(callback_id(still), "yes")
    still.look()
    assert still.head().status is Status.WAITING

    clock.advance(60)
    still.look()

    assert still.head().result == "yes and waited"


@pytest.mark.parametrize(
    ("limits", "seconds", "kind"),
    [
        ("60 0", 60, "Callback.Timeout"),
        ("60 10", 10, "Callback.Heartbeat"),
        ("0 10", 10, "Callback.Heartbeat"),
        ("10 60", 10, "Callback.Timeout"),
    ],
)
def test_a_question_nobody_answers_fails_with_the_time_out_of_the_service(
    still: Engine, clock: StillClock, limits: str, seconds: int, kind: str
) -> None:
    still.execute("approves", limits)
    clock.advance(seconds - 1)
    still.look()
    assert still.head().status is Status.WAITING

    clock.advance(1)
    still.look()

    assert still.head().error is not None
    assert still.head().error.type == kind  # type: ignore[union-attr]
    with pytest.raises(CallbackClosedError):
        answers(still).complete(callback_id(still), "late")


def test_a_heartbeat_keeps_a_question_open(still: Engine, clock: StillClock) -> None:
    still.execute("approves", "0 10")
    for _ in range(5):
        clock.advance(9)
        answers(still).heartbeat(callback_id(still))
        still.look()

    answers(still).complete(callback_id(still), "yes")
    still.look()

    assert still.head().result == "answer: yes"


def test_an_answer_and_results_may_have_a_serialiser_of_their_own(still: Engine) -> None:
    still.execute("answers-with-serdes")

    answers(still).complete(callback_id(still), "sey")
    still.look()

    assert still.head().result == "step child yes"
    payloads = {kept.name: kept.payload for kept in still.journal.operations("run-1")}
    assert payloads == {"step": "pets", "child": "dlihc", "approve": "sey"}


def test_an_answered_question_stays_answered_when_its_worker_dies(still: Engine) -> None:
    still.execute("approves", "")
    answers(still).complete(callback_id(still), "yes")
    # Claimed by a worker that dies at once.
    still.journal.claim("run-1", owner="dead", token="dead", now=still.clock(), lease_seconds=6)
    still.clock.advance(7)  # type: ignore[attr-defined]

    still.look()

    assert still.head().result == "answer: yes"
    statuses = {kept.status for kept in still.journal.operations("run-1")}
    assert statuses == {OperationStatus.SUCCEEDED}
