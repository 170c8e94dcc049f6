"""The durable SDK's service client on the journal."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from aws_durable_execution_sdk_python import lambda_service as sdk
from aws_durable_execution_sdk_python.execution import (
    DurableExecutionInvocationInputWithClient,
    InitialExecutionState,
)
from aws_durable_execution_sdk_python.lambda_service import (
    CheckpointOutput,
    CheckpointUpdatedExecutionState,
    OperationAction,
    OperationUpdate,
    StateOutput,
)
from aws_durable_execution_sdk_python.lambda_service import OperationType as SdkType

from agent.attempt import Attempt
from agent.durable.operations import arn_of, error_from_sdk, execution, to_sdk
from agent.durable.recorded import Moment, Recorded, in_commits
from agent.durable.timers import OPEN, resolve
from agent.durable.updates import record
from runs.errors import JournalUnavailableError, LeaseLostError
from runs.operations import Operation, OperationError

#: Handed back and forth because the SDK wants one. Ours never changes: the lease fences writes.
_TOKEN = "lease"  # noqa: S105 - not a secret
#: How many operations the SDK is given at once; it asks for the rest.
_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """An ending the workflow recorded itself, because it is too large to be answered."""

    payload: str | None
    error: OperationError | None


class JournalClient:
    """The SDK's `DurableServiceClient` for one invocation of one attempt.

    It reads a run's operations once and keeps them: under the lease nobody else changes them. The
    SDK calls it from one thread at a time.
    """

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        #: By id, in the order of their start.
        self.operations: dict[str, Operation] = {}
        self._timed: dict[str, Operation] = {}
        self.outcome: Outcome | None = None
        #: Whether a timer ended during the invocation, which the workflow may not have seen.
        self.has_news = False

    def open(self) -> DurableExecutionInvocationInputWithClient:
        """Read the run's state, apply the time that has passed, and give the handler's input.

        Raises:
            LeaseLostError: The run is another's now.
            JournalUnavailableError: The journal did not answer for too long.
        """
        read = self._read()
        for operation in read:
            self._keep(operation)
        resolved = self._resolve_timers(self._moment())
        self._commit(resolved)
        first = [execution(self._attempt.run), *self._page(0)]
        return DurableExecutionInvocationInputWithClient(
            durable_execution_arn=arn_of(self._attempt.run),
            checkpoint_token=_TOKEN,
            initial_execution_state=InitialExecutionState(first, self._marker_after(0)),
            updated_operation_ids=[change.operation.operation_id for change in resolved],
            service_client=self,
        )

    def checkpoint(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        updates: list[OperationUpdate],
        client_token: str | None,
    ) -> CheckpointOutput:
        """Record updates, and tell which operations changed, by them or by time.

        An answer without a token makes the SDK end the invocation as suspended at once, without
        telling user code that anything failed. That is how an attempt ends that must stop or has
        lost its lease.
        """
        is_stopping = self._attempt.stop.is_set()
        if is_stopping:
            updates = _finished(updates)
        try:
            changed = self._record(updates)
        except (LeaseLostError, JournalUnavailableError):
            return _answer((), token=None)
        is_over = is_stopping or self.outcome is not None
        return _answer(changed, token=None if is_over else _TOKEN)

    def get_execution_state(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        next_marker: str,
        max_items: int = _PAGE,
    ) -> StateOutput:
        """Give the page of operations that `next_marker` names."""
        start = int(next_marker or 0)
        return StateOutput(
            operations=self._page(start, max_items),
            next_marker=self._marker_after(start, max_items),
        )

    def _read(self) -> list[Operation]:
        attempt = self._attempt
        return attempt.patiently(lambda: attempt.journal.operations(attempt.session_id))

    def _record(self, updates: Iterable[OperationUpdate]) -> list[Operation]:
        moment = self._moment()
        changes = self._resolve_timers(moment)
        self.has_news = self.has_news or bool(changes)
        for update in updates:
            if update.operation_type is SdkType.EXECUTION:
                self.outcome = Outcome(payload=update.payload, error=error_from_sdk(update.error))
                continue
            change = record(update, self.operations.get(update.operation_id), moment)
            self._keep(change.operation)
            changes.append(change)
        self._commit(changes)
        # Of several changes of an operation the last one stands.
        latest = {change.operation.operation_id: change.operation for change in changes}
        return list(latest.values())

    def _resolve_timers(self, moment: Moment) -> list[Recorded]:
        resolved = [resolve(operation, moment) for operation in self._timed.values()]
        changes = [change for change in resolved if change is not None]
        for change in changes:
            self._keep(change.operation)
        return changes

    def _keep(self, operation: Operation) -> None:
        self.operations[operation.operation_id] = operation
        # Few operations have a timer; looking at all of them at each checkpoint would make a run
        # of thousands of steps quadratic.
        if operation.due_at is not None and operation.status in OPEN:
            self._timed[operation.operation_id] = operation
        else:
            self._timed.pop(operation.operation_id, None)

    def _commit(self, changes: Iterable[Recorded]) -> None:
        # A change without an event follows from the clock and is not written.
        for commit in in_commits(change for change in changes if change.events):
            self._attempt.commit(commit)

    def _moment(self) -> Moment:
        attempt = self._attempt
        return Moment(
            session_id=attempt.session_id, attempt=attempt.lease.attempt, now=attempt.clock()
        )

    def _page(self, start: int, size: int = _PAGE) -> list[sdk.Operation]:
        return [to_sdk(kept) for kept in islice(self.operations.values(), start, start + size)]

    def _marker_after(self, start: int, size: int = _PAGE) -> str:
        return str(start + size) if start + size < len(self.operations) else ""


def _finished(updates: list[OperationUpdate]) -> list[OperationUpdate]:
    """Give what an attempt that must stop still records: work that was done, from its start on.

    A failure is left out: as likely as not it is the stop that made the work fail. Whoever goes on
    with the run does that work again.
    """
    done = {update.operation_id for update in updates if update.action is OperationAction.SUCCEED}
    return [update for update in updates if update.operation_id in done]


def _answer(changed: Iterable[Operation], *, token: str | None) -> CheckpointOutput:
    state = CheckpointUpdatedExecutionState(
        operations=[to_sdk(operation) for operation in changed], next_marker=""
    )
    return CheckpointOutput(checkpoint_token=token, new_execution_state=state)
