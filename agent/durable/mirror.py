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
from agent.durable.approvals import with_answer, with_approval
from agent.durable.operations import from_sdk
from agent.durable.recorded import Moment, Recorded, in_commits, recorded
from agent.durable.updates import record
from runs.events import EventType
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
        told = {each.operation_id: from_sdk(each, moment) for each in operations}
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
            external_id = told[update.operation_id].external_id
            change = replace(change, operation=replace(change.operation, external_id=external_id))
        self.operations[update.operation_id] = change.operation
        return self._with_approval(change, moment)

    def _with_approval(self, change: Recorded, moment: Moment) -> Recorded:
        """Give a change with the approval it opens; the workflow asked by the service's id."""
        questions = self._attempt.questions
        for callback in self.operations.values():
            if callback.external_id in questions and callback.callback_id:
                questions[callback.callback_id] = questions.pop(callback.external_id)
        return with_approval(change, self.operations, moment, attempt=self._attempt)

    def _seen(self, operation: Operation, moment: Moment) -> list[Recorded]:
        """Compare an operation with its copy; time, a person or a dead worker changed it."""
        known = self.operations.get(operation.operation_id)
        if operation.type is OperationType.EXECUTION:
            return []
        if known is not None:
            return self._seen_again(operation, known, moment)
        begun = replace(operation, status=OperationStatus.STARTED, payload=None, error=None)
        changes = [_told(replace(begun, ended_at=None), moment)]
        if operation.status is not OperationStatus.STARTED:
            changes.append(_told(operation, moment))
        self.operations[operation.operation_id] = operation
        return changes

    def _seen_again(self, operation: Operation, known: Operation, moment: Moment) -> list[Recorded]:
        if operation.status is known.status:
            return []
        is_answer = operation.type is OperationType.CALLBACK
        if is_answer and self._is_recorded(operation):
            # Who answered recorded it, before the service was told.
            self.operations[operation.operation_id] = operation
            return []
        changed = replace(
            known,
            status=operation.status,
            attempt=operation.attempt,
            payload=operation.payload,
            error=operation.error,
            due_at=operation.due_at,
            replay_children=operation.replay_children,
            ended_at=operation.ended_at,
        )
        self.operations[operation.operation_id] = changed
        change = _told(changed, moment)
        return [with_answer(change, attempt=self._attempt) if is_answer else change]

    def _is_recorded(self, callback: Operation) -> bool:
        attempt = self._attempt
        found = attempt.patiently(
            lambda: attempt.journal.operation(attempt.session_id, callback.operation_id)
        )
        return found is not None and found.status is callback.status

    def _moment(self) -> Moment:
        attempt = self._attempt
        return Moment(
            session_id=attempt.session_id,
            attempt=attempt.lease.attempt,
            now=attempt.clock(),
            retries=attempt.run.retries,
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
