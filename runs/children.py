"""Child runs: workflows that a workflow invokes, each with a session of its own.

A child is a run like any other. Its session id follows from its parent's and from the operation
that invoked it, so that however often a parent comes to that operation there is one child.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from runs.budget import Budget
from runs.events import EventType
from runs.ids import child_session_id
from runs.json_types import Json
from runs.lifecycle import Change, notice
from runs.operations import Operation, OperationStatus, OperationType
from runs.run import INVOKED, Run, Status
from runs.telemetry.traces import trace_of

#: What the service calls a function that is not there.
NOT_FOUND = "ResourceNotFoundException"
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
        session_id=child_id(parent.session_id, invoke),
        workflow=workflow,
        prompt="null" if invoke.input is None else invoke.input,
        source=INVOKED,
        status=Status.QUEUED,
        max_attempts=parent.max_attempts,
        wake_at=now,
        trace=trace_of(parent).traceparent,
        parent_session_id=parent.session_id,
        parent_operation_id=invoke.operation_id,
        root_session_id=parent.root_session_id or parent.session_id,
        deadline_at=parent.deadline_at,
        created_at=now,
        updated_at=now,
    )


def child_id(session_id: str, invoke: Operation) -> str:
    """Give the session of the child run that an operation of a run stands for."""
    return invoke.child_session_id or child_session_id(session_id, invoke.operation_id)


def workflow_of(target: str) -> str:
    """Give the name in a function's name or ARN, without a version or an alias."""
    name = target.rpartition(":function:")[2]
    return name.partition(":")[0]


def open_child_id(session_id: str, record: Mapping[str, Json]) -> str | None:
    """Give the session of the child that an operation's record waits for, if it does for any."""
    is_invoke = record.get("type") == OperationType.CHAINED_INVOKE
    if not is_invoke or record.get("state") != OperationStatus.STARTED:
        return None
    known = record.get("child_session_id")
    return str(known) if known else child_session_id(session_id, str(record.get("operation_id")))


def to_be_told(before: Run, change: Change) -> tuple[str, ...]:
    """Name the runs whose heads change in the same write as this one's.

    The parent is told of the end, the run that began the family of time worked and limits raised.
    """
    after, names = change.run, list[str | None]()
    if after.worked_ms > before.worked_ms or change.family_budget is not None:
        names.append(after.root_session_id)
    if _has_ended(before, after):
        names.append(after.parent_session_id)
    return tuple(dict.fromkeys(name for name in names if name is not None))


def told(relative: Run, *, before: Run, change: Change) -> Change:
    """Tell one of those runs what it is to know.

    A parent that is over itself is not told of the end. Work done for it counts all the same: it
    may be taken up again.
    """
    after, knows = change.run, relative
    if relative.session_id == after.root_session_id:
        knows = replace(
            knows,
            children_worked_ms=knows.children_worked_ms + after.worked_ms - before.worked_ms,
            budget=knows.budget.raised(change.family_budget or Budget()),
        )
    is_waited_for = _has_ended(before, after) and not relative.status.is_terminal
    if is_waited_for and relative.session_id == after.parent_session_id:
        knows = notice(knows, now=after.updated_at)
    if knows == relative:
        return Change(run=relative)
    return Change(run=replace(knows, version=relative.version + 1))


def _has_ended(before: Run, after: Run) -> bool:
    return after.status.is_terminal and not before.status.is_terminal


def orphaned(parent: Run | None) -> str | None:
    """Say why a child is to end because of its parent; None if it is not."""
    if parent is None or not parent.status.is_terminal or parent.status is Status.COMPLETED:
        return None
    return f"its parent run {parent.session_id} is {parent.status}"
