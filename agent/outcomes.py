"""What came of an invocation of a workflow: its end, a wait, or nothing because it had to stop."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aws_durable_execution_sdk_python.exceptions import NonDeterministicExecutionError
from aws_durable_execution_sdk_python.lambda_service import (
    DurableExecutionInvocationOutput,
    ErrorObject,
    InvocationStatus,
)

from agent.attempt import Attempt
from agent.durable.approvals import asked_for
from agent.durable.client import JournalClient
from agent.durable.client import Outcome as Recorded
from agent.durable.differences import REPLAY_MISMATCH, Difference, remedy, told
from agent.durable.timers import waiting
from agent.errors import BudgetExceededError
from runs.budget import BUDGET_EXCEEDED
from runs.callbacks import HEARTBEAT_MISSED, TIMED_OUT
from runs.events import Event, EventType
from runs.instants import to_iso
from runs.json_types import Json
from runs.lifecycle import Ending
from runs.operations import Operation, OperationError, OperationType, error_details
from runs.run import RunFailure, Status

#: The durable SDK wraps what failed in errors of its own, once per operation on the way up.
_SDK = "aws_durable_execution_sdk_python."
#: Failures that programs know by another name than the error has here.
_FAILURES = {
    BudgetExceededError.__name__: BUDGET_EXCEEDED,
    NonDeterministicExecutionError.__name__: REPLAY_MISMATCH,
}
_SERVICE_TYPES = frozenset({TIMED_OUT, HEARTBEAT_MISSED})


@dataclass(frozen=True, slots=True)
class Ended:
    """The workflow came to its end."""

    ending: Ending


@dataclass(frozen=True, slots=True)
class Suspended:
    """The workflow waits: until an instant, or for an answer when there is none."""

    until: datetime | None
    what: str
    #: What it waited for has come in the meantime: go on at once.
    is_over: bool = False
    #: Whether an answer from outside may come first, and how many had come when it was looked.
    is_outside: bool = False
    seen_answers: int | None = None


@dataclass(frozen=True, slots=True)
class Stopped:
    """The attempt ended before the workflow did; the attempt knows why."""


Outcome = Ended | Suspended | Stopped


def completed(result: Json) -> Ended:
    """Give the outcome of a workflow that returned."""
    return Ended(Ending(status=Status.COMPLETED, result=result))


def failed(kind: str, message: str) -> Ended:
    """Give the outcome of a workflow that failed."""
    return Ended(Ending(status=Status.FAILED, error=RunFailure(type=kind, message=message)))


def failed_by(error: BaseException) -> Ended:
    """Give the outcome of an invocation that raised."""
    name = type(error).__name__
    return failed(_FAILURES.get(name, name), str(error) or repr(error))


def read_output(output: Mapping[str, Any], client: JournalClient) -> Outcome:
    """Read what a durable handler answered, and what it recorded instead of answering it."""
    answer = DurableExecutionInvocationOutput.from_dict(dict(output))
    if client.refusal is not None:
        return failed_by(client.refusal)
    if client.replay.difference is not None:
        return _mismatched(client.replay.difference, client.attempt)
    if answer.status is InvocationStatus.PENDING:
        return _suspended(client)
    ended = read_ending(answer, recorded=client.outcome, operations=client.operations.values())
    return _compared(ended, client)


def _compared(ended: Ended, client: JournalClient) -> Ended:
    """Give an ending as it is if the workflow asked for all that its run has recorded."""
    difference = client.replay.conclude()
    if difference is None:
        return ended
    error = ended.ending.error
    if error is None:
        return _mismatched(difference, client.attempt)
    # What made it raise is what its author looks for first.
    return failed(error.type, f"{error.message}; {_told(difference, client.attempt)}")


def _mismatched(difference: Difference, attempt: Attempt) -> Ended:
    sentence = _told(difference, attempt)
    return failed(REPLAY_MISMATCH, f"{sentence}; {remedy(attempt.session_id, difference)}")


def _told(difference: Difference, attempt: Attempt) -> str:
    events = attempt.patiently(lambda: attempt.journal.events(attempt.session_id))
    return told(difference, events=events, version=attempt.run.workflow_version).sentence


def read_ending(
    answer: DurableExecutionInvocationOutput,
    *,
    recorded: Recorded | None,
    operations: Iterable[Operation],
) -> Ended:
    """Read an answer that is no wait.

    Args:
        answer: What the handler answered.
        recorded: The ending that it recorded instead, because it is too large for an answer.
        operations: The run's, in the order of their start; they know what failed first.
    """
    if answer.status is InvocationStatus.SUCCEEDED:
        result = recorded.payload if recorded else answer.result
        return completed(json.loads(result) if result else None)
    error = recorded.error if recorded else _plain(answer.error)
    return Ended(Ending(status=Status.FAILED, error=_cause(error, operations)))


def invocation_event(
    attempt: Attempt, *, began_at: datetime, request_id: str, error: BaseException | None = None
) -> Event:
    """Tell that the workflow's function returned, or what it raised, as the service does."""
    details: dict[str, Json] = {
        "StartTimestamp": to_iso(began_at),
        "EndTimestamp": to_iso(attempt.clock()),
        "RequestId": request_id,
    }
    if error is not None:
        failure = OperationError(type=type(error).__name__, message=str(error) or repr(error))
        details |= error_details(failure)
    return attempt.event(EventType.INVOCATION_COMPLETED, details=details)


def _suspended(client: JournalClient) -> Outcome:
    if client.catch_up() or client.has_news:
        # A map's branches resume when a checkpoint tells them, while its own thread may already
        # have suspended. Going on at once costs one replay at most: it needs something to come.
        return Suspended(until=None, what="something that has come", is_over=True)
    found = waiting(client.operations)
    if found is None:
        # Parking it would be for ever: no timer ends, and nobody was given a callback to answer.
        return failed("NothingToWaitFor", "the workflow suspended, but waits for nothing")
    # People come first: a timer ends by itself.
    what = asked_for(client.attempt, client.operations.values()) or found.what
    return Suspended(
        found.until, what, is_outside=found.is_outside, seen_answers=client.seen_answers
    )


def _plain(error: ErrorObject | None) -> OperationError | None:
    return OperationError(message=error.message, type=error.type) if error else None


def _cause(error: OperationError | None, operations: Iterable[Operation]) -> RunFailure:
    """Name what failed, not the operation it failed in.

    The SDK passes the message on unchanged but puts its own type around it. The operation that
    failed first with that message has the type a person knows, such as `ValueError`.
    """
    if error is None:
        return RunFailure(type="Unknown", message="the workflow failed without saying why")
    kind = error.type or "Unknown"
    if kind.startswith(_SDK):
        kind = _first_type(error.message, operations) or kind
    # The service's own types have a dot in them; of a class's full name the last part is enough.
    name = kind if kind in _SERVICE_TYPES else kind.rpartition(".")[2]
    return RunFailure(type=_FAILURES.get(name, name), message=error.message or kind)


def _first_type(message: str | None, operations: Iterable[Operation]) -> str | None:
    types = [
        (operation.type, operation.error.type)
        for operation in operations
        if operation.error and operation.error.message == message and operation.error.type
    ]
    own = (name for _, name in types if not name.startswith(_SDK))
    # What the SDK itself finds wrong with a step; a context's error is another's, wrapped.
    found = (name for kind, name in types if kind is not OperationType.CONTEXT)
    return next(own, None) or next(found, None)
