"""A copy of a Lambda durable execution's operations in our journal, for those who read runs.

The service has the truth: each change is recorded here after the service took it. What a worker
died over is seen at the next invocation, which is given all operations.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from aws_durable_execution_sdk_python import lambda_service as sdk
from aws_durable_execution_sdk_python.lambda_service import OperationUpdate

from agent.attempt import Attempt
from agent.durable.operations import from_sdk
from agent.durable.recorded import Moment, Recorded, in_commits, recorded
from agent.durable.updates import record
from runs.events import EventType
from runs.json_types import Json
from runs.operations import Operation, OperationStatus, OperationType, error_details

_KINDS: Mapping[tuple[OperationType, OperationStatus], EventType] = MappingProxyType(
    {
        (OperationType.CONTEXT, OperationStatus.STARTED): EventType.CONTEXT_STARTED,
        (OperationType.CONTEXT, OperationStatus.SUCCEEDED): EventType.CONTEXT_SUCCEEDED,
        (OperationType.CONTEXT, OperationStatus.FAILED): EventType.CONTEXT_FAILED,
        (OperationType.STEP, OperationStatus.STARTED): EventType.STEP_STARTED,
        (OperationType.STEP, OperationStatus.SUCCEEDED): EventType.STEP_SUCCEEDED,
        (OperationType.STEP, OperationStatus.PENDING): EventType.STEP_FAILED,
        (OperationType.STEP, OperationStatus.FAILED): EventType.STEP_FAILED,
        (OperationType.WAIT, OperationStatus.STARTED): EventType.WAIT_STARTED,
        (OperationType.WAIT, OperationStatus.SUCCEEDED): EventType.WAIT_SUCCEEDED,
        (OperationType.WAIT, OperationStatus.CANCELLED): EventType.WAIT_CANCELLED,
        (OperationType.CALLBACK, OperationStatus.STARTED): EventType.CALLBACK_STARTED,
        (OperationType.CALLBACK, OperationStatus.SUCCEEDED): EventType.CALLBACK_SUCCEEDED,
        (OperationType.CALLBACK, OperationStatus.FAILED): EventType.CALLBACK_FAILED,
        (OperationType.CALLBACK, OperationStatus.TIMED_OUT): EventType.CALLBACK_TIMED_OUT,
        (OperationType.CHAINED_INVOKE, OperationStatus.STARTED): EventType.CHAINED_INVOKE_STARTED,
        (
            OperationType.CHAINED_INVOKE,
            OperationStatus.SUCCEEDED,
        ): EventType.CHAINED_INVOKE_SUCCEEDED,
        (OperationType.CHAINED_INVOKE, OperationStatus.FAILED): EventType.CHAINED_INVOKE_FAILED,
        (
            OperationType.CHAINED_INVOKE,
            OperationStatus.TIMED_OUT,
        ): EventType.CHAINED_INVOKE_TIMED_OUT,
        (OperationType.CHAINED_INVOKE, OperationStatus.STOPPED): EventType.CHAINED_INVOKE_STOPPED,
    }
)


class Mirror:
    """Keeps the copy of one run, for one invocation of its execution."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        #: By id, in the order of their start.
        self.operations: dict[str, Operation] = {}

    def load(self) -> None:
        """Read what earlier invocations recorded.

        Raises:
            JournalUnavailableError: The journal did not answer for too long.
        """
        attempt = self._attempt
        found = attempt.patiently(lambda: attempt.journal.operations(attempt.session_id))
        self.operations = {operation.operation_id: operation for operation in found}

    def take(self, updates: Iterable[OperationUpdate], operations: Iterable[sdk.Operation]) -> None:
        """Record updates that the service took, and whatever else it says has changed.

        Raises:
            LeaseLostError: The run is another invocation's now.
            JournalUnavailableError: The journal did not answer for too long.
        """
        moment = self._moment()
        told = {each.operation_id: from_sdk(each, now=moment.now) for each in operations}
        changes = [self._updated(update, told, moment) for update in updates]
        for operation in told.values():
            changes += self._seen(operation, moment)
        # A change without an event follows from the clock and is not written.
        for commit in in_commits(change for change in changes if change.events):
            self._attempt.commit(commit)

    def _updated(
        self, update: OperationUpdate, told: Mapping[str, Operation], moment: Moment
    ) -> Recorded:
        change = record(update, self.operations.get(update.operation_id), moment)
        if change.operation.type is OperationType.CALLBACK and update.operation_id in told:
            change = _with_callback_id(change, told[update.operation_id].callback_id)
        self.operations[update.operation_id] = change.operation
        return change

    def _seen(self, operation: Operation, moment: Moment) -> list[Recorded]:
        """Compare an operation with its copy; time, a person or a dead worker changed it."""
        known = self.operations.get(operation.operation_id)
        if operation.type is OperationType.EXECUTION or (
            known and known.status == operation.status
        ):
            return []
        changes: list[Recorded] = []
        if known is None:
            begun = replace(operation, status=OperationStatus.STARTED, payload=None, error=None)
            changes.append(_told(replace(begun, ended_at=None), moment))
        if operation.status is not OperationStatus.STARTED or known is not None:
            changes.append(_told(operation, moment))
        self.operations[operation.operation_id] = changes[-1].operation
        return changes

    def _moment(self) -> Moment:
        attempt = self._attempt
        return Moment(
            session_id=attempt.session_id, attempt=attempt.lease.attempt, now=attempt.clock()
        )


def _told(operation: Operation, moment: Moment) -> Recorded:
    kind = _KINDS.get((operation.type, operation.status))
    if kind is None:
        # READY, which follows from the clock.
        return Recorded(operation=operation, events=())
    details = error_details(operation.error)
    if kind is EventType.CALLBACK_STARTED:
        details["CallbackId"] = operation.callback_id
    is_end = operation.status is not OperationStatus.STARTED
    return recorded(kind, operation, moment, details=details, is_advance=is_end)


def _with_callback_id(change: Recorded, callback_id: str | None) -> Recorded:
    """Put the service's id, which is the one that takes an answer, in the place of ours."""
    named: dict[str, Json] = {"CallbackId": callback_id}
    return replace(
        change,
        operation=replace(change.operation, callback_id=callback_id),
        events=tuple(replace(event, details={**event.details, **named}) for event in change.events),
    )
