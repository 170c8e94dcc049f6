"""Callbacks: the ids that name them, and the rules by which they are answered or time out.

Pure: a run's head and one of its operations give both as they are next, and the facts to record.
An answer comes from outside and holds no lease. What makes it safe is that only a pending callback
takes one, decided in the transaction that writes it.
"""

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from runs.errors import CallbackClosedError, CallbackNotFoundError, CallbackPayloadError
from runs.events import Event, EventType
from runs.instants import to_iso
from runs.lifecycle import Change, check_fence, notice
from runs.operations import Operation, OperationError, OperationStatus, error_details
from runs.run import Lease, Run

#: The error types of the Lambda durable execution service.
TIMED_OUT = "Callback.Timeout"
HEARTBEAT_MISSED = "Callback.Heartbeat"
#: Bytes that an answer may have: what the service takes.
MAX_ANSWER = 1024 * 1024

#: A rule with its arguments bound, as a journal applies it.
CallbackRule = Callable[[Run, Operation], Change]


def callback_id_of(session_id: str, operation_id: str, *, retries: int = 0) -> str:
    """Name a callback: whoever answers finds the run by the id alone.

    In base64, the alphabet that the service's own ids have. `retries` is how often the run had
    been retried when the callback was opened: the answer to an old question must not be taken for
    that to a new one at the same place.
    """
    life = f".{retries}" if retries else ""
    return base64.b64encode(f"{session_id}.{operation_id}{life}".encode()).decode("ascii")


def place_of(callback_id: str) -> tuple[str, str]:
    """Give the session and the operation that an id names.

    Raises:
        CallbackNotFoundError: It is not an id that `callback_id_of` made.
    """
    try:
        text = base64.b64decode(callback_id.encode("ascii"), validate=True).decode("ascii")
    except (ValueError, binascii.Error) as error:
        raise CallbackNotFoundError(callback_id) from error
    session_id, _, place = text.partition(".")
    operation_id = place.partition(".")[0]
    if not session_id or not operation_id:
        raise CallbackNotFoundError(callback_id)
    return session_id, operation_id


def text_of(callback_id: str, payload: str | bytes | None) -> str | None:
    """Give an answer as it is kept: as text, which is what serialisers read.

    Raises:
        CallbackPayloadError: It is too large, or bytes that are no text in UTF-8.
    """
    if payload is None:
        return None
    written = payload.encode() if isinstance(payload, str) else payload
    _check_size(callback_id, len(written))
    try:
        return written.decode()
    except UnicodeDecodeError as error:
        raise CallbackPayloadError(callback_id, f"is no text in UTF-8: {error}") from error


def check_error(callback_id: str, error: OperationError) -> None:
    """See that an error may be an answer.

    Raises:
        CallbackPayloadError: It is too large.
    """
    _check_size(callback_id, len(json.dumps(asdict(error)).encode()))


def _check_size(callback_id: str, size: int) -> None:
    if size > MAX_ANSWER:
        why = f"has {size} bytes, expected at most {MAX_ANSWER}"
        raise CallbackPayloadError(callback_id, why)


def complete(
    run: Run, callback: Operation, *, payload: str | None, now: datetime, by: str | None
) -> Change:
    """Answer a callback with a result.

    Raises:
        CallbackClosedError: It takes no answer any more.
    """
    _check_open(run, callback, now)
    answered = replace(
        _closed(callback, OperationStatus.SUCCEEDED, now), payload=payload, answered_by=by
    )
    return _answered(run, answered, EventType.CALLBACK_SUCCEEDED, now=now)


def fail(
    run: Run, callback: Operation, *, error: OperationError, now: datetime, by: str | None
) -> Change:
    """Answer a callback with an error.

    Raises:
        CallbackClosedError: It takes no answer any more.
    """
    _check_open(run, callback, now)
    failed = replace(_closed(callback, OperationStatus.FAILED, now), error=error, answered_by=by)
    return _answered(run, failed, EventType.CALLBACK_FAILED, now=now)


def heartbeat(run: Run, callback: Operation, *, now: datetime) -> Change:
    """Give a callback its heartbeat time again.

    The run is left as it is: it wakes at the old time at worst, finds nothing due and parks again.

    Raises:
        CallbackClosedError: It takes no heartbeat any more.
    """
    _check_open(run, callback, now)
    if callback.heartbeat_seconds is None:
        return Change(run=run)
    alive_until = now + timedelta(seconds=callback.heartbeat_seconds)
    limits = [at for at in (callback.timeout_at, alive_until) if at is not None]
    beaten = replace(callback, due_at=min(limits))
    return Change(run=replace(run, version=run.version + 1), operations=(beaten,))


def time_out(run: Run, callback: Operation, *, lease: Lease, now: datetime) -> Change:
    """Close a callback whose time has passed; leave any other as it is.

    Raises:
        LeaseLostError: The lease is no longer the run's.
    """
    check_fence(run, lease)
    is_due = callback.due_at is not None and callback.due_at <= now
    if callback.status is not OperationStatus.STARTED or not is_due:
        return Change(run=run)
    late = replace(
        _closed(callback, OperationStatus.TIMED_OUT, now), error=_timeout_error(callback)
    )
    event = _event(EventType.CALLBACK_TIMED_OUT, late, now, attempt=run.attempt)
    # An attempt that came as far as this is no lost one.
    return Change(
        run=replace(run, version=run.version + 1, lost_attempts=0, updated_at=now),
        events=(event,),
        operations=(late,),
    )


def _check_open(run: Run, callback: Operation, now: datetime) -> None:
    callback_id = callback.callback_id or ""
    if callback.status is not OperationStatus.STARTED:
        raise CallbackClosedError(callback_id, _ending_of(callback))
    if run.status.is_terminal:
        raise CallbackClosedError(callback_id, f"run {run.session_id!r} is {run.status}")
    # Nobody may have been awake to record it, but its time has passed all the same.
    if callback.due_at is not None and callback.due_at <= now:
        raise CallbackClosedError(callback_id, f"it timed out at {to_iso(callback.due_at)}")


def _ending_of(callback: Operation) -> str:
    at = to_iso(callback.ended_at) if callback.ended_at else "an unknown time"
    if callback.status is OperationStatus.TIMED_OUT:
        return f"it timed out at {at}"
    how = "failed" if callback.status is OperationStatus.FAILED else "completed"
    return f"it was {how} at {at} by {callback.answered_by or 'somebody'}"


def _closed(callback: Operation, status: OperationStatus, now: datetime) -> Operation:
    return replace(callback, status=status, due_at=None, ended_at=now)


def _answered(run: Run, callback: Operation, kind: EventType, *, now: datetime) -> Change:
    # Not of an attempt: it comes from outside.
    event = _event(kind, callback, now, attempt=0)
    noticed = notice(run, now=now)
    counted = replace(callback, answer=noticed.answers)
    return Change(run=noticed, events=(event,), operations=(counted,))


def _event(kind: EventType, callback: Operation, now: datetime, *, attempt: int) -> Event:
    return Event(
        type=kind,
        at=now,
        operation_id=callback.operation_id,
        parent_id=callback.parent_id,
        name=callback.name,
        sub_type=callback.sub_type,
        attempt=attempt,
        details=error_details(callback.error),
    )


def _timeout_error(callback: Operation) -> OperationError:
    is_final = callback.timeout_at is not None and callback.timeout_at == callback.due_at
    if is_final or callback.heartbeat_seconds is None:
        return OperationError(type=TIMED_OUT, message="Callback timed out")
    return OperationError(type=HEARTBEAT_MISSED, message="Callback timed out on heartbeat")
