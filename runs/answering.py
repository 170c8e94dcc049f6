"""Answering callbacks from outside a run: the journal's record, and the wake-up that follows it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from runs.callback_service import CallbackService, NoCallbackService
from runs.callbacks import place_of
from runs.deciding import Ballot
from runs.errors import ApprovalClosedError, CallbackClosedError
from runs.journal.base import Answered, Asked, Journal
from runs.operations import OperationError
from runs.run import Run
from runs.signals import Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Answers callbacks by their ids; each method raises what its journal's does.

    If the process dies after the record and before the signal, the state machine finds the run due
    when its own interval is over. Nobody looks after a run that is a Lambda durable execution: an
    answer that its service was not told of is told when somebody answers again, and is refused.

    Besides, each method may raise `AnswerNotToldError`: recorded, but the service does not know.
    """

    journal: Journal
    signal: Signal
    clock: Callable[[], datetime]
    #: Where runs that are Lambda durable executions wait for their answers.
    service: CallbackService = field(default_factory=NoCallbackService)

    def complete(
        self, callback_id: str, payload: str | bytes | None, *, by: str | None = None
    ) -> Run:
        """Answer with a result; see `Journal.complete_callback`."""
        with self._told_again(callback_id):
            answered = self.journal.complete_callback(callback_id, payload, now=self.clock(), by=by)
        return self._announced(answered)

    def fail(self, callback_id: str, error: OperationError, *, by: str | None = None) -> Run:
        """Answer with an error; see `Journal.fail_callback`."""
        with self._told_again(callback_id):
            answered = self.journal.fail_callback(callback_id, error, now=self.clock(), by=by)
        return self._announced(answered)

    def decide(self, callback_id: str, ballot: Ballot) -> Asked:
        """Decide on an approval; see `Journal.decide_approval`."""
        with self._told_again(callback_id):
            asked = self.journal.decide_approval(callback_id, ballot, now=self.clock())
        if asked.approval.decided_at is not None:
            self._wake(asked.run, callback_id)
        elif asked.approval.announced_at is None:
            # It was edited: those who have still to approve are to hear of it now.
            self._signal(asked.run)
        return asked

    def heartbeat(self, callback_id: str) -> Run:
        """Say that the answer is still to come; see `Journal.heartbeat_callback`."""
        answered = self.journal.heartbeat_callback(callback_id, now=self.clock())
        self._tell(answered.run, callback_id)
        return answered.run

    def _announced(self, answered: Answered) -> Run:
        self._wake(answered.run, answered.callback.callback_id or "")
        return answered.run

    def _wake(self, run: Run, callback_id: str) -> None:
        self._tell(run, callback_id)
        self._signal(run)

    def _signal(self, run: Run) -> None:
        if run.wake_token is not None:
            self.signal.send(run.wake_token)

    def _tell(self, run: Run, callback_id: str) -> None:
        if run.durable_execution is None:
            return
        session_id, operation_id = place_of(callback_id)
        callback = self.journal.operation(session_id, operation_id)
        if callback is not None and callback.external_id is not None:
            self.service.tell(callback)

    @contextmanager
    def _told_again(self, callback_id: str) -> Iterator[None]:
        """Tell of an earlier answer, before a further one is refused: who gave it may have died."""
        try:
            yield
        except (ApprovalClosedError, CallbackClosedError):
            run = self.journal.get(place_of(callback_id)[0])
            if run is not None and not run.status.is_terminal:
                self._wake(run, callback_id)
            raise
