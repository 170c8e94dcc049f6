"""What may change under a run and what may not: pairs of versions, and what comes of each."""

from datetime import datetime

from aws_durable_execution_sdk_python import DurableContext
from aws_durable_execution_sdk_python.config import NestingType, ParallelBranch

from agent.registry import Handler, Registry
from runs.journal.base import Journal
from runs.json_types import Json
from runs.operations import OperationType
from tests.support import versions as v
from tests.support.durable_workflows import echo
from tests.support.engine import Engine

FLAT = NestingType.FLAT


def _unnamed() -> v.Branch:
    """Make a branch that can't be told from others by its function's name."""

    def branch(child: DurableContext) -> Json:
        done: Json = v.step(child, "work")
        return done

    return branch


def under(engine: Engine, handler: Handler, version: str) -> None:
    """Have the workflow `changing` be another version from now on."""
    engine.registry = Registry(
        {"changing": handler, "echo": echo, "other": echo}, versions={"changing": version}
    )


def answer(journal: Journal, session_id: str, *, now: datetime) -> None:
    """Answer the one question of a run."""
    (callback,) = [
        operation
        for operation in journal.operations(session_id)
        if operation.type is OperationType.CALLBACK
    ]
    journal.complete_callback(callback.callback_id or "", "yes", now=now)


#: Before, after, what is recorded, and what the code does instead.
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
        v.split(ParallelBranch(_unnamed(), name="one"), ParallelBranch(_unnamed(), name="two")),
        v.split(ParallelBranch(_unnamed(), name="two"), ParallelBranch(_unnamed(), name="one")),
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

#: Before, after, and the result.
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
        v.split(_unnamed(), _unnamed()),
        v.split(_unnamed(), _unnamed()),
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
