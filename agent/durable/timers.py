"""Timers: what time alone does to operations, and what a suspended run waits for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from agent.durable.recorded import Moment, Recorded, recorded
from runs.events import EventType
from runs.json_types import Json
from runs.operations import Operation, OperationStatus, OperationType

#: The statuses of an operation that has not ended.
OPEN = frozenset({OperationStatus.STARTED, OperationStatus.PENDING, OperationStatus.READY})


#: What somebody else ends: a person, or a child run.
OUTSIDE = frozenset({OperationType.CALLBACK, OperationType.CHAINED_INVOKE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What a suspended run waits for."""

    #: The nearest timer; None when only an answer from outside helps.
    until: datetime | None
    #: For people.
    what: str
    #: Whether an answer from outside may come before that.
    is_outside: bool = False


def resolve(operation: Operation, moment: Moment) -> Recorded | None:
    """Apply the time that has passed, None if that changes nothing.

    Not to callbacks: whether one timed out or was answered before is the journal's to decide.
    A step whose retry time has come is READY, which follows from the clock: it has no event, and is
    not worth a write.
    """
    if operation.due_at is None or operation.due_at > moment.now:
        return None
    match operation.type, operation.status:
        case OperationType.WAIT, OperationStatus.STARTED:
            over = replace(operation, status=OperationStatus.SUCCEEDED, ended_at=moment.now)
            seconds = round((operation.due_at - operation.started_at).total_seconds())
            details: dict[str, Json] = {"Duration": seconds}
            return recorded(
                EventType.WAIT_SUCCEEDED, over, moment, details=details, is_advance=True
            )
        case OperationType.STEP, OperationStatus.PENDING:
            ready = replace(operation, status=OperationStatus.READY)
            return Recorded(operation=ready, events=())
        case _:
            return None


def waiting(operations: Mapping[str, Operation]) -> Waiting | None:
    """Say what a suspended run waits for; None if nothing is pending at all."""
    pending = [operation for operation in _open(operations) if _is_pending(operation)]
    if not pending:
        return None
    timed = [(operation.due_at, operation) for operation in pending if operation.due_at]
    is_outside = any(operation.type in OUTSIDE for operation in pending)
    if not timed:
        return Waiting(until=None, what=_describe(pending[0]), is_outside=is_outside)
    until, first = min(timed, key=lambda pair: pair[0])
    return Waiting(until=until, what=_describe(first), is_outside=is_outside)


def _open(operations: Mapping[str, Operation]) -> Iterable[Operation]:
    """Give what has not ended, in a context that has not ended.

    A map that completes early leaves branches behind; nobody waits for those.
    """
    for operation in operations.values():
        if operation.status in OPEN and not _is_orphan(operation, operations):
            yield operation


def _is_orphan(operation: Operation, operations: Mapping[str, Operation]) -> bool:
    parent = operations.get(operation.parent_id or "")
    while parent is not None:
        if parent.status not in OPEN:
            return True
        parent = operations.get(parent.parent_id or "")
    return False


def _is_pending(operation: Operation) -> bool:
    match operation.type:
        case OperationType.WAIT | OperationType.CALLBACK | OperationType.CHAINED_INVOKE:
            return True
        case OperationType.STEP:
            return operation.status is OperationStatus.PENDING
        case _:
            return False


def _describe(operation: Operation) -> str:
    kind = {
        OperationType.STEP: "retry of step",
        OperationType.WAIT: "wait",
        OperationType.CALLBACK: "answer to",
        OperationType.CHAINED_INVOKE: "run of",
    }.get(operation.type, operation.type.value.lower())
    name = operation.name or operation.target
    return f"{kind} {name}" if name else kind
