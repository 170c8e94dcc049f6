"""A workflow invokes another, which is a run of its own and survives the death of everything."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from agent.durable.children import Children
from agent.durable.recorded import Moment
from runs.errors import JournalUnavailableError
from runs.ids import child_session_id
from runs.journal.base import Accepted
from runs.operations import Operation, OperationStatus, OperationType
from runs.run import Run, RunFailure, Status
from runs.watch import NobodyWatches
from tests.support.engine import Engine, StillClock


def invoke_of(engine: Engine) -> Operation:
    (found,) = [
        operation
        for operation in engine.journal.operations("run-1")
        if operation.type is OperationType.CHAINED_INVOKE
    ]
    return found


def child_of(engine: Engine) -> Run:
    return engine.head(child_session_id("run-1", invoke_of(engine).operation_id))


def asking(workflow: str, payload: object = None) -> str:
    return json.dumps({"workflow": workflow, "payload": payload})


@pytest.mark.parametrize("payload", [{"a": [1, None, "ü"]}, "text", 3, None])
def test_a_child_is_given_the_payload_and_gives_its_result(still: Engine, payload: object) -> None:
    parent = still.execute("invokes", asking("echo", payload))
    assert (parent.status, parent.wake_at) == (Status.WAITING, None)

    still.look()
    still.look()

    assert child_of(still).status is Status.COMPLETED
    assert still.head().result == {"from child": payload}


def test_a_parent_is_due_when_its_child_has_ended_and_not_before(still: Engine) -> None:
    still.execute("invokes", asking("echo"))
    child = child_of(still)
    before = still.head().is_due(still.clock())

    still.runner.run(still.job(child.session_id))

    assert not before
    assert still.head().is_due(still.clock())
    assert child.parent_session_id == "run-1"


def test_whoever_waits_for_the_parent_is_signalled_by_the_child(still: Engine) -> None:
    still.execute("invokes", asking("echo"), wake_token="parent's")
    still.signals.tokens.clear()

    still.runner.run(still.job(child_of(still).session_id))

    assert still.signals.tokens == ["parent's"]


def test_a_child_that_fails_fails_the_invoke_with_its_error(still: Engine) -> None:
    still.execute("invokes", asking("breaks", "me"))
    still.look()
    still.look()

    assert invoke_of(still).status is OperationStatus.FAILED
    assert still.head().error == RunFailure(type="ValueError", message="broken by me")


def test_children_of_branches_run_beside_each_other(still: Engine) -> None:
    still.execute("fans-out", "5")
    still.look()
    still.look()

    assert still.head().result == [{"item": n} for n in range(5)]


def test_a_child_that_could_not_be_accepted_is_accepted_by_the_next_worker(still: Engine) -> None:
    still.limits = replace(still.limits, lease_seconds=0.4)
    still.accept("invokes", asking("echo", 1))
    accept = still.journal.accept

    def no_answer(_run: Run) -> Accepted:
        msg = "the store is throttling"
        raise JournalUnavailableError(msg)

    still.journal.accept = no_answer  # type: ignore[method-assign,assignment]
    left = still.resume()
    still.journal.accept = accept  # type: ignore[method-assign]
    assert (left.status, invoke_of(still).status) == (Status.QUEUED, OperationStatus.STARTED)

    for _ in range(3):
        still.look()

    assert still.head().result == {"from child": 1}


def test_a_child_is_accepted_once_though_its_parent_is_replayed(
    still: Engine, clock: StillClock
) -> None:
    still.execute("invokes", asking("sleeps", 1), wake_at=still.clock())
    first = child_of(still)
    moment = Moment(session_id="run-1", attempt=1, now=clock() + timedelta(seconds=5))
    children = Children(journal=still.journal, workflows={"sleeps"})

    again = children.begin(still.head(), invoke_of(still), moment)

    assert again is None
    assert child_of(still) == first


def test_the_end_of_a_cancelled_parent_ends_its_child(still: Engine) -> None:
    still.execute("invokes", asking("sleeps"))
    still.look()
    assert child_of(still).status is Status.WAITING

    still.journal.cancel("run-1", now=still.clock(), reason="changed my mind")

    child = child_of(still)
    assert child.status is Status.CANCELLED
    assert child.error == RunFailure(type="Cancelled", message="its parent run run-1 is CANCELLED")


def test_a_child_whose_parent_is_gone_ends_when_it_is_taken_up(
    still: Engine, clock: StillClock
) -> None:
    still.execute("invokes", asking("sleeps"), deadline_at=clock() + timedelta(hours=2))
    still.look()
    still.journal._with_children = lambda run, _now: run  # type: ignore[method-assign,assignment]
    still.journal.cancel("run-1", now=clock(), reason="changed my mind")
    assert child_of(still).status is Status.WAITING

    clock.advance(3_600)
    still.runner.run(still.job(child_of(still).session_id))

    assert child_of(still).status is Status.CANCELLED


def test_a_child_has_its_parent_s_deadline(still: Engine, clock: StillClock) -> None:
    still.execute("invokes", asking("sleeps"))
    still.look()

    assert child_of(still).deadline_at == still.head().deadline_at
    clock.advance(3_601)
    still.look()
    assert (still.head().status, child_of(still).status) == (Status.TIMED_OUT, Status.TIMED_OUT)


def test_a_cancelled_child_stops_the_invoke(still: Engine) -> None:
    still.execute("invokes", asking("sleeps"))
    still.journal.cancel(child_of(still).session_id, now=still.clock(), reason="no need")

    still.look()

    assert invoke_of(still).status is OperationStatus.STOPPED
    assert still.head().status is Status.FAILED


@pytest.mark.parametrize(
    "target",
    [
        "arn:aws:lambda:eu-central-1:123456789012:function:echo:$LATEST",
        "arn:aws:lambda:eu-central-1:123456789012:function:echo",
        "echo:1",
    ],
)
def test_a_function_s_arn_names_the_workflow_of_its_name(still: Engine, target: str) -> None:
    still.execute("invokes", asking(target, 1))

    assert child_of(still).workflow == "echo"


def test_a_child_nobody_would_work_on_fails_the_invoke(still: Engine) -> None:
    still.execute("invokes", asking("echo", 1))
    children = Children(journal=still.journal, workflows={"echo"}, watcher=NobodyWatches("why"))
    moment = Moment(session_id="run-1", attempt=1, now=still.clock())

    refused = children.begin(still.head(), invoke_of(still), moment)

    assert refused is not None
    assert refused.operation.status is OperationStatus.FAILED
    assert child_of(still).status is Status.CANCELLED
