"""Answering callbacks from outside a run: the journal's record, and the wake-up that follows it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from runs.journal.base import Answered, Journal
from runs.operations import OperationError
from runs.run import Run
from runs.signals import Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Answers callbacks by their ids; each method raises what its journal's does.

    If the process dies after the record and before the signal, the state machine finds the run due
    when its own interval is over.
    """

    journal: Journal
    signal: Signal
    clock: Callable[[], datetime]

    def complete(self, callback_id: str, payload: str | None, *, by: str | None = None) -> Run:
        """Answer with a result; see `Journal.complete_callback`."""
        return self._announced(
            self.journal.complete_callback(callback_id, payload, now=self.clock(), by=by)
        )

    def fail(self, callback_id: str, error: OperationError, *, by: str | None = None) -> Run:
        """Answer with an error; see `Journal.fail_callback`."""
        return self._announced(
            self.journal.fail_callback(callback_id, error, now=self.clock(), by=by)
        )

    def heartbeat(self, callback_id: str) -> Run:
        """Say that the answer is still to come; see `Journal.heartbeat_callback`."""
        return self.journal.heartbeat_callback(callback_id, now=self.clock()).run

    def _announced(self, answered: Answered) -> Run:
        if answered.run.wake_token is not None:
            self.signal.send(answered.run.wake_token)
        return answered.run
