"""Durable operations: what a workflow did or is doing, and what later attempts reuse.

The types, statuses and fields are those of the Lambda durable execution API (`Operation`), so that
the AWS durable execution SDK works on our journal unchanged.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from runs.json_types import Json


class OperationType(StrEnum):
    """What kind of thing an operation is."""

    #: The run itself.
    EXECUTION = "EXECUTION"
    #: A child context: a group of operations, a branch of a map or parallel.
    CONTEXT = "CONTEXT"
    #: A side effect, done once.
    STEP = "STEP"
    #: A pause.
    WAIT = "WAIT"
    #: An answer from outside.
    CALLBACK = "CALLBACK"
    #: Another workflow as a child run.
    CHAINED_INVOKE = "CHAINED_INVOKE"


class OperationStatus(StrEnum):
    """Where an operation is in its life."""

    #: Begun; for a wait or a callback, still pending.
    STARTED = "STARTED"
    #: A step that failed and waits for its retry time.
    PENDING = "PENDING"
    #: A step whose retry time has come.
    READY = "READY"
    #: Ended with a result.
    SUCCEEDED = "SUCCEEDED"
    #: Ended with an error.
    FAILED = "FAILED"
    #: Given up by the workflow.
    CANCELLED = "CANCELLED"
    #: A callback nobody answered in time.
    TIMED_OUT = "TIMED_OUT"
    #: Stopped from outside.
    STOPPED = "STOPPED"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationError:
    """Why an operation failed, in the SDK's four fields."""

    message: str | None = None
    type: str | None = None
    data: str | None = None
    stack_trace: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One durable operation, as last checkpointed."""

    operation_id: str
    type: OperationType
    status: OperationStatus
    parent_id: str | None = None
    name: str | None = None
    sub_type: str | None = None
    #: Tries of a step so far; 0 for other types.
    attempt: int = 0
    #: The result (for EXECUTION: the input) as the SDK serialised it.
    payload: str | None = None
    error: OperationError | None = None
    #: When a WAIT ends, a PENDING step is tried again, or a callback times out, of whatever kind.
    due_at: datetime | None = None
    #: CALLBACK only: when it times out however many heartbeats come.
    timeout_at: datetime | None = None
    #: CALLBACK only: how long it may go without a heartbeat.
    heartbeat_seconds: int | None = None
    #: CONTEXT only: the result was too large to keep, so children are replayed to remake it.
    replay_children: bool = False
    #: CALLBACK only: what the answer must name.
    callback_id: str | None = None
    #: CALLBACK of a Lambda durable execution only: the service's own id of it.
    external_id: str | None = None
    #: CHAINED_INVOKE only: which workflow, and what it is given, as the SDK serialised it.
    target: str | None = None
    input: str | None = None
    #: CHAINED_INVOKE only: the session of the child run. Without one it follows from the parent's.
    child_session_id: str | None = None
    #: CHAINED_INVOKE only: how often the child must have been retried for its end to count.
    child_retries: int = 0
    #: CONTEXT of a map or a parallel only: what it was given, as `agent.durable.given` keeps it.
    items: str | None = None
    #: CALLBACK only: who answered, in their own words.
    answered_by: str | None = None
    #: CALLBACK only: which of its run's answers from outside it was, counted from 1.
    answer: int | None = None
    started_at: datetime
    ended_at: datetime | None = None


def error_details(error: OperationError | None) -> dict[str, Json]:
    """Give an error as the timeline shows it; the stack stays with the operation."""
    if error is None:
        return {}
    shape = {"ErrorType": error.type, "ErrorMessage": error.message, "ErrorData": error.data}
    return {"Error": {"Payload": {name: text for name, text in shape.items() if text is not None}}}
