"""What the SDK's operation updates mean: the rules of the Lambda durable execution service.

Pure: an update and the operation as it was give the operation as it is now and the facts to record.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from aws_durable_execution_sdk_python.lambda_service import (
    CallbackOptions,
    OperationAction,
    OperationUpdate,
    StepOptions,
    WaitOptions,
)

from agent.durable.operations import error_from_sdk
from agent.durable.recorded import Moment, Recorded, recorded
from runs.callbacks import callback_id_of
from runs.events import EventType
from runs.ids import child_session_id
from runs.instants import to_iso
from runs.json_types import Json
from runs.operations import Operation, OperationStatus, OperationType, error_details

_STARTS: Mapping[OperationType, EventType] = MappingProxyType(
    {
        OperationType.CONTEXT: EventType.CONTEXT_STARTED,
        OperationType.STEP: EventType.STEP_STARTED,
        OperationType.WAIT: EventType.WAIT_STARTED,
        OperationType.CALLBACK: EventType.CALLBACK_STARTED,
        OperationType.CHAINED_INVOKE: EventType.CHAINED_INVOKE_STARTED,
    }
)

#: What the workflow itself ends. What others end, it may ask for again.
_WORKED_ON = frozenset({OperationType.STEP, OperationType.CONTEXT})

_ENDS: Mapping[tuple[OperationType, OperationAction], tuple[OperationStatus, EventType]] = (
    MappingProxyType(
        {
            (OperationType.CONTEXT, OperationAction.SUCCEED): (
                OperationStatus.SUCCEEDED,
                EventType.CONTEXT_SUCCEEDED,
            ),
            (OperationType.CONTEXT, OperationAction.FAIL): (
                OperationStatus.FAILED,
                EventType.CONTEXT_FAILED,
            ),
            (OperationType.STEP, OperationAction.SUCCEED): (
                OperationStatus.SUCCEEDED,
                EventType.STEP_SUCCEEDED,
            ),
            (OperationType.STEP, OperationAction.FAIL): (
                OperationStatus.FAILED,
                EventType.STEP_FAILED,
            ),
            (OperationType.WAIT, OperationAction.CANCEL): (
                OperationStatus.CANCELLED,
                EventType.WAIT_CANCELLED,
            ),
        }
    )
)


def record(update: OperationUpdate, known: Operation | None, moment: Moment) -> Recorded:
    """Apply an update to the operation as it was, None if it is new.

    Raises:
        ValueError: The service knows no such update.
    """
    kind = OperationType(update.operation_type.value)
    _check_open(update, known)
    if update.action is OperationAction.START and kind in _STARTS:
        return _start(update, known, kind, moment)
    if update.action is OperationAction.RETRY and kind is OperationType.STEP:
        return _retry(update, known or _new(update, kind, moment), moment)
    if (kind, update.action) in _ENDS:
        return _end(update, known or _new(update, kind, moment), moment)
    msg = (
        f"operation {update.operation_id!r} is a {kind}, which has no action {update.action.value}"
    )
    raise ValueError(msg)


def finished(updates: list[OperationUpdate]) -> list[OperationUpdate]:
    """Give what an attempt that must stop still records: work that was done, from its start on.

    A failure is left out: as likely as not it is the stop that made the work fail. Whoever goes on
    with the run does that work again.
    """
    done = {update.operation_id for update in updates if update.action is OperationAction.SUCCEED}
    return [update for update in updates if update.operation_id in done]


def _check_open(update: OperationUpdate, known: Operation | None) -> None:
    """Refuse to do again what is done: its result is what the workflow went on with."""
    if known is None or known.ended_at is None or known.type not in _WORKED_ON:
        return
    msg = (
        f"operation {known.operation_id!r} is {known.status}, "
        f"which takes no action {update.action.value}"
    )
    raise ValueError(msg)


def _new(update: OperationUpdate, kind: OperationType, moment: Moment) -> Operation:
    return Operation(
        operation_id=update.operation_id,
        type=kind,
        status=OperationStatus.STARTED,
        parent_id=update.parent_id,
        name=update.name,
        sub_type=update.sub_type,
        started_at=moment.now,
    )


def _start(
    update: OperationUpdate, known: Operation | None, kind: OperationType, moment: Moment
) -> Recorded:
    begun = known or _new(update, kind, moment)
    if known is not None and kind is not OperationType.STEP:
        # Only steps begin again: a timer, a question or a child that is there goes on as it is.
        return Recorded(operation=known, events=())
    match kind:
        case OperationType.WAIT:
            return _start_wait(update, begun, moment)
        case OperationType.CALLBACK:
            return _start_callback(update, begun, moment)
        case OperationType.CHAINED_INVOKE:
            return _start_invoke(update, begun, moment)
        case _ if known is None:
            return recorded(_STARTS[kind], begun, moment)
        case _:
            # A step that is tried again keeps its payload: wait_for_condition's state is there.
            again = replace(known, status=OperationStatus.STARTED, due_at=None, error=None)
            return recorded(_STARTS[kind], again, moment)


def _start_wait(update: OperationUpdate, known: Operation, moment: Moment) -> Recorded:
    options = update.wait_options or WaitOptions()
    due_at = moment.now + timedelta(seconds=options.wait_seconds)
    details: dict[str, Json] = {
        "Duration": options.wait_seconds,
        "ScheduledEndTimestamp": to_iso(due_at),
    }
    return recorded(EventType.WAIT_STARTED, replace(known, due_at=due_at), moment, details=details)


def _start_callback(update: OperationUpdate, known: Operation, moment: Moment) -> Recorded:
    options = update.callback_options or CallbackOptions()
    # 0 is none.
    limits = {
        "Timeout": options.timeout_seconds or None,
        "HeartbeatTimeout": options.heartbeat_timeout_seconds or None,
    }
    seconds = [limit for limit in limits.values() if limit is not None]
    callback_id = callback_id_of(moment.session_id, known.operation_id, retries=moment.retries)
    started = replace(
        known,
        due_at=_after(moment, min(seconds, default=None)),
        timeout_at=_after(moment, limits["Timeout"]),
        heartbeat_seconds=limits["HeartbeatTimeout"],
        callback_id=callback_id,
    )
    details: dict[str, Json] = {"CallbackId": callback_id}
    details |= {name: limit for name, limit in limits.items() if limit is not None}
    return recorded(EventType.CALLBACK_STARTED, started, moment, details=details)


def _after(moment: Moment, seconds: int | None) -> datetime | None:
    return None if seconds is None else moment.now + timedelta(seconds=seconds)


def _start_invoke(update: OperationUpdate, known: Operation, moment: Moment) -> Recorded:
    options = update.chained_invoke_options
    target = options.function_name if options else ""
    child_id = child_session_id(moment.session_id, known.operation_id, retries=moment.retries)
    started = replace(known, target=target, input=update.payload, child_session_id=child_id)
    details: dict[str, Json] = {"FunctionName": target}
    if options and options.tenant_id is not None:
        details["TenantId"] = options.tenant_id
    return recorded(EventType.CHAINED_INVOKE_STARTED, started, moment, details=details)


def _retry(update: OperationUpdate, known: Operation, moment: Moment) -> Recorded:
    """A try of a step ended, another follows: after an error, or of a condition not yet met."""
    delay = (update.step_options or StepOptions()).next_attempt_delay_seconds
    error = error_from_sdk(update.error)
    pending = replace(
        known,
        status=OperationStatus.PENDING,
        attempt=known.attempt + 1,
        payload=update.payload,
        error=error,
        due_at=moment.now + timedelta(seconds=delay),
    )
    kind = EventType.STEP_SUCCEEDED if error is None else EventType.STEP_FAILED
    details = error_details(error)
    if error is None and update.payload is not None:
        # The next try's payload takes its place in the operation; the history keeps this one.
        details["Result"] = {"Payload": update.payload, "Truncated": False}
    details["RetryDetails"] = {
        "CurrentAttempt": pending.attempt,
        "NextAttemptDelaySeconds": delay,
    }
    return recorded(kind, pending, moment, details=details, is_advance=True)


def _end(update: OperationUpdate, known: Operation, moment: Moment) -> Recorded:
    status, kind = _ENDS[known.type, update.action]
    error = error_from_sdk(update.error)
    ended = replace(
        known,
        status=status,
        attempt=known.attempt + 1 if known.type is OperationType.STEP else 0,
        payload=update.payload,
        error=error,
        due_at=None,
        replay_children=bool(update.context_options and update.context_options.replay_children),
        ended_at=moment.now,
    )
    details = error_details(error)
    if ended.type is OperationType.STEP:
        details["RetryDetails"] = {"CurrentAttempt": ended.attempt}
    return recorded(kind, ended, moment, details=details, is_advance=True)
