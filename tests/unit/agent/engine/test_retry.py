"""A run that ended badly is taken up again where it failed, or from an earlier step on."""

from datetime import timedelta

import pytest

from runs.again import Retry
from runs.callbacks import place_of
from runs.children import child_id
from runs.errors import CallbackClosedError, CallbackNotFoundError, RetryRefusedError
from runs.events import EventType
from runs.operations import Operation, OperationType
from runs.run import Run, Status
from tests.support.again_workflows import AGAIN, break_at, repair
from tests.support.engine import Engine, StillClock
from tests.support.workflows import noted


@pytest.fixture
def engine(still: Engine) -> Engine:
    still.registry = AGAIN
    return still


def retry(engine: Engine, start: str | None = None, session_id: str = "run-1") -> Run:
    """Retry a run."""
    return engine.journal.retry(session_id, Retry(by="test", start=start), now=engine.clock())


def retried(engine: Engine, start: str | None = None) -> Run:
    """Retry the run and make an attempt at it."""
    retry(engine, start)
    return engine.resume()


def only(engine: Engine, kind: OperationType) -> Operation:
    """Give the operation of a kind."""
    (found,) = [each for each in engine.journal.operations("run-1") if each.type is kind]
    return found


def test_only_the_step_that_failed_is_done_again(engine: Engine) -> None:
    break_at(engine.notes, "three")
    failed = engine.execute("chain")
    repair(engine.notes, "three")

    again = retried(engine)

    assert failed.status is Status.FAILED
    assert (again.status, again.result) == (Status.COMPLETED, "one two three")
    assert noted(engine.notes) == ["one", "two", "three"]


def test_a_step_that_fails_again_can_be_retried_again(engine: Engine) -> None:
    break_at(engine.notes, "three")
    engine.execute("chain")
    assert retried(engine).status is Status.FAILED
    repair(engine.notes, "three")

    again = retried(engine)

    assert (again.status, again.retries, again.attempt) == (Status.COMPLETED, 2, 3)
    assert noted(engine.notes) == ["one", "two", "three"]


def test_a_failure_the_workflow_bore_stays_as_it_was(engine: Engine) -> None:
    break_at(engine.notes, "risky", "last")
    engine.execute("bears")
    repair(engine.notes, "risky", "last")

    again = retried(engine)

    assert again.result == "instead last"
    assert noted(engine.notes) == ["instead", "last"]


def test_what_followed_the_step_that_failed_gives_way(engine: Engine) -> None:
    break_at(engine.notes, "risky")
    engine.execute("cleans-up")
    repair(engine.notes, "risky")

    again = retried(engine)

    assert again.result == "publish"
    assert noted(engine.notes) == ["cleanup", "risky", "publish"]


def test_a_workflow_that_failed_between_its_steps_repeats_none_of_them(engine: Engine) -> None:
    break_at(engine.notes, "thought")
    engine.execute("thinks")
    repair(engine.notes, "thought")

    again = retried(engine)

    assert again.result == "two"
    assert noted(engine.notes) == ["one", "two"]


@pytest.mark.parametrize("nesting", ["NESTED", "FLAT"])
@pytest.mark.parametrize("telling", ["", " in-own-words"])
def test_a_map_keeps_the_work_of_the_branches_that_succeeded(
    engine: Engine, nesting: str, telling: str
) -> None:
    break_at(engine.notes, "second a", "first c")
    failed = engine.execute("spreads", nesting + telling)
    repair(engine.notes, "second a", "first c")

    again = retried(engine)

    assert failed.status is Status.FAILED
    assert (again.status, again.result) == (Status.COMPLETED, "end")
    assert sorted(noted(engine.notes)) == [
        "begin",
        "end",
        *("first a", "first b", "first c"),
        *("second a", "second b", "second c"),
    ]


@pytest.mark.parametrize("nesting", ["NESTED", "FLAT"])
def test_other_branches_do_not_come_after_a_step_of_one(engine: Engine, nesting: str) -> None:
    break_at(engine.notes, "end")
    engine.execute("spreads", nesting)
    repair(engine.notes, "end")

    again = retried(engine, "second a")

    assert again.result == "end"
    assert sorted(noted(engine.notes)) == sorted(
        [
            "begin",
            *("first a", "first b", "first c"),
            *("second a", "second b", "second c"),
            *("second a", "end"),
        ]
    )


@pytest.mark.parametrize(
    ("start", "repeated"),
    [
        ("inner two", ["inner two", "outer two", "end"]),
        ("outer one", ["outer one", "inner one", "inner two", "outer two", "end"]),
        ("outer", ["outer one", "inner one", "inner two", "outer two", "end"]),
        ("outer two", ["outer two", "end"]),
    ],
)
def test_everything_from_a_step_on_is_done_again(
    engine: Engine, start: str, repeated: list[str]
) -> None:
    break_at(engine.notes, "end")
    engine.execute("nests")
    repair(engine.notes, "end")
    first = noted(engine.notes)

    again = retried(engine, start)

    assert again.result == "end"
    assert noted(engine.notes)[len(first) :] == repeated


def test_a_file_leaves_the_head_with_the_step_that_saved_it(engine: Engine) -> None:
    break_at(engine.notes, "three")
    failed = engine.execute("chain")

    queued = retry(engine, "two")

    assert [file.name for file in failed.artifacts] == ["one.txt", "three.txt", "two.txt"]
    assert [file.name for file in queued.artifacts] == ["one.txt"]


def test_what_a_retry_saves_leaves_the_earlier_file_as_it_was(engine: Engine) -> None:
    break_at(engine.notes, "three")
    failed = engine.execute("chain")
    repair(engine.notes, "three")

    again = retried(engine, "two")

    old = {file.name: file.uri for file in failed.artifacts}
    new = {file.name: file.uri for file in again.artifacts}
    assert new["one.txt"] == old["one.txt"]
    assert new["two.txt"] != old["two.txt"]


def test_a_retried_run_is_free_of_what_ended_it(engine: Engine, clock: StillClock) -> None:
    break_at(engine.notes, "three")
    engine.execute("chain")
    clock.advance(7_000)

    queued = retry(engine)

    assert (queued.status, queued.error, queued.finished_at) == (Status.QUEUED, None, None)
    assert queued.is_due(clock.now)
    assert queued.deadline_at - clock.now == timedelta(hours=1)
    assert engine.event_types()[-1] is EventType.RUN_RETRIED


def test_a_cancelled_run_goes_on_where_it_was(engine: Engine, clock: StillClock) -> None:
    engine.execute("waits", "60")
    engine.journal.cancel("run-1", now=clock.now, reason="changed my mind")
    clock.advance(120)

    again = retried(engine)

    assert again.result == "waited"
    assert noted(engine.notes) == ["before", "after"]


def test_a_run_that_completed_is_not_retried(engine: Engine) -> None:
    engine.execute("chain")

    with pytest.raises(RetryRefusedError, match="it is COMPLETED, and its result was announced"):
        retry(engine)


def test_a_run_that_has_not_ended_is_not_retried(engine: Engine) -> None:
    engine.execute("waits", "60")

    with pytest.raises(RetryRefusedError, match="it is WAITING, and has not ended"):
        retry(engine)


def test_a_retry_that_is_repeated_is_one(engine: Engine) -> None:
    break_at(engine.notes, "three")
    engine.execute("chain")

    first = retry(engine)

    assert retry(engine) == first


def test_a_question_that_timed_out_is_asked_anew(engine: Engine, clock: StillClock) -> None:
    engine.execute("asks")
    clock.advance(61)
    failed = engine.resume()
    old = only(engine, OperationType.CALLBACK).callback_id or ""
    retried(engine)
    new = only(engine, OperationType.CALLBACK).callback_id or ""

    engine.journal.complete_callback(new, '"yes"', now=clock.now)

    assert failed.status is Status.FAILED
    assert engine.resume().result == '"yes"'
    assert place_of(new) == place_of(old)
    assert noted(engine.notes) == [old, new, "after"]


def test_an_old_link_does_not_answer_a_new_question(engine: Engine, clock: StillClock) -> None:
    engine.execute("asks")
    clock.advance(61)
    engine.resume()
    old = only(engine, OperationType.CALLBACK).callback_id or ""
    retried(engine)

    with pytest.raises(CallbackNotFoundError):
        engine.journal.complete_callback(old, '"yes"', now=clock.now)


def test_a_question_nobody_could_answer_in_time_is_asked_anew(
    engine: Engine, clock: StillClock
) -> None:
    engine.execute("asks")
    old = only(engine, OperationType.CALLBACK).callback_id or ""
    engine.journal.cancel("run-1", now=clock.now, reason="no")
    with pytest.raises(CallbackClosedError):
        engine.journal.complete_callback(old, '"yes"', now=clock.now)
    clock.advance(61)

    waiting = retried(engine)

    assert waiting.status is Status.WAITING
    assert only(engine, OperationType.CALLBACK).callback_id != old


def test_a_question_that_is_still_open_keeps_its_link(engine: Engine, clock: StillClock) -> None:
    engine.execute("asks")
    link = only(engine, OperationType.CALLBACK).callback_id or ""
    engine.journal.cancel("run-1", now=clock.now, reason="no")
    retried(engine)

    engine.journal.complete_callback(link, '"yes"', now=clock.now)

    assert engine.resume().result == '"yes"'


def test_the_child_that_failed_is_retried_with_its_checkpoints(engine: Engine) -> None:
    break_at(engine.notes, "three")
    engine.execute("delegates")
    engine.look()
    engine.look()
    assert engine.head().status is Status.FAILED
    repair(engine.notes, "three")

    retry(engine)
    for _ in range(3):
        engine.look()

    child = engine.head(child_id("run-1", only(engine, OperationType.CHAINED_INVOKE)))
    assert engine.head().result == "one two three"
    assert child.retries == 1
    assert noted(engine.notes) == ["before", "one", "two", "three", "after"]


def test_the_child_of_a_cancelled_run_goes_on_with_it(engine: Engine, clock: StillClock) -> None:
    engine.execute("delegates")
    engine.journal.cancel("run-1", now=clock.now, reason="no")
    child_session = child_id("run-1", only(engine, OperationType.CHAINED_INVOKE))
    assert engine.head(child_session).status is Status.CANCELLED

    retry(engine)
    for _ in range(3):
        engine.look()

    assert engine.head().result == "one two three"


def test_a_child_is_not_retried_without_its_parent(engine: Engine, clock: StillClock) -> None:
    engine.execute("delegates")
    engine.journal.cancel("run-1", now=clock.now, reason="no")
    child_session = child_id("run-1", only(engine, OperationType.CHAINED_INVOKE))

    with pytest.raises(RetryRefusedError, match="its parent run run-1 is CANCELLED; retry that"):
        retry(engine, session_id=child_session)


def test_an_invoke_that_is_done_again_has_a_child_of_its_own(engine: Engine) -> None:
    break_at(engine.notes, "after")
    engine.execute("delegates")
    engine.look()
    engine.look()
    first = child_id("run-1", only(engine, OperationType.CHAINED_INVOKE))
    repair(engine.notes, "after")

    retry(engine, "child")
    for _ in range(3):
        engine.look()

    second = child_id("run-1", only(engine, OperationType.CHAINED_INVOKE))
    assert first != second
    assert engine.head(second).status is Status.COMPLETED
    assert noted(engine.notes).count("one") == 2


def test_the_history_of_a_retried_run_has_no_invocation_that_was_lost(engine: Engine) -> None:
    break_at(engine.notes, "three")
    engine.execute("chain")
    repair(engine.notes, "three")
    retried(engine)

    history = engine.journal.history("run-1")

    invocations = [each for each in history if each["EventType"] == "InvocationCompleted"]
    assert len(invocations) == 2


def test_the_history_tells_what_a_step_came_to_and_not_what_its_successor_did(
    engine: Engine, clock: StillClock
) -> None:
    break_at(engine.notes, "three")
    engine.execute("chain")
    repair(engine.notes, "three")
    clock.advance(60)
    retried(engine, "two")

    history = engine.journal.history("run-1")

    ended = [each for each in history if each["EventType"] == "StepSucceeded"]
    results = [(each["Name"], each["StepSucceededDetails"]["Result"]) for each in ended]  # type: ignore[call-overload,index]
    assert results == [
        ("one", {"Payload": '"one"', "Truncated": False}),
        ("two", {"Truncated": True}),
        ("two", {"Payload": '"two"', "Truncated": False}),
        ("three", {"Payload": '"three"', "Truncated": False}),
    ]
    assert history[0]["ExecutionStartedDetails"]["ExecutionTimeout"] == 3_600  # type: ignore[call-overload,index]
