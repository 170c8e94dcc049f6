"""Opening the file of an embedded journal: its schema, its durability, its errors."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from runs.errors import JournalFormatError, JournalUnavailableError
from runs.journal.sqlite_approvals import APPROVALS_INDEX

#: `PRAGMA application_id`: "Errd". Tells our file from anybody else's SQLite file.
APPLICATION_ID = 0x45727264
SCHEMA_VERSION = 2
MEMORY = ":memory:"

#: What every write of an attempt changes stands beside the body, which then needs no parsing.
_SCHEMA = """
CREATE TABLE runs (
    session_id TEXT NOT NULL PRIMARY KEY,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    updated_at TEXT NOT NULL,
    lease_token TEXT,
    lease_expires_at TEXT,
    lost_attempts INTEGER NOT NULL,
    model_calls INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cache_read_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    cost_nano_usd INTEGER NOT NULL,
    unpriced_calls INTEGER NOT NULL,
    progress TEXT NOT NULL,
    artifacts TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE TABLE records (
    position INTEGER PRIMARY KEY,
    session_id TEXT NOT NULL,
    key TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (session_id, key)
);
"""

#: Listings find the runs that are worked on in one, and all others, in their order, in the other:
#: a step changes only when the first were updated, and so writes no index.
_INDEXES = {
    "runs_at_work": "ON runs (session_id) WHERE status = 'BUSY'",
    "runs_at_rest": "ON runs (updated_at, session_id, status) WHERE status <> 'BUSY'",
    "approvals_by_change": APPROVALS_INDEX,
}
#: Those of earlier versions. They can do without.
_OUTDATED = ("runs_by_change",)

#: What makes a file of an earlier version one of the next.
_UPGRADES = {
    1: "ALTER TABLE runs ADD COLUMN unpriced_calls INTEGER NOT NULL DEFAULT 0",
}

#: After so many pages the log is written back into the file, and begun anew in its own place. While
#: it still grows, each sync costs its file system a second write. SQLite's own 1,000 let it grow
#: for the first two hundred steps of a process; to write back more often than this costs more.
_LOG_PAGES = 256

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


def open_file(path: str | Path, *, busy_seconds: float) -> sqlite3.Connection:
    """Open a journal's file, and make it when it is new.

    Raises:
        JournalFormatError: It can't be opened, is something else, or of a newer version.
        JournalUnavailableError: Other processes kept it locked for `busy_seconds`.
    """
    if str(path) != MEMORY:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    db = _connect(path, busy_seconds=busy_seconds)
    try:
        with translated():
            _set_durability(db, give_up_at=time.monotonic() + busy_seconds)
            _set_schema(db, str(path))
    except sqlite3.DatabaseError as error:
        db.close()
        is_foreign = error.sqlite_errorcode == sqlite3.SQLITE_NOTADB
        why = "it is not an SQLite file" if is_foreign else str(error)
        raise JournalFormatError(str(path), why) from error
    except BaseException:
        db.close()
        raise
    return db


def _connect(path: str | Path, *, busy_seconds: float) -> sqlite3.Connection:
    try:
        return sqlite3.connect(
            path, timeout=busy_seconds, isolation_level=None, check_same_thread=False
        )
    except sqlite3.OperationalError as error:
        # A folder, for one: SQLite says no more than this.
        raise JournalFormatError(str(path), str(error)) from error


@contextmanager
def translated() -> Iterator[None]:
    """Turn SQLite's "somebody else has it locked" into the port's error."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if _primary_code(error) in _BUSY:
            msg = f"the journal's file is locked by another process: {error}"
            raise JournalUnavailableError(msg) from error
        raise


def _set_durability(db: sqlite3.Connection, *, give_up_at: float) -> None:
    """Use a write-ahead log, synced at each commit: an answered write survives a power loss."""
    db.execute("PRAGMA synchronous = FULL")
    db.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            # SQLite does not wait by itself when two processes make the same file into WAL mode.
            if _primary_code(error) not in _BUSY or time.monotonic() > give_up_at:
                raise
            time.sleep(0.01)
        else:
            return


def _set_schema(db: sqlite3.Connection, path: str) -> None:
    if _is_ready(db, path) and _has_indexes(db):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        # Looked at again under the lock: another process may have made the schema meanwhile.
        if not _is_ready(db, path):
            (version,) = db.execute("PRAGMA user_version").fetchone()
            for statement in _statements(version):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        # Beside the schema: versions that know nothing of them keep them up to date all the same.
        for name, what in _INDEXES.items():
            db.execute(f"CREATE INDEX IF NOT EXISTS {name} {what}")
        for name in _OUTDATED:
            db.execute(f"DROP INDEX IF EXISTS {name}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def _statements(version: int) -> Sequence[str]:
    """Give what makes an empty file, or one of an earlier version, one of this version."""
    if version == 0:
        return _SCHEMA.split(";")
    return [_UPGRADES[earlier] for earlier in range(version, SCHEMA_VERSION)]


def _has_indexes(db: sqlite3.Connection) -> bool:
    found = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'index'")}
    return found >= _INDEXES.keys() and found.isdisjoint(_OUTDATED)


def _is_ready(db: sqlite3.Connection, path: str) -> bool:
    (owner,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if owner == 0 and version == 0 and tables == 0:
        return False
    if owner != APPLICATION_ID:
        raise JournalFormatError(path, "it is an SQLite file of something else")
    if version > SCHEMA_VERSION:
        why = f"its schema has version {version}, this version of errand reads {SCHEMA_VERSION}"
        raise JournalFormatError(path, why)
    return bool(version == SCHEMA_VERSION)


def _primary_code(error: sqlite3.Error) -> int:
    # Extended codes, such as BUSY_SNAPSHOT, keep their kind in the low byte.
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
