"""Child runs: workflows that a workflow invokes, each with a session of its own.

A child is a run like any other. Its session id follows from its parent's and from the operation
that invoked it, so that however often a parent comes to that operation there is one child.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from runs.events import EventType
from runs.ids import child_session_id
from runs.lifecycle import Change, notice
from runs.operations import Operation, OperationStatus, OperationType
from runs.run import Run, Status

#: How an invoke ends when its child run does.
INVOKE_ENDINGS = {
    Status.COMPLETED: (OperationStatus.SUCCEEDED, EventType.CHAINED_INVOKE_SUCCEEDED),
    Status.FAILED: (OperationStatus.FAILED, EventType.CHAINED_INVOKE_FAILED),
    Status.CANCELLED: (OperationStatus.STOPPED, EventType.CHAINED_INVOKE_STOPPED),
    Status.TIMED_OUT: (OperationStatus.TIMED_OUT, EventType.CHAINED_INVOKE_TIMED_OUT),
}


def child_of(parent: Run, invoke: Operation, *, workflow: str, now: datetime) -> Run:
    """Give the run that an operation starts; it ends with its parent at the latest."""
    return Run(
        session_id=child_session_id(parent.session_id, invoke.operation_id),
        workflow=workflow,
        prompt="null" if invoke.input is None else invoke.input,
        source="workflow",
        status=Status.QUEUED,
        max_attempts=parent.max_attempts,
        wake_at=now,
        parent_session_id=parent.session_id,
        parent_operation_id=invoke.operation_id,
        deadline_at=parent.deadline_at,
        created_at=now,
        updated_at=now,
    )


def open_children(session_id: str, operations: Iterable[Operation]) -> Iterator[str]:
    """Give the sessions of the children that a run waits for."""
    for operation in operations:
        is_invoke = operation.type is OperationType.CHAINED_INVOKE
        if is_invoke and operation.status is OperationStatus.STARTED:
            yield child_session_id(session_id, operation.operation_id)


def waiting_parent(before: Run, after: Run) -> str | None:
    """Name the run to be told that this one has ended with this change, if there is one."""
    has_ended = after.status.is_terminal and not before.status.is_terminal
    return after.parent_session_id if has_ended else None


def told(parent: Run, *, now: datetime) -> Change:
    """Tell a parent that a child has ended; one that is over itself is left alone."""
    return Change(run=parent if parent.status.is_terminal else notice(parent, now=now))


def orphaned(parent: Run | None) -> str | None:
    """Say why a child is to end because of its parent; None if it is not."""
    if parent is None or not parent.status.is_terminal or parent.status is Status.COMPLETED:
        return None
    return f"its parent run {parent.session_id} is {parent.status}"
