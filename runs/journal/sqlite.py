"""The embedded journal: one SQLite file for all threads and processes of a machine, no server.

Each write is one transaction, synced to disk before it is answered. Rules are applied inside
`BEGIN IMMEDIATE`, so that no other writer comes between reading a head and writing it.
"""

import logging
import sqlite3
import threading
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from functools import partial
from pathlib import Path

from runs import lifecycle
from runs.artifacts.base import ArtifactStore
from runs.children import to_be_told, told
from runs.errors import CorruptRecordError, LeaseLostError, RunNotFoundError
from runs.events import Event
from runs.fields import Fields
from runs.head_record import RUN, RUN_FIELDS, artifact_to_record, with_children_usage
from runs.ids import Ulids
from runs.instants import from_iso, to_iso
from runs.journal.base import Accepted, Census, Changes, Page
from runs.journal.cursors import check_limit, foreign_cursor, from_cursor, to_cursor
from runs.journal.keys import KeyRange
from runs.journal.observer import Observer
from runs.journal.parts import Parts, check_size, event_parts, outside_parts, parts_of
from runs.journal.recorded import RecordJournal
from runs.journal.sqlite_approvals import (
    SELECT_APPROVALS,
    approvals_cursor,
    approvals_values,
)
from runs.journal.sqlite_file import open_file, translated
from runs.journal.sqlite_latest import LatestEvents
from runs.journal.sqlite_rows import (
    CENSUS,
    HALVES,
    INSERT_HEAD,
    NOTIFY,
    PUT_RECORD,
    REPLACE_HEAD,
    SELECT_HEADS,
    from_row,
    from_text,
    head_update,
    position_of,
    to_row,
    to_text,
)
from runs.json_types import Json
from runs.lifecycle import Change, Rule
from runs.payloads import HEAD, Codec
from runs.records import Record
from runs.run import RETENTION, Artifact, Lease, Run, Status, Usage

logger = logging.getLogger(__name__)

#: How many runs past their retention one accept removes: enough to keep up, too few to be felt.
_SWEEP = 10


class SqliteJournal(RecordJournal):
    """See `runs.journal.base.Journal`. A path of `:memory:` makes one that ends with the object."""

    def __init__(
        self,
        path: str | Path,
        *,
        artifacts: ArtifactStore,
        busy_seconds: float = 10.0,
        observer: Observer | None = None,
    ) -> None:
        super().__init__(Codec(artifacts), observer)
        self._ulids = Ulids()
        self._latest = LatestEvents()
        # One connection for all threads: writers have to wait for each other anyway.
        self._lock = threading.RLock()
        # Where commits queue before that: a head's change waits beside one of them, not hundreds.
        self._crowd = threading.Lock()
        self._db = open_file(path, busy_seconds=busy_seconds)
        # A connection that nobody closed is a warning since Python 3.13; all it had to write is
        # written. Not at exit: a process that ends does not wait for other threads' writes.
        weakref.finalize(self, self._db.close).atexit = False

    def close(self) -> None:
        """Close the file; the journal can't be used any more."""
        with self._lock:
            self._db.close()

    def accept(self, run: Run) -> Accepted:
        """See `Journal.accept`."""
        head = self._codec.encode(RUN, run)
        with self._writing() as db:
            self._sweep(db, run.created_at)
            is_new = self._insert(db, run, head)
            before = head if is_new else self._must_find(db, run.session_id)
        if is_new:
            self._observer.accepted(run)
            return Accepted(run=run, is_new=True)
        known = self._codec.decode_head_anyway(before, session_id=run.session_id)
        return Accepted(run=known, is_new=False)

    def _plant(self, run: Run, parts: Parts) -> Accepted | None:
        head = self._codec.encode(RUN, run)
        with self._writing() as db:
            if not self._insert(db, run, head):
                return None
            self._put(db, run.session_id, parts)
            self._latest.forget(run.session_id)
        self._observer.accepted(run)
        return Accepted(run=run, is_new=True)

    def _insert(self, db: sqlite3.Connection, run: Run, head: Record) -> bool:
        if db.execute(INSERT_HEAD, to_row(head)).rowcount != 1:
            return False
        events = self._event_parts(db, run.session_id, (lifecycle.accept_event(run),))
        self._put(db, run.session_id, events)
        return True

    def list_runs(
        self, *, status: Status | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page:
        """See `Journal.list_runs`."""
        check_limit(limit)
        conditions = [] if status is None else ["status = :status"]
        values: dict[str, Json] = {"status": status, "limit": limit + 1}
        if cursor is not None:
            conditions.append("(updated_at, session_id) < (:updated_at, :session_id)")
            values |= _position_in(cursor)
        halves = [f"{SELECT_HEADS} WHERE {' AND '.join([half, *conditions])}" for half in HALVES]
        order = "ORDER BY updated_at DESC, session_id DESC LIMIT :limit"
        with self._reading() as db:
            rows = db.execute(f"{' UNION ALL '.join(halves)} {order}", values).fetchall()
        shown = rows[:limit]
        return Page(
            runs=tuple(run for row in shown if (run := self._readable(row)) is not None),
            cursor=to_cursor("sqlite", position_of(shown[-1])) if len(rows) > limit else None,
        )

    def census(self) -> Census:
        """See `Journal.census`."""
        with self._reading() as db:
            rows = db.execute(CENSUS).fetchall()
        counts = {status: count for status, count, _ in rows}
        oldest = {status: at for status, _, at in rows}.get(Status.WAITING)
        return Census(
            queued=counts.get(Status.QUEUED, 0),
            busy=counts.get(Status.BUSY, 0),
            waiting=counts.get(Status.WAITING, 0),
            oldest_wait_at=None if oldest is None else from_iso(oldest),
        )

    def _keep(self, name: str, key: str, record: Record, *, now: datetime) -> None:
        with self._writing() as db:
            self._put(db, name, {key: record})

    def commit(self, lease: Lease, changes: Changes, *, now: datetime) -> None:
        """See `Journal.commit`."""
        check_size(changes)
        parts = parts_of(changes, self._codec)
        statement, values = head_update(lease, changes, now=now)
        with self._writing() as db:
            if db.execute(statement, values).rowcount != 1:
                raise LeaseLostError(lease.session_id, attempt=lease.attempt)
            if changes.family_id is not None and changes.spent is not None:
                self._add_to_family(db, changes.family_id, changes.spent)
            if changes.approvals:
                db.execute(NOTIFY, {"session_id": lease.session_id, "now": to_iso(now)})
            if changes.artifacts:
                self._add_artifacts(db, lease.session_id, changes.artifacts)
            parts |= self._event_parts(db, lease.session_id, changes.events)
            self._put(db, lease.session_id, parts)
        self._observer.committed(lease, changes)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, translated():
            yield self._db

    @contextmanager
    def _writing(self, *, is_urgent: bool = False) -> Iterator[sqlite3.Connection]:
        """Make one durable transaction of what is done inside.

        Python's locks go to whichever thread happens to run, so that one of many may wait for
        seconds: urgent is what must not, such as the renewal of a lease.
        """
        crowd = nullcontext() if is_urgent else self._crowd
        with crowd, self._lock, translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                # A full disk rolls back by itself; a second rollback would hide the first error.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _change(self, session_id: str, rule: Rule, *, is_strict: bool = False) -> Run:
        with self._writing(is_urgent=True) as db:
            before = self._must_find(db, session_id)
            run = self._head_for(before, session_id, is_strict=is_strict)
            change = rule(run)
            if change.run is not run:
                self._write(db, change, before=before)
            for relative in to_be_told(run, change):
                self._tell(db, relative, partial(told, before=run, change=change))
        if change.events:
            self._observer.changed(run, change)
        return change.run

    def _write(self, db: sqlite3.Connection, change: Change, *, before: Record) -> None:
        session_id = change.run.session_id
        unknown = {name: before[name] for name in before.keys() - RUN_FIELDS}
        head = self._codec.encode_head(change.run, before=before)
        db.execute(REPLACE_HEAD, to_row(unknown | head))
        parts = outside_parts(change, self._codec)
        parts |= self._event_parts(db, session_id, change.events)
        self._remove(db, session_id, change.removed)
        self._put(db, session_id, parts)

    def _tell(self, db: sqlite3.Connection, session_id: str, rule: Rule) -> None:
        before = self._find(db, session_id)
        if before is None:
            return
        relative = self._head_for(before, session_id, is_strict=False)
        change = rule(relative)
        if change.run is not relative:
            self._write(db, change, before=before)

    def _add_to_family(self, db: sqlite3.Connection, session_id: str, spent: Usage) -> None:
        before = self._find(db, session_id)
        if before is not None:
            head = with_children_usage(before, spent)
            head["version"] = Fields(before).whole("version") + 1
            db.execute(REPLACE_HEAD, to_row(head))

    def _event_parts(
        self, db: sqlite3.Connection, session_id: str, events: Sequence[Event]
    ) -> Parts:
        if not events:
            return {}
        # Inside the transaction: a reader that has seen an event has missed none before it.
        after = self._latest.of(db, session_id)
        parts = event_parts(events, self._codec, ulids=self._ulids, after=after)
        self._latest.note(session_id, parts)
        return parts

    def _remove(self, db: sqlite3.Connection, session_id: str, keys: Iterable[str]) -> None:
        rows = [(session_id, key) for key in keys]
        db.executemany("DELETE FROM records WHERE session_id = ? AND key = ?", rows)

    def _put(self, db: sqlite3.Connection, session_id: str, parts: Parts) -> None:
        rows = [(session_id, key, to_text(record)) for key, record in parts.items()]
        db.executemany(PUT_RECORD, rows)

    def _add_artifacts(
        self, db: sqlite3.Connection, session_id: str, artifacts: Sequence[Artifact]
    ) -> None:
        (text,) = db.execute(
            "SELECT artifacts FROM runs WHERE session_id = ?", (session_id,)
        ).fetchone()
        merged = from_text(text, session_id=session_id, key=HEAD)
        merged |= {artifact.name: artifact_to_record(artifact) for artifact in artifacts}
        db.execute(
            "UPDATE runs SET artifacts = ? WHERE session_id = ?", (to_text(merged), session_id)
        )

    def _sweep(self, db: sqlite3.Connection, now: datetime) -> None:
        """Remove some runs unchanged for the time of retention, as DynamoDB's TTL does."""
        halves = [f"SELECT session_id FROM runs WHERE {half} AND updated_at < ?" for half in HALVES]  # noqa: S608 - our own words
        before = to_iso(now - RETENTION)
        query = f"{' UNION ALL '.join(halves)} LIMIT ?"
        old = db.execute(query, (before, before, _SWEEP)).fetchall()
        db.executemany("DELETE FROM records WHERE session_id = ?", old)
        db.executemany("DELETE FROM runs WHERE session_id = ?", old)

    def _find(self, db: sqlite3.Connection, session_id: str) -> Record | None:
        row = db.execute(f"{SELECT_HEADS} WHERE session_id = ?", (session_id,)).fetchone()
        return None if row is None else from_row(row)

    def _must_find(self, db: sqlite3.Connection, session_id: str) -> Record:
        record = self._find(db, session_id)
        if record is None:
            raise RunNotFoundError(session_id)
        return record

    def _readable(self, row: Sequence[Json]) -> Run | None:
        try:
            record = from_row(row)
            return self._codec.decode_head_anyway(record, session_id=str(record["session_id"]))
        except CorruptRecordError as error:
            extra = {"session_id": error.session_id, "error": str(error)}
            logger.warning("left out a run that can't be read", extra=extra)
            return None

    def _head(self, session_id: str) -> Record | None:
        with self._reading() as db:
            return self._find(db, session_id)

    def _heads(self, session_ids: Collection[str]) -> Mapping[str, Record]:
        with self._reading() as db:
            found = {session_id: self._find(db, session_id) for session_id in session_ids}
        return {session_id: head for session_id, head in found.items() if head is not None}

    def _approval_records(
        self, *, is_open: bool, limit: int, cursor: str | None
    ) -> tuple[list[tuple[str, Record]], str | None]:
        values = approvals_values(is_open=is_open, limit=limit + 1, cursor=cursor)
        with self._reading() as db:
            rows = db.execute(SELECT_APPROVALS, values).fetchall()
        found = [
            (session_id, from_text(body, session_id=session_id, key=key))
            for _, session_id, key, body in rows[:limit]
        ]
        return found, approvals_cursor(rows[limit - 1]) if len(rows) > limit else None

    def _record(self, session_id: str, key: str) -> Record | None:
        found = self._records(session_id, KeyRange(key, key))
        return found[0][1] if found else None

    def _records(self, session_id: str, keys: KeyRange) -> list[tuple[str, Record]]:
        return self._select(session_id, keys, order="key")

    def _records_by_age(self, session_id: str, keys: KeyRange) -> list[tuple[str, Record]]:
        return self._select(session_id, keys, order="position")

    def _select(self, session_id: str, keys: KeyRange, *, order: str) -> list[tuple[str, Record]]:
        query = (
            "SELECT key, body FROM records WHERE session_id = ? AND key BETWEEN ? AND ? "  # noqa: S608 - a column's name
            f"ORDER BY {order}"
        )
        with self._reading() as db:
            rows = db.execute(query, (session_id, keys.low, keys.high)).fetchall()
        return [(key, from_text(body, session_id=session_id, key=key)) for key, body in rows]


def _position_in(cursor: str) -> dict[str, Json]:
    match from_cursor("sqlite", cursor):
        case [str() as updated_at, str() as session_id]:
            return {"updated_at": updated_at, "session_id": session_id}
        case _:
            raise foreign_cursor(cursor)
