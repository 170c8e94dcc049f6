"""A fork begins with what another run had finished before a step, and goes on by itself."""

from collections.abc import Mapping

import pytest

from runs.errors import InvalidRequestError
from runs.forking import Fork
from runs.ids import child_session_id
from runs.operations import OperationType
from runs.run import Run, Status
from tests.support.again_workflows import AGAIN, break_at, repair
from tests.support.engine import Engine, StillClock
from tests.support.workflows import noted

FORK = "run-2"


@pytest.fixture
def engine(still: Engine) -> Engine:
    still.registry = AGAIN
    return still


def forked(engine: Engine, at: str, *, results: Mapping[str, str] | None = None) -> Run:
    """Fork the run, and make attempts at the fork until it ends or waits."""
    fork = Fork(session_id=FORK, at=at, source="test", results=results or {})
    engine.journal.fork("run-1", fork, now=engine.clock())
    for _ in range(3):
        engine.look()
    return engine.head(FORK)


def test_a_fork_of_a_run_that_completed_does_a_step_anew(engine: Engine) -> None:
    engine.execute("chain")

    fork = forked(engine, "three")

    assert (fork.status, fork.result) == (Status.COMPLETED, "one two three")
    assert noted(engine.notes) == ["one", "two", "three", "three"]


def test_a_fork_goes_on_with_the_result_it_was_given(engine: Engine) -> None:
    engine.execute("chain")

    fork = forked(engine, "three", results={"one": '"eins"'})

    assert fork.result == "eins two three"


@pytest.mark.parametrize(
    "value", ['{"rows": [1, 2.5, null, true, {"a": "b"}]}', '[["a"], [1]]', "7"]
)
def test_any_value_of_json_can_be_a_step_s_result(engine: Engine, value: str) -> None:
    break_at(engine.notes, "three")
    engine.execute("chain")
    repair(engine.notes, "three")

    fork = forked(engine, "three", results={"two": value})

    assert fork.status is Status.FAILED
    assert fork.error is not None
    assert fork.error.type == "TypeError"


def test_a_step_that_failed_can_be_made_to_have_succeeded(engine: Engine) -> None:
    break_at(engine.notes, "risky")
    engine.execute("cleans-up")

    fork = forked(engine, "cleanup", results={"risky": '"done by hand"'})

    assert fork.result == "publish"
    assert noted(engine.notes) == ["cleanup", "publish"]


def test_a_result_inside_of_a_context_reaches_its_end(engine: Engine) -> None:
    engine.execute("spreads", "NESTED")

    fork = forked(engine, "end", results={"second b": '"other"'})

    whole = next(op for op in engine.journal.operations(FORK) if op.name == "all")
    assert fork.result == "end"
    assert whole.payload is not None
    assert "other" in whole.payload


def test_a_map_has_no_result_to_edit(engine: Engine) -> None:
    engine.execute("spreads", "NESTED")

    with pytest.raises(InvalidRequestError, match="all: is a map or parallel, which has no result"):
        forked(engine, "end", results={"all": "[]"})


def test_a_fork_s_child_is_its_own(engine: Engine) -> None:
    engine.execute("delegates")
    engine.look()
    engine.look()

    fork = forked(engine, "child")

    (invoke,) = [
        each
        for each in engine.journal.operations(FORK)
        if each.type is OperationType.CHAINED_INVOKE
    ]
    assert fork.result == "one two three"
    assert invoke.child_session_id == child_session_id(FORK, invoke.operation_id)
    assert noted(engine.notes).count("one") == 2


def test_a_fork_keeps_what_a_child_has_come_to(engine: Engine) -> None:
    engine.execute("delegates")
    engine.look()
    engine.look()

    fork = forked(engine, "after")

    (invoke,) = [
        each
        for each in engine.journal.operations(FORK)
        if each.type is OperationType.CHAINED_INVOKE
    ]
    assert fork.result == "one two three"
    assert invoke.child_session_id == child_session_id("run-1", invoke.operation_id)
    assert noted(engine.notes).count("one") == 1


def test_a_fork_of_a_child_is_given_what_the_child_was(engine: Engine) -> None:
    engine.execute("delegates")
    engine.look()
    engine.look()
    (invoke,) = [
        each
        for each in engine.journal.operations("run-1")
        if each.type is OperationType.CHAINED_INVOKE
    ]
    child = invoke.child_session_id or ""

    engine.journal.fork(child, Fork(session_id=FORK, at="two", source="test"), now=engine.clock())
    engine.look()

    fork = engine.head(FORK)
    assert (fork.result, fork.parent_session_id) == ("one two three", None)
    assert noted(engine.notes).count("one") == 1


def test_an_answer_can_be_other_than_it_was(engine: Engine, clock: StillClock) -> None:
    engine.execute("asks")
    (callback,) = [
        each for each in engine.journal.operations("run-1") if each.type is OperationType.CALLBACK
    ]
    engine.journal.complete_callback(callback.callback_id or "", '"no"', now=clock.now)
    engine.resume()

    fork = forked(engine, "after", results={"question": '"yes"'})

    assert fork.result == '"yes"'


def test_a_fork_of_what_was_waiting_asks_for_itself(engine: Engine, clock: StillClock) -> None:
    engine.execute("asks")
    engine.journal.cancel("run-1", now=clock.now, reason="no")

    fork = forked(engine, "question")

    first, second = noted(engine.notes)
    assert fork.status is Status.WAITING
    assert first != second


def test_a_file_of_the_run_it_was_forked_from_is_there(engine: Engine) -> None:
    run = engine.execute("chain")

    fork = forked(engine, "three")

    old = {file.name: file.uri for file in run.artifacts}
    new = {file.name: file.uri for file in fork.artifacts}
    assert new.keys() == old.keys()
    assert new["one.txt"] == old["one.txt"]
    assert new["three.txt"] != old["three.txt"]
