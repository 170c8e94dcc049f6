"""Finding runs that have ended and of which deciders have still to be told.

Nothing lists them: a run has ended once, and is then looked at no more. So all are gone through
when the process starts, and from then on those that have changed since.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from runs.journal.base import Journal
from runs.run import TERMINAL, Run, Status

#: Of a page: mostly none has ended since the last look.
_PAGE = 10
#: By how much the clocks of processes that write one journal may differ.
_MARGIN = timedelta(minutes=1)


class Untold:
    """The ended runs of a journal that have something to tell. For one thread."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._looked_at: datetime | None = None
        self._sessions: set[str] = set()

    def due(self, now: datetime) -> list[str]:
        """Give the sessions of those that are to be told of now."""
        for status in TERMINAL:
            self._sessions |= {run.session_id for run in self._changed(status) if run.notify_at}
        self._looked_at = now
        return [each for each in sorted(self._sessions) if self._is_due(each, now)]

    def _changed(self, status: Status) -> Iterator[Run]:
        cursor: str | None = None
        while True:
            page = self._journal.list_runs(status=status, limit=_PAGE, cursor=cursor)
            for run in page.runs:
                if self._looked_at is not None and run.updated_at < self._looked_at - _MARGIN:
                    return
                yield run
            cursor = page.cursor
            if cursor is None:
                return

    def _is_due(self, session_id: str, now: datetime) -> bool:
        run = self._journal.get(session_id)
        if run is None or run.notify_at is None:
            self._sessions.discard(session_id)
            return False
        return run.notify_at <= now
