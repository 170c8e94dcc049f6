"""Finding runs that want a worker, where no state machine does.

An embedded journal has nobody beside it who notices an expired lease, a wake time that has come or
a deadline. So the process looks itself, by the same rules as the state machine and the invoker.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime

from agent.untold import Untold
from runs.errors import RunError
from runs.journal.base import Journal
from runs.listing import open_runs
from runs.run import Run
from runs.upkeep import kept_from_workers

logger = logging.getLogger(__name__)

#: At the latest; a run that is due sooner is taken up on time.
_INTERVAL_SECONDS = 1.0
#: How many runs a process works on before those that are due have to wait. More would only take
#: turns at its one interpreter: all get slow, and so do the pings and the renewals of leases.
RUNS_AT_ONCE = 50


class Poller:
    """Looks at all open runs of a journal, and begins those that are due."""

    def __init__(
        self,
        journal: Journal,
        *,
        begin: Callable[[str], object],
        clock: Callable[[], datetime],
        notify: Callable[[str], object] | None = None,
        at_work: Callable[[], int] = lambda: 0,
    ) -> None:
        """Make a poller.

        Args:
            journal: What is looked at.
            begin: Begins an attempt at a session's run.
            clock: Tells the time.
            notify: Tells deciders what there is to tell of a session's run; None tells nobody.
            at_work: Tells how many runs this process works on.
        """
        self._journal = journal
        self._begin = begin
        self._clock = clock
        self._notify = notify
        self._at_work = at_work
        self._untold = Untold(journal)
        self._stop = threading.Event()

    def run(self) -> None:
        """Look until stopped; the body of the poller's thread."""
        while not self._stop.is_set():
            pause = _INTERVAL_SECONDS
            try:
                pause = self.look()
            except Exception:
                # Whatever it is: who does not look again leaves every run to lie.
                logger.exception("journal not read")
            self._stop.wait(pause)

    def stop(self) -> None:
        """Begin nothing any more."""
        self._stop.set()

    def look(self) -> float:
        """Look once, and give the seconds after which to look again."""
        pause = _INTERVAL_SECONDS
        due: list[Run] = []
        for run in open_runs(self._journal):
            now = self._clock()
            if run.deadline_at <= now:
                self._journal.expire(run.session_id, now=now)
            elif run.is_due(now):
                if kept_from_workers(self._journal, run, now=now) is None:
                    due.append(run)
            else:
                pause = min(pause, _seconds_until_due(run, now))
            if run.notify_at is not None and run.notify_at <= now:
                self._tell(run.session_id)
        self._take_up(due)
        if self._notify is not None:
            for session_id in self._untold.due(self._clock()):
                self._tell(session_id)
        return pause

    def _tell(self, session_id: str) -> None:
        if self._notify is None:
            return
        try:
            self._notify(session_id)
        except RunError:
            # It must not keep the others from being looked at.
            logger.exception("deciders not told", extra={"session_id": session_id})

    def _take_up(self, due: Sequence[Run]) -> None:
        """Begin those that have waited longest, as many as there is room for."""
        room = max(0, RUNS_AT_ONCE - self._at_work())
        for run in sorted(due, key=_due_since)[:room]:
            self._begin(run.session_id)


def _due_since(run: Run) -> datetime:
    return run.lease.expires_at if run.lease else run.wake_at or run.updated_at


def _seconds_until_due(run: Run, now: datetime) -> float:
    """Give when a run that is not due will be, as far as its head tells."""
    instants = [run.wake_at, run.lease.expires_at if run.lease else None]
    return min(
        ((at - now).total_seconds() for at in instants if at is not None and at > now),
        default=_INTERVAL_SECONDS,
    )
