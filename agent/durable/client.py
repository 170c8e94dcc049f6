"""The durable SDK's service client on the journal."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

from aws_durable_execution_sdk_python import lambda_service as sdk
from aws_durable_execution_sdk_python.execution import (
    DurableExecutionInvocationInputWithClient,
    InitialExecutionState,
)
from aws_durable_execution_sdk_python.lambda_service import (
    CheckpointOutput,
    CheckpointUpdatedExecutionState,
    OperationUpdate,
    StateOutput,
)
from aws_durable_execution_sdk_python.lambda_service import OperationType as SdkType

from agent.attempt import Attempt
from agent.durable.approvals import with_answer, with_approval
from agent.durable.children import Children
from agent.durable.current import know_operations
from agent.durable.hearing import hear
from agent.durable.operations import arn_of, error_from_sdk, execution, to_sdk
from agent.durable.outbox import StoreAtHand, use_outbox
from agent.durable.recorded import Moment, Recorded, in_commits
from agent.durable.refusing import refusal_of
from agent.durable.replay import Replay, ReplayingClient
from agent.durable.timers import OPEN, OUTSIDE, resolve
from agent.durable.updates import finished, record
from agent.errors import BudgetExceededError
from runs.errors import JournalUnavailableError, LeaseLostError
from runs.instants import whole
from runs.operations import Operation, OperationError, OperationType

#: Handed back and forth because the SDK wants one. Ours never changes: the lease fences writes.
_TOKEN = "lease"  # noqa: S105 - not a secret
#: How many operations the SDK is given at once; it asks for the rest.
_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """An ending the workflow recorded itself, because it is too large to be answered."""

    payload: str | None
    error: OperationError | None


class JournalClient(StoreAtHand, ReplayingClient):
    """The SDK's `DurableServiceClient` for one invocation of one attempt.

    It reads a run's operations once and keeps them: under the lease nobody else changes them, but
    for the answers to callbacks and the ends of child runs. The head counts those, so that a look
    at it tells whether there is anything to read. The SDK calls it from one thread at a time.
    """

    def __init__(self, attempt: Attempt, *, children: Children | None = None) -> None:
        self._attempt = attempt
        self._children = children or Children(journal=attempt.journal, workflows=frozenset())
        #: By id, in the order of their start.
        self.operations: dict[str, Operation] = {}
        self._timed: dict[str, Operation] = {}
        self._outside: dict[str, Operation] = {}
        #: How many answers from outside are in `operations`.
        self.seen_answers = -1
        self.outcome: Outcome | None = None
        self.replay = Replay(())
        #: Why the workflow may not go on.
        self.refusal: BudgetExceededError | None = None
        #: Whether something that was waited for came during the invocation: the workflow may not
        #: have seen it.
        self.has_news = False

    def leave_if_paused(self) -> None:
        """See `ReplayingClient.leave_if_paused`."""
        self._attempt.leave_if_paused()

    @property
    def attempt(self) -> Attempt:
        """Give the attempt it serves."""
        return self._attempt

    def open(self) -> DurableExecutionInvocationInputWithClient:
        """Read the run's state, apply the time that has passed, and give the handler's input.

        Raises:
            LeaseLostError: The run is another's now.
            JournalUnavailableError: The journal did not answer for too long.
        """
        use_outbox()
        know_operations()
        hear()
        # The head first: an answer that comes between the two is then read again, not missed.
        answers = self._answers()
        for operation in self._read():
            self._keep(operation)
        moment = self._moment()
        # Whoever invoked these may have died before their runs were accepted.
        resolved = self._begin_children(self._outside.values(), moment)
        resolved += self._resolve_timers(moment)
        resolved += self._ended_children(moment)
        self.seen_answers = answers
        self._commit(resolved)
        news = self._news(resolved)
        self.replay = Replay(self.operations.values())
        first = [execution(self._attempt.run), *self._page(0)]
        return DurableExecutionInvocationInputWithClient(
            durable_execution_arn=arn_of(self._attempt.run),
            checkpoint_token=_TOKEN,
            initial_execution_state=InitialExecutionState(first, self._marker_after(0)),
            updated_operation_ids=news,
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
        telling user code that anything failed. That is how an attempt ends that must stop, has
        lost its lease, replays what is recorded otherwise, or would begin a step when the time its
        run may work is used up.
        """
        updates = self.replay.admit(updates)
        try:
            is_stopping = self._must_stop() or self._is_refused(updates)
            changed = self._record(finished(updates) if is_stopping else updates)
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

    def _must_stop(self) -> bool:
        return self._attempt.stop.is_set() or self.replay.difference is not None

    def _is_refused(self, updates: Iterable[OperationUpdate]) -> bool:
        self.refusal = self.refusal or refusal_of(self._attempt, updates)
        return self.refusal is not None

    def _news(self, resolved: Iterable[Recorded]) -> list[str]:
        """Name what came to its end since the last invocation did, and count it as told."""
        attempt = self._attempt
        answered = [
            operation.operation_id
            for operation in self.operations.values()
            if (operation.answer or 0) > attempt.seen_answers
        ]
        ended = [change.operation.operation_id for change in resolved]
        news = list(dict.fromkeys([*attempt.news, *answered, *ended]))
        attempt.news = set()
        return news

    def _read(self) -> list[Operation]:
        attempt = self._attempt
        return attempt.patiently(lambda: attempt.journal.operations(attempt.session_id))

    def catch_up(self) -> bool:
        """Take in what came while the workflow suspended, and say whether anything did.

        Raises:
            LeaseLostError: The run is another's now.
            JournalUnavailableError: The journal did not answer for too long.
        """
        moment = self._moment()
        # What the invocation has seen is no news to the next.
        self._attempt.seen_answers = self.seen_answers
        changes = self._resolve_timers(moment) + self._look(moment)
        self._commit(changes)
        self._attempt.news = {change.operation.operation_id for change in changes}
        return bool(changes)

    def _record(self, updates: Iterable[OperationUpdate]) -> list[Operation]:
        moment = self._moment()
        changes = self._resolve_timers(moment) + self._look(moment)
        self.has_news = self.has_news or bool(changes)
        begun: list[Operation] = []
        for update in updates:
            if update.operation_type is SdkType.EXECUTION:
                self.outcome = Outcome(payload=update.payload, error=error_from_sdk(update.error))
                continue
            change = record(update, self.operations.get(update.operation_id), moment)
            change = self._with_items(change)
            self._keep(change.operation)
            change = with_approval(change, self.operations, moment, attempt=self._attempt)
            changes.append(change)
            if change.operation.type is OperationType.CHAINED_INVOKE:
                begun.append(change.operation)
        self._commit(changes)
        if begun:
            # After the commit: a child of an operation never recorded would be nobody's.
            refused = self._begin_children(begun, moment)
            self._commit(refused)
            changes += refused
        # Of several changes of an operation the last one stands.
        latest = {change.operation.operation_id: change.operation for change in changes}
        return list(latest.values())

    def _with_items(self, change: Recorded) -> Recorded:
        items = self.replay.items_of(change.operation.operation_id)
        if items is None:
            return change
        return replace(change, operation=replace(change.operation, items=items))

    def _begin_children(self, invokes: Iterable[Operation], moment: Moment) -> list[Recorded]:
        attempt = self._attempt
        begun = [
            attempt.patiently(partial(self._children.begin, attempt.run, invoke, moment))
            for invoke in list(invokes)
            if invoke.type is OperationType.CHAINED_INVOKE
        ]
        return self._kept(begun)

    def _look(self, moment: Moment) -> list[Recorded]:
        """Read the answers that were recorded since the last look."""
        if not self._outside:
            return []
        answers = self._answers()
        if answers == self.seen_answers:
            return []
        callbacks = [
            self._reread(operation)
            for operation in list(self._outside.values())
            if operation.type is OperationType.CALLBACK
        ]
        changes = self._kept(callbacks) + self._ended_children(moment)
        self.seen_answers = answers
        return changes

    def _reread(self, callback: Operation) -> Recorded | None:
        attempt = self._attempt
        found = attempt.patiently(
            lambda: attempt.journal.operation(attempt.session_id, callback.operation_id)
        )
        if found in (None, callback):
            return None
        # Without an event: whoever answered has recorded it.
        return with_answer(Recorded(operation=found, events=()), attempt=attempt)

    def _ended_children(self, moment: Moment) -> list[Recorded]:
        ended = [
            self._attempt.patiently(
                partial(self._children.ended, self._attempt.run, invoke, moment)
            )
            for invoke in list(self._outside.values())
            if invoke.type is OperationType.CHAINED_INVOKE
        ]
        return self._kept(ended)

    def _answers(self) -> int:
        attempt = self._attempt
        head = attempt.patiently(lambda: attempt.journal.get(attempt.session_id))
        if head is None:
            raise LeaseLostError(attempt.session_id, attempt=attempt.lease.attempt)
        return head.answers

    def _resolve_timers(self, moment: Moment) -> list[Recorded]:
        if not self._timed:
            return []
        timed = list(self._timed.values())
        return self._kept([self._resolve(operation, moment) for operation in timed])

    def _resolve(self, operation: Operation, moment: Moment) -> Recorded | None:
        if operation.type is not OperationType.CALLBACK:
            return resolve(operation, moment)
        if operation.due_at is None or operation.due_at > moment.now:
            return None
        latest = self._attempt.time_out(operation.callback_id or "")
        return None if latest == operation else Recorded(operation=latest, events=())

    def _kept(self, changes: Iterable[Recorded | None]) -> list[Recorded]:
        found = [change for change in changes if change is not None]
        for change in found:
            self._keep(change.operation)
        return found

    def _keep(self, operation: Operation) -> None:
        self.operations[operation.operation_id] = operation
        # Few operations have a timer; looking at all of them at each checkpoint would make a run
        # of thousands of steps quadratic.
        if operation.due_at is not None and operation.status in OPEN:
            self._timed[operation.operation_id] = operation
        else:
            self._timed.pop(operation.operation_id, None)
        if operation.type in OUTSIDE and operation.status in OPEN:
            self._outside[operation.operation_id] = operation
        else:
            self._outside.pop(operation.operation_id, None)

    def _commit(self, changes: Iterable[Recorded]) -> None:
        # A change without an event follows from the clock and is not written.
        for commit in in_commits(change for change in changes if change.events):
            self._attempt.commit(commit)

    def _moment(self) -> Moment:
        attempt = self._attempt
        return Moment(
            session_id=attempt.session_id,
            attempt=attempt.lease.attempt,
            now=whole(attempt.clock()),
            retries=attempt.run.retries,
        )

    def _page(self, start: int, size: int = _PAGE) -> list[sdk.Operation]:
        return [to_sdk(kept) for kept in islice(self.operations.values(), start, start + size)]

    def _marker_after(self, start: int, size: int = _PAGE) -> str:
        return str(start + size) if start + size < len(self.operations) else ""


def _answer(changed: Iterable[Operation], *, token: str | None) -> CheckpointOutput:
    state = CheckpointUpdatedExecutionState(
        operations=[to_sdk(operation) for operation in changed], next_marker=""
    )
    return CheckpointOutput(checkpoint_token=token, new_execution_state=state)
