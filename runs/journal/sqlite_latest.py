"""The last event of each run, so that the ids of new ones follow it."""

import sqlite3
from collections.abc import Iterable

from runs.journal.keys import event_id_of, events_after

#: How many runs are kept in mind.
_RUNS = 1_000


class LatestEvents:
    """What one connection knows of the ends of timelines. It is asked inside of transactions.

    To look for the last event costs as much as to write one. What this connection has written it
    knows, as long as no other has written since.
    """

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._data_version = 0

    def of(self, db: sqlite3.Connection, session_id: str) -> str | None:
        """Give the id of a run's last event, or of a later one whose writing was rolled back."""
        (version,) = db.execute("PRAGMA data_version").fetchone()
        if version != self._data_version or len(self._ids) > _RUNS:
            self._data_version = version
            self._ids.clear()
        return self._ids.get(session_id) or _look(db, session_id)

    def note(self, session_id: str, keys: Iterable[str]) -> None:
        """Keep in mind the keys of events that are being written, in their order."""
        *_, last = keys
        self._ids[session_id] = event_id_of(last)

    def forget(self, session_id: str) -> None:
        """Look again: events were written that are not new."""
        self._ids.pop(session_id, None)


def _look(db: sqlite3.Connection, session_id: str) -> str | None:
    keys = events_after(None)
    (last,) = db.execute(
        "SELECT max(key) FROM records WHERE session_id = ? AND key BETWEEN ? AND ?",
        (session_id, keys.low, keys.high),
    ).fetchone()
    return None if last is None else event_id_of(last)
