"""Reading runs for people: by the beginning of an id, as a list, with what happened."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import islice
from typing import TypeVar

from cli.errors import AmbiguousRunError, UnknownRunError, UsageError
from cli.pages import Pages
from runs.ids import MIN_SESSION_ID
from runs.journal.base import MAX_PAGE, Journal, Recorded
from runs.operations import Operation
from runs.run import Run, Status
from runs.told import Tell

T = TypeVar("T")

#: The word that stands for the run accepted last.
LAST = "last"
MIN_PREFIX = 4
#: `last` is looked for among this many runs, those that changed last.
_RECENT = 100
#: Prefixes are looked for among this many.
_SEARCHED = 5_000
_SHOWN_CANDIDATES = 10
#: Seconds between looks for a run that may not have been accepted yet.
_ACCEPTANCE_WAITS = (0.2,) * 5 + (0.5,) * 8


def is_whole_id(given: str) -> bool:
    """Say whether it has the length of an id, and so may be that of a run still to come."""
    return len(given) >= MIN_SESSION_ID


class RunReader:
    """The journal of one place, as the commands read it.

    Every method raises `UnreachableError` when the place does not answer, whatever it is made of.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        where: str,
        translated: Callable[[], AbstractContextManager[None]],
        pause: Callable[[float], None] = time.sleep,
        pages: Pages | None = None,
    ) -> None:
        self._journal = journal
        self._translated = translated
        self._pause = pause
        #: What the place is called.
        self.where = where
        self._pages = pages or Pages()

    def get(self, session_id: str) -> Run | None:
        """Read a head."""
        with self._translated():
            return self._journal.get(session_id)

    def pages(self, run: Run, now: datetime) -> dict[str, str]:
        """Give where what a run asks is decided, by the approval's id."""
        if not self._pages.are_there:
            return {}
        with self._translated():
            approvals = self._journal.approvals(run.session_id)
        return self._pages.of_run(run, approvals, now)

    def find(self, given: str) -> Run:
        """Read the head of the run that a person means.

        Args:
            given: An id, the beginning of one that no other run shares, or `last`.

        Raises:
            UsageError: It means no run, or more than one.
        """
        if given == LAST:
            return self._last()
        if (run := self._got(given)) is not None:
            return run
        if len(given) < MIN_PREFIX:
            msg = f"{given!r} is no run's id, and the beginning of one has {MIN_PREFIX} characters"
            raise UsageError(msg)
        found = [run for run in self.newest(_SEARCHED) if run.session_id.startswith(given)]
        if not found:
            raise UnknownRunError(given, where=self.where)
        if len(found) > 1:
            ids = sorted(run.session_id for run in found)
            raise AmbiguousRunError(given, count=len(ids), candidates=ids[:_SHOWN_CANDIDATES])
        return found[0]

    def newest(self, limit: int, *, status: Status | None = None) -> list[Run]:
        """Read up to so many heads, newest change first."""
        return list(islice(self._heads(limit, status), limit))

    def events(self, session_id: str, *, after: str | None = None) -> list[Recorded]:
        """Read the timeline, or what was recorded after the event with the id `after`."""
        with self._translated():
            return self._journal.events(session_id, after=after)

    def operations(self, session_id: str) -> Sequence[Operation]:
        """Read all operations of a run."""
        with self._translated():
            return self._journal.operations(session_id)

    def tells(self, run: Run) -> Sequence[Tell]:
        """Read what a run's agents were told; most runs' were told nothing."""
        if not run.tells:
            return ()
        with self._translated():
            return self._journal.tells(run.session_id)

    def use(self, work: Callable[[Journal], T]) -> T:
        """Do some work with the journal itself."""
        with self._translated():
            return work(self._journal)

    def _got(self, given: str) -> Run | None:
        run = self.get(given)
        waits = _ACCEPTANCE_WAITS if is_whole_id(given) else ()
        # A run that was sent a moment ago: `errand cancel $(errand send)`.
        for seconds in waits:
            if run is not None:
                break
            self._pause(seconds)
            run = self.get(given)
        return run

    def _heads(self, limit: int, status: Status | None) -> Iterator[Run]:
        cursor = None
        while True:
            with self._translated():
                page = self._journal.list_runs(
                    status=status, limit=min(limit, MAX_PAGE), cursor=cursor
                )
            yield from page.runs
            cursor = page.cursor
            if cursor is None:
                return

    def _last(self) -> Run:
        newest = max(self.newest(_RECENT), key=lambda run: run.created_at, default=None)
        if newest is None:
            msg = f"there is no last run in {self.where}; `errand run` starts one"
            raise UsageError(msg)
        return newest
