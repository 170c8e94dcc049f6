"""A run's timeline as the Lambda durable execution service gives it: `GetDurableExecutionHistory`.

The journal keeps each fact once: a result stands with its operation or on the head, not with the
event too. This module puts them together. It leaves our own events out and numbers the others from
1, as the service does.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from runs.children import NOT_FOUND, child_id, workflow_of
from runs.events import Event, EventType
from runs.instants import from_iso, to_iso
from runs.json_types import Json
from runs.operations import Operation, OperationError
from runs.run import Run, Status

Shape = dict[str, Json]

#: The error type of an invocation whose worker died.
WORKER_LOST = "Runtime.ExitError"

#: The event types that the service has.
SERVICE_EVENTS = frozenset(
    kind
    for kind in EventType
    if kind.value.startswith(
        ("Execution", "Context", "Step", "Wait", "Callback", "ChainedInvoke", "Invocation")
    )
)
_SUCCESSES = frozenset(
    {
        EventType.CONTEXT_SUCCEEDED,
        EventType.STEP_SUCCEEDED,
        EventType.CALLBACK_SUCCEEDED,
        EventType.CHAINED_INVOKE_SUCCEEDED,
    }
)
_FAILURES = frozenset(
    {
        EventType.EXECUTION_FAILED,
        EventType.EXECUTION_STOPPED,
        EventType.EXECUTION_TIMED_OUT,
        EventType.CONTEXT_FAILED,
        EventType.STEP_FAILED,
        EventType.CALLBACK_FAILED,
        EventType.CALLBACK_TIMED_OUT,
        EventType.CHAINED_INVOKE_FAILED,
        EventType.CHAINED_INVOKE_TIMED_OUT,
        EventType.CHAINED_INVOKE_STOPPED,
    }
)


def execution_arn(workflow: str, session_id: str) -> str:
    """Make up an execution ARN: of Lambda's form, because the SDK and its serialisers parse it."""
    function = f"arn:errand:lambda:local:{'0' * 12}:function:{workflow}:1"
    return f"{function}/durable-execution/{session_id}/{session_id}"


def execution_input(run: Run) -> str:
    """Give what the workflow is given, as JSON text; a child's is its parent's payload as it is."""
    if run.is_invoked:
        return run.prompt
    event: Shape = {
        "session_id": run.session_id,
        "workflow": run.workflow,
        "prompt": run.prompt,
        "input": run.input,
    }
    return json.dumps(event)


def history(run: Run, events: Iterable[Event], operations: Iterable[Operation]) -> list[Shape]:
    """Give a run's history, each event in the members and types of the service's `Event`.

    Instants are ISO 8601 texts. Nothing is truncated.
    """
    known = {operation.operation_id: operation for operation in operations}
    told = enumerate(_told(events), start=1)
    return [_shape(number, event, run=run, operations=known) for number, event in told]


def _told(events: Iterable[Event]) -> Iterator[Event]:
    """Give the service's events, with one more for each invocation that its worker did not end."""
    began: datetime | None = None
    for event in events:
        if event.type is EventType.LEASE_CLAIMED:
            if began is not None:
                yield _lost(event, began=began)
            began = event.at
        elif event.type is EventType.INVOCATION_COMPLETED:
            # Another one may follow in the same attempt.
            began = event.at
        elif event.type in _HANDED_BACK:
            began = None
        if event.type in SERVICE_EVENTS:
            yield event


#: After these no worker has the run.
_HANDED_BACK = frozenset({EventType.RUN_PARKED, EventType.LEASE_RELEASED, EventType.RUN_RETRIED})


def _lost(claim: Event, *, began: datetime) -> Event:
    attempt = claim.attempt - 1
    return Event(
        type=EventType.INVOCATION_COMPLETED,
        at=claim.at,
        attempt=attempt,
        details={
            "StartTimestamp": to_iso(began),
            "EndTimestamp": to_iso(claim.at),
            "RequestId": f"attempt-{attempt}",
            "Error": {
                "Payload": {
                    "ErrorType": WORKER_LOST,
                    "ErrorMessage": f"the worker of attempt {attempt} was lost",
                }
            },
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What the details of one event are made of."""

    event: Event
    run: Run
    operation: Operation | None

    @property
    def is_of_another(self) -> bool:
        """Say whether the event tells of an operation that a retry has put another in place of."""
        is_before = self.operation is not None and self.event.at < self.operation.started_at
        return self.run.retries > 0 and is_before


def _shape(number: int, event: Event, *, run: Run, operations: Mapping[str, Operation]) -> Shape:
    facts = _Facts(event=event, run=run, operation=operations.get(event.operation_id or ""))
    shape: Shape = {
        "EventType": event.type.value,
        "SubType": event.sub_type,
        "EventId": number,
        "Id": run.session_id if event.type.value.startswith("Execution") else event.operation_id,
        "Name": event.name,
        "EventTimestamp": to_iso(event.at),
        "ParentId": event.parent_id,
        f"{event.type.value}Details": _details(facts),
    }
    return {name: value for name, value in shape.items() if value is not None}


def _details(facts: _Facts) -> Shape:
    kind = facts.event.type
    if kind in _SPECIAL:
        return _SPECIAL[kind](facts)
    if kind in _SUCCESSES:
        return _with_retry(facts, {"Result": _result(facts)})
    if kind in _FAILURES:
        return _with_retry(facts, {"Error": _error(facts)})
    return dict(facts.event.details)


def _with_retry(facts: _Facts, details: Shape) -> Shape:
    retry = facts.event.details.get("RetryDetails")
    return details if retry is None else {**details, "RetryDetails": retry}


def _result(facts: _Facts) -> Json:
    # A try that is followed by another has its own; the last one's is the operation's.
    own = facts.event.details.get("Result")
    if own is not None:
        return own
    if facts.is_of_another:
        return {"Truncated": True}
    is_last = facts.operation is not None and facts.operation.ended_at is not None
    payload = facts.operation.payload if facts.operation is not None and is_last else None
    return _payload(payload)


def _payload(text: str | None) -> Shape:
    return {"Truncated": False} if text is None else {"Payload": text, "Truncated": False}


def _error(facts: _Facts) -> Json:
    error = facts.event.details.get("Error")
    operation = facts.operation
    is_last = operation is not None and operation.ended_at is not None
    if (
        operation is not None
        and is_last
        and operation.error is not None
        and not facts.event.is_tried_again
    ):
        return {"Payload": _error_object(operation.error), "Truncated": False}
    if isinstance(error, Mapping):
        # Events of runs keep the error itself, those of operations wrap it as the service does.
        payload = error.get("Payload", dict(error))
        return {"Payload": payload, "Truncated": False}
    return {"Payload": {}, "Truncated": False}


def _error_object(error: OperationError) -> Shape:
    shape: Shape = {
        "ErrorMessage": error.message,
        "ErrorType": error.type,
        "ErrorData": error.data,
        "StackTrace": None if error.stack_trace is None else list(error.stack_trace),
    }
    return {name: value for name, value in shape.items() if value is not None}


def _execution_started(facts: _Facts) -> Shape:
    run = facts.run
    # The head's deadline may be that of a retry.
    told = facts.event.details.get("DeadlineAt")
    deadline_at = from_iso(told) if isinstance(told, str) else run.deadline_at
    seconds = (deadline_at - run.created_at).total_seconds()
    return {"Input": _payload(execution_input(run)), "ExecutionTimeout": round(seconds)}


def _execution_succeeded(facts: _Facts) -> Shape:
    # A run that was begun anew since has no result any more.
    is_there = facts.run.status is Status.COMPLETED
    return {"Result": _payload(json.dumps(facts.run.result) if is_there else None)}


def _invoke_started(facts: _Facts) -> Shape:
    details: Shape = dict(facts.event.details)
    operation = facts.operation
    details["Input"] = _payload(None if operation is None else operation.input)
    if operation is not None and operation.target is not None and not _is_nobody(operation):
        child = child_id(facts.run.session_id, operation)
        details["ExecutedVersion"] = "1"
        details["DurableExecutionArn"] = execution_arn(workflow_of(operation.target), child)
    return details


def _is_nobody(invoke: Operation) -> bool:
    return invoke.error is not None and invoke.error.type == NOT_FOUND


def _bare(_facts: _Facts) -> Shape:
    return {}


_SPECIAL: Mapping[EventType, Callable[[_Facts], Shape]] = MappingProxyType(
    {
        EventType.EXECUTION_STARTED: _execution_started,
        EventType.EXECUTION_SUCCEEDED: _execution_succeeded,
        EventType.CHAINED_INVOKE_STARTED: _invoke_started,
        EventType.CONTEXT_STARTED: _bare,
        EventType.STEP_STARTED: _bare,
    }
)
