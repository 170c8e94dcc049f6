"""A run goes on under other code than it began under, or ends with the first difference."""

import json
from typing import Any

import pytest
from aws_durable_execution_sdk_python.config import NestingType, ParallelBranch

from agent.registry import Handler, Registry
from runs.again import Retry
from runs.events import EventType
from runs.journal.base import Journal
from runs.operations import OperationType
from runs.run import Run, Status
from tests.support import versions as v
from tests.support.durable_workflows import echo
from tests.support.engine import Engine, StillClock

FLAT = NestingType.FLAT
LAMBDA = lambda child: v.step(child, "work")  # noqa: E731 - a branch without a name of its own


def under(engine: Engine, handler: Handler, version: str) -> None:
    engine.registry = Registry(
        {"changing": handler, "echo": echo, "other": echo}, versions={"changing": version}
    )


def answer(journal: Journal, session_id: str, *, now: Any) -> None:  # noqa: ANN401 - an instant
    (callback,) = [
        operation
        for operation in journal.operations(session_id)
        if operation.type is OperationType.CALLBACK
    ]
    journal.complete_callback(callback.callback_id or "", "yes", now=now)


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


DIFFERENCES = {
    "a renamed step": (
        v.stepped("load", "check"),
        v.stepped("load", "verify"),
        "operation 2 is recorded as step 'check'",
        "asks for step 'verify' in its place",
    ),
    "a step that was not there before": (
        v.stepped("load"),
        v.stepped("fetch", "load"),
        "operation 1 is recorded as step 'load'",
        "asks for step 'fetch' in its place",
    ),
    "another order": (
        v.stepped("load", "check"),
        v.stepped("check", "load"),
        "operation 1 is recorded as step 'load'",
        "asks for step 'check' in its place",
    ),
    "a step that is gone": (
        v.stepped("load", "check"),
        v.stepped("load"),
        "operation 2 is recorded as step 'check'",
        "asks for callback 'approve' in its place",
    ),
    "a wait where a step was": (
        v.stepped("before", "pause"),
        v.waiting(60),
        "operation 2 is recorded as step 'pause'",
        "asks for wait 'pause' in its place",
    ),
    "a last step that is gone": (
        v.asking_early("load", "check"),
        v.asking_early("load"),
        "operation 3 is recorded as step 'check'",
        "ends without asking for it",
    ),
    "nothing asked for any more": (
        v.stepped("load"),
        v.mapped([]),
        "operation 1 is recorded as step 'load'",
        "asks for map 'all' in its place",
    ),
    "a step inside a branch that is not finished": (
        v.mapped(["a"], "work", asks_first=True),
        v.mapped(["a"], "word", asks_first=True),
        "operation 1 of branch 'map-item-0' of map 'all' is recorded as step 'work'",
        "asks for step 'word' in its place",
    ),
    "a branch that does less": (
        v.mapped(["a"], "work", asks_first=True),
        v.mapped(["a"], "work"),
        "operation 2 of branch 'map-item-0' of map 'all' is recorded as callback 'approve'",
        "ends without asking for it",
    ),
    "a flat branch that does less": (
        v.mapped(["a"], "work", asks_first=True, nesting=FLAT),
        v.mapped(["a"], "work", nesting=FLAT),
        "operation 2 of map 'all' is recorded as callback 'approve'",
        "ends its branch without asking for it",
    ),
    "flat branches that were nested": (
        v.mapped(["a"], "work", asks_first=True),
        v.mapped(["a"], "work", asks_first=True, nesting=FLAT),
        "operation 1 of map 'all' is recorded as branch 'map-item-0'",
        "asks for a context there that records nothing of its own",
    ),
    "nested branches that were flat": (
        v.mapped(["a"], "work", asks_first=True, nesting=FLAT),
        v.mapped(["a"], "work", asks_first=True),
        "operation 1 of map 'all' is recorded as step 'work'",
        "asks for it in another context",
    ),
    "fewer items": (
        v.mapped(["a", "b"], "work", asks_first=True),
        v.mapped(["a"], "work", asks_first=True),
        "operation 1 is recorded as map 'all'",
        "gives it 1 items, not 2",
    ),
    "more items": (
        v.mapped(["a"], "work", asks_first=True),
        v.mapped(["a", "b"], "work", asks_first=True),
        "operation 1 is recorded as map 'all'",
        "gives it 2 items, not 1",
    ),
    "another item": (
        v.mapped(["a", {"topic": "b", "n": 1}], "work", asks_first=True),
        v.mapped(["a", {"topic": "c", "n": 1}], "work", asks_first=True),
        "operation 1 is recorded as map 'all'",
        "gives it another item 2",
    ),
    "more items of a finished map": (
        v.mapped(["a"], "work"),
        v.mapped(["a", "b"], "work"),
        "operation 1 is recorded as map 'all'",
        "gives it 2 items, not 1",
    ),
    "more items of a map that is replayed": (
        v.large_map(["a", "b"]),
        v.large_map(["a", "b", "c"]),
        "operation 1 is recorded as map 'all'",
        "gives it 3 items, not 2",
    ),
    "branches that are swapped": (
        v.split(v.left, v.right),
        v.split(v.right, v.left),
        "operation 1 is recorded as parallel 'both'",
        "gives it another item 1",
    ),
    "named branches that are swapped": (
        v.split(ParallelBranch(LAMBDA, name="one"), ParallelBranch(LAMBDA, name="two")),
        v.split(ParallelBranch(LAMBDA, name="two"), ParallelBranch(LAMBDA, name="one")),
        "operation 1 is recorded as parallel 'both'",
        "gives it another item 1",
    ),
    "a branch that is gone": (
        v.split(v.left, v.right),
        v.split(v.left),
        "operation 1 is recorded as parallel 'both'",
        "gives it 1 items, not 2",
    ),
    "a child context that is virtual": (
        v.nested("load"),
        v.nested("load", is_virtual=True),
        "operation 1 is recorded as child context 'group'",
        "asks for a context there that records nothing of its own",
    ),
    "a virtual context that does less": (
        v.nested("load", "check", is_virtual=True),
        v.nested("load", is_virtual=True),
        "operation 2 is recorded as step 'check'",
        "asks for callback 'approve' in its place",
    ),
    "a child context that is gone": (
        v.nested("load"),
        v.nested("load", has_context=False),
        "operation 1 is recorded as child context 'group'",
        "asks for step 'load' in its place",
    ),
    "less in a child context that is replayed": (
        v.large("load", "check"),
        v.large("load"),
        "operation 2 of child context 'large' is recorded as step 'check'",
        "ends without asking for it",
    ),
    "another workflow to invoke": (
        v.invoking("echo", {"n": 1}),
        v.invoking("other", {"n": 1}),
        "operation 1 is recorded as invoke 'child'",
        "invokes 'other', not 'echo'",
    ),
    "another payload": (
        v.invoking("echo", {"n": 1}),
        v.invoking("echo", {"n": 2}),
        "operation 1 is recorded as invoke 'child'",
        "gives 'echo' another payload",
    ),
    "a difference that is caught": (
        v.careless("load"),
        v.careless("fetch"),
        "operation 1 is recorded as step 'load'",
        "asks for step 'fetch' in its place",
    ),
    "a child context that fails where it did not, and is caught": (
        v.catching("load"),
        v.catching("load", raises=True),
        "operation 1 of child context 'group' is recorded as step 'load'",
        "raises ValueError: no such bill, without asking for it",
    ),
}

COMPATIBLE = {
    "the same": (v.stepped("load"), v.stepped("load"), ["load", "yes", "after"]),
    "another step after the question": (
        v.stepped("load"),
        v.stepped("load", then="later"),
        ["load", "yes", "later"],
    ),
    "a step after the last one": (
        v.asking_early("load"),
        v.asking_early("load", last="report"),
        ["load", "yes", "report"],
    ),
    "another body of what is finished": (
        v.mapped(["a"], "work"),
        v.mapped(["a"], "word"),
        [[[["work", "a"]]], "yes"],
    ),
    "another time of a wait": (v.waiting(60), v.waiting(30), "yes"),
    "another order of keys in a payload": (
        v.invoking("echo", {"a": 1, "b": 2}),
        v.invoking("echo", {"b": 2, "a": 1}),
        [{"a": 1, "b": 2}, "yes"],
    ),
    "items that can't be compared": (
        v.mapped([object()]),
        v.mapped([object()]),
        [[[]], "yes"],
    ),
    "branches without names": (
        v.split(LAMBDA, LAMBDA),
        v.split(LAMBDA, LAMBDA),
        [["work", "work"], "yes"],
    ),
    "flat branches": (
        v.mapped(["a", "b"], "work", asks_first=True, nesting=FLAT),
        v.mapped(["a", "b"], "work", asks_first=True, nesting=FLAT),
        [[[["work", "a"], "yes"], [["work", "b"]]], None],
    ),
    "a virtual context": (
        v.nested("load", is_virtual=True),
        v.nested("load", is_virtual=True),
        ["load", "yes"],
    ),
    "a context that is replayed": (v.large("load"), v.large("load"), [300 * 1024 + 4, "yes"]),
    "a map that is replayed": (v.large_map(["a", "b"]), v.large_map(["a", "b"]), [2, "yes"]),
    "a flat map that is replayed": (
        v.large_map(["a", "b"], nesting=FLAT),
        v.large_map(["a", "b"], nesting=FLAT),
        [2, "yes"],
    ),
}


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


def _answered_under(engine: Engine, handler: Handler) -> Run:
    under(engine, handler, "2")
    answer(engine.journal, "run-1", now=engine.clock())
    engine.look()
    return engine.head()
