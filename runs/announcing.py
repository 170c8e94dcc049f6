"""Waking the state machines that a change of a run concerns: its own, its parent's, its children's.

Their heads know already, and each state machine finds it out when its own interval is over. So
nothing here fails its caller.
"""

import logging
from dataclasses import dataclass

from runs.errors import RunError
from runs.journal.base import Journal
from runs.run import Run, Status
from runs.signals import Signal

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcer:
    """Tells who waits for a run to look at its head."""

    journal: Journal
    signal: Signal

    def announce(self, run: Run) -> None:
        """Tell everybody whom a run's change concerns."""
        self._wake(run)
        self.announce_end(run)

    def announce_end(self, run: Run) -> None:
        """Tell a run's parent and children of its end, if it has ended.

        For whoever is asked to end a run by its own state machine, which does not wait.
        """
        if not run.status.is_terminal:
            return
        try:
            self._tell_family(run)
        except RunError as error:
            extra = {"session_id": run.session_id, "error": str(error)}
            logger.info("family not told", extra=extra)

    def announce_steered(self, run: Run) -> None:
        """Tell of a run that was paused or resumed, and of those below it, which were with it."""
        self._wake(run)
        try:
            self._wake_children(run)
        except RunError as error:
            extra = {"session_id": run.session_id, "error": str(error)}
            logger.info("children not told", extra=extra)

    def _tell_family(self, run: Run) -> None:
        parent = self.journal.get(run.parent_session_id) if run.parent_session_id else None
        if parent is not None:
            self._wake(parent)
        self._tell_children(run)

    def _tell_children(self, run: Run) -> None:
        if not run.status.is_terminal or run.status is Status.COMPLETED:
            # What a run that completed left behind goes on.
            return
        self._wake_children(run)

    def _wake_children(self, run: Run) -> None:
        for child in self.journal.open_children(run.session_id):
            self._wake(child)
            self._wake_children(child)

    def _wake(self, run: Run) -> None:
        if run.wake_token is not None:
            self.signal.send(run.wake_token)
