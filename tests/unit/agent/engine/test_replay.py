"""A run goes on under other code than it began under, or ends with the first difference."""

import json
from functools import partial
from typing import Any, cast

import pytest
from aws_durable_execution_sdk_python import BatchResult, DurableContext, durable_execution

from agent.registry import Handler
from runs.again import Retry
from runs.events import EventType
from runs.operations import OperationType
from runs.run import Run, Status
from tests.support import versions as v
from tests.support.engine import Engine, StillClock
from tests.support.version_pairs import COMPATIBLE, DIFFERENCES, answer, under


def replayed(engine: Engine, before: Handler, after: Handler) -> Run:
    """Begin a run under one version, until it asks, and go on with the answer under another."""
    assert isinstance(engine.clock, StillClock)
    under(engine, before, "1")
    engine.execute("changing")
    for _ in range(4):
        # A child run or a timer, and what comes after it.
        engine.clock.advance(60)
        engine.look()
    assert engine.head().status is Status.WAITING
    return _answered_under(engine, after)


@pytest.mark.parametrize("kind", DIFFERENCES)
def test_a_run_whose_code_differs_ends_with_the_first_difference(still: Engine, kind: str) -> None:
    before, after, recorded, instead = DIFFERENCES[kind]

    run = replayed(still, before, after)

    assert run.status is Status.FAILED
    assert run.error is not None
    assert run.error.type == "ReplayMismatch"
    assert run.error.message.startswith(f"{recorded} (id ")
    assert f", by attempt 1, version 1), and the code, version 2, {instead}; " in run.error.message


@pytest.mark.parametrize("kind", COMPATIBLE)
def test_a_run_whose_code_asks_for_the_same_goes_on(still: Engine, kind: str) -> None:
    before, after, result = COMPATIBLE[kind]

    run = replayed(still, before, after)
    for _ in range(3):
        still.look()

    assert (run.status, run.error) == (Status.COMPLETED, None)
    assert run.result == result


def test_a_run_that_differs_keeps_what_it_recorded(still: Engine) -> None:
    under(still, v.stepped("load", "check"), "1")
    still.execute("changing")
    before = still.journal.operations("run-1")

    replayed_run = _answered_under(still, v.stepped("load", "verify"))

    assert replayed_run.status is Status.FAILED
    after = still.journal.operations("run-1")
    assert [operation for operation in after if operation.type is OperationType.STEP] == [
        operation for operation in before if operation.type is OperationType.STEP
    ]


def test_a_run_that_differed_goes_on_under_the_code_it_began_under(still: Engine) -> None:
    run = replayed(still, v.stepped("load"), v.stepped("fetch"))
    assert run.status is Status.FAILED
    under(still, v.stepped("load"), "1")

    still.journal.retry("run-1", Retry(by="test"), now=still.clock())
    still.look()

    assert still.head().result == ["load", "yes", "after"]


def test_a_run_that_differed_is_done_again_from_there_by_the_other_code(still: Engine) -> None:
    run = replayed(still, v.stepped("load", "check"), v.stepped("load", "verify"))
    assert run.error is not None
    start = run.error.message.rpartition(" --from ")[2].rstrip("`")

    still.journal.retry("run-1", Retry(by="test", start=start), now=still.clock())
    still.look()
    answer(still.journal, "run-1", now=still.clock())
    still.look()

    assert still.head().result == ["load", "verify", "yes", "after"]


def test_a_run_that_differs_is_told_what_helps(still: Engine) -> None:
    before = v.mapped(["a"], "work", asks_first=True)
    after = v.mapped(["a"], "word", asks_first=True)

    run = replayed(still, before, after)

    assert run.error is not None
    assert "deploy the code that recorded it and `errand retry run-1`" in run.error.message
    (whole,) = [op for op in still.journal.operations("run-1") if op.name == "all"]
    assert f"`errand retry run-1 --from {whole.operation_id[:12]}`" in run.error.message


def test_a_workflow_that_raises_before_what_is_recorded_says_both(still: Engine) -> None:
    run = replayed(still, v.stepped("load"), v.raising("no such bill"))

    assert run.error is not None
    assert run.error.type == "ValueError"
    assert run.error.message.startswith("no such bill; operation 1 is recorded as step 'load' (id ")
    assert run.error.message.endswith("ends without asking for it")


def test_the_timeline_tells_of_the_other_version(still: Engine) -> None:
    replayed(still, v.stepped("load"), v.stepped("load"))

    events = [recorded.event for recorded in still.journal.events("run-1")]
    (changed,) = [event for event in events if event.type is EventType.WORKFLOW_CHANGED]
    assert changed.details == {"From": "1", "To": "2"}


def test_the_branches_beside_the_one_that_differs_record_no_further_work(still: Engine) -> None:
    before = v.mapped(["a", "b"], "work", asks_first=True)
    after = v.mapped(["a", "b"], "word", asks_first=True)

    replayed(still, before, after)

    names = [operation.name for operation in still.journal.operations("run-1")]
    assert "word" not in names


def test_a_large_map_keeps_its_items_apart(still: Engine) -> None:
    items = [f"item {number}" for number in range(500)]
    under(still, v.mapped(items), "1")

    still.execute("changing")

    (mapped,) = [op for op in still.journal.operations("run-1") if op.sub_type == "Map"]
    assert len(set(json.loads(mapped.items or "[]"))) == len(items)


@pytest.mark.parametrize("is_map", [True, False], ids=["map", "parallel"])
def test_items_that_can_be_read_once_are_worked_on_all_the_same(
    still: Engine, *, is_map: bool
) -> None:
    @durable_execution
    def workflow(_event: object, context: DurableContext) -> list[int]:
        def branch(_: DurableContext, item: int, *_place: object) -> int:
            return item

        found: BatchResult[int]
        # As untyped code may: the SDK takes what it asks a sequence of.
        if is_map:
            found = context.map(cast("Any", iter([1, 2])), branch, name="all")
        else:
            branches = (partial(branch, item=item) for item in (1, 2))
            found = context.parallel(cast("Any", branches), name="all")
        v.ask(context)
        return found.get_results()

    run = replayed(still, workflow, workflow)

    assert (run.status, run.result) == (Status.COMPLETED, [1, 2])


def _answered_under(engine: Engine, handler: Handler) -> Run:
    under(engine, handler, "2")
    answer(engine.journal, "run-1", now=engine.clock())
    engine.look()
    return engine.head()
