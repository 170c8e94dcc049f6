"""Finding runs that want a worker, where no state machine does.

An embedded journal has nobody beside it who notices an expired lease, a wake time that has come or
a deadline. So the process looks itself, by the same rules as the state machine and the invoker.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from runs.journal.base import Journal
from runs.lifecycle import exhaustion
from runs.listing import open_runs
from runs.run import Run

logger = logging.getLogger(__name__)

_INTERVAL_SECONDS = 1.0


class Poller:
    """Looks at all open runs of a journal, and begins those that are due."""

    def __init__(
        self, journal: Journal, *, begin: Callable[[str], object], clock: Callable[[], datetime]
    ) -> None:
        self._journal = journal
        self._begin = begin
        self._clock = clock
        self._stop = threading.Event()

    def run(self) -> None:
        """Look until stopped; the body of the poller's thread."""
        while not self._stop.is_set():
            try:
                self.look()
            except Exception:
                # Whatever it is: who does not look again leaves every run to lie.
                logger.exception("journal not read")
            self._stop.wait(_INTERVAL_SECONDS)

    def stop(self) -> None:
        """Begin nothing any more."""
        self._stop.set()

    def look(self) -> None:
        """Look once."""
        for run in open_runs(self._journal):
            now = self._clock()
            if run.deadline_at <= now:
                self._journal.expire(run.session_id, now=now)
            elif run.is_due(now):
                self._take_up(run, now)

    def _take_up(self, run: Run, now: datetime) -> None:
        error = exhaustion(run)
        if run.cancel_requested:
            reason = run.cancel_reason or "its cancellation was requested"
            self._journal.cancel(run.session_id, now=now, reason=reason)
        elif error is not None:
            self._journal.give_up(run.session_id, error=error, now=now)
        else:
            self._begin(run.session_id)
