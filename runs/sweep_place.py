"""How far a sweep has come: what the next one goes on from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from runs.instants import from_iso, to_iso
from runs.journal.base import Page
from runs.json_types import Json
from runs.run import OPEN, TERMINAL, Status

#: The open ones first: of those, runs wait to go on.
_ORDER = (*OPEN, *sorted(TERMINAL))
#: Ended runs are looked at for this long at most, and for so long by the first pass.
_LOOK_BACK = timedelta(days=1)
#: By how much the clocks of those who write the journal may differ.
_MARGIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPlace:
    """A place in a pass over the journal: status after status, the newest change first."""

    status: Status
    #: Of the listing of that status; None is its beginning.
    cursor: str | None = None
    #: When this pass began.
    began_at: datetime
    #: Runs that ended and have not changed since then were looked at by earlier passes.
    since: datetime

    def after(self, page: Page) -> "SweepPlace | None":
        """Give the place after a page of this one's listing; None at the end of the pass."""
        is_old = self.status in TERMINAL and any(run.updated_at < self.since for run in page.runs)
        if page.cursor is not None and not is_old:
            return replace(self, cursor=page.cursor)
        following = _ORDER[_ORDER.index(self.status) + 1 :]
        return replace(self, status=following[0], cursor=None) if following else None

    def next_pass(self, now: datetime, *, patience: timedelta, is_clean: bool) -> "SweepPlace":
        """Give the beginning of the pass after this one, which has come to its end.

        What ended too short a time before this pass to be judged is looked at again, and after a
        pass with repairs that failed all that it looked at.
        """
        done = self.began_at - patience - _MARGIN if is_clean else self.since
        return SweepPlace(status=_ORDER[0], began_at=now, since=max(done, now - _LOOK_BACK))

    def to_json(self) -> Json:
        """Give the place as it is kept."""
        kept: dict[str, Json] = {
            "status": self.status.value,
            "began_at": to_iso(self.began_at),
            "since": to_iso(self.since),
        }
        return kept if self.cursor is None else {**kept, "cursor": self.cursor}

    @classmethod
    def from_json(cls, kept: Json) -> "SweepPlace | None":
        """Read a kept place; None if it is none, or another version's."""
        match kept:
            case {"status": str(status), "began_at": str(began_at), "since": str(since)}:
                cursor = kept.get("cursor") if isinstance(kept, Mapping) else None
            case _:
                return None
        try:
            return cls(
                status=Status(status),
                cursor=cursor if isinstance(cursor, str) else None,
                began_at=from_iso(began_at),
                since=from_iso(since),
            )
        except ValueError:
            return None


def first_place(now: datetime) -> SweepPlace:
    """Give where a journal is begun of which no sweep has left a place."""
    return SweepPlace(status=_ORDER[0], began_at=now, since=now - _LOOK_BACK)
