"""The statements of the embedded journal, and rows as records."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from runs.compact import compact
from runs.errors import CorruptRecordError
from runs.head_record import USAGE_FIELDS, progress_to_record, usage_to_record
from runs.instants import to_iso
from runs.journal.base import Changes
from runs.json_types import Json
from runs.payloads import HEAD
from runs.records import Record
from runs.run import Lease

_PLAIN = (
    "session_id",
    "status",
    "version",
    "updated_at",
    "lease_token",
    "lease_expires_at",
    "lost_attempts",
    *USAGE_FIELDS,
)
#: These hold JSON.
_NESTED = ("progress", "artifacts")
_COLUMNS = (*_PLAIN, *_NESTED, "body")
_NAMES = ", ".join(_COLUMNS)
_MARKS = ", ".join("?" * len(_COLUMNS))

# The names in these statements are our own columns'; values are always bound.
SELECT_HEADS = f"SELECT {_NAMES} FROM runs"  # noqa: S608 - see above
#: In the words of the indexes; see `runs.journal.sqlite_file`.
HALVES = ("status = 'BUSY'", "status <> 'BUSY'")
CENSUS = " UNION ALL ".join(
    f"SELECT status, count(*), min(updated_at) FROM runs WHERE {half} GROUP BY status"  # noqa: S608 - see above
    for half in HALVES
)
INSERT_HEAD = f"INSERT INTO runs ({_NAMES}) VALUES ({_MARKS}) ON CONFLICT DO NOTHING"  # noqa: S608 - see above
REPLACE_HEAD = f"REPLACE INTO runs ({_NAMES}) VALUES ({_MARKS})"  # noqa: S608 - see above
#: An upsert, not a replace: the position stays that of the first record.
PUT_RECORD = (
    "INSERT INTO records (session_id, key, body) VALUES (?, ?, ?) "
    "ON CONFLICT (session_id, key) DO UPDATE SET body = excluded.body"
)
_RENEWED = "version = version + 1, updated_at = :now, lease_expires_at = :expires_at"
_ADDED = ", ".join(f"{name} = {name} + :{name}" for name in USAGE_FIELDS)
_HELD = "session_id = :session_id AND lease_token = :token AND status = 'BUSY'"
#: Those who may decide are to hear of what a commit asks.
NOTIFY = "UPDATE runs SET body = json_set(body, '$.notify_at', :now) WHERE session_id = :session_id"


def head_update(lease: Lease, changes: Changes, *, now: datetime) -> tuple[str, dict[str, Json]]:
    """Give the statement that writes what a commit changes on the head, and its values.

    The lease's time, as `lifecycle.renew` has it, and what adds up, as one statement that reads
    nothing: a durable step must cost little more than the commit itself. If it finds no row, the
    lease is no longer the run's.
    """
    sets = [_RENEWED]
    values: dict[str, Json] = {
        "now": to_iso(now),
        "expires_at": to_iso(lease.renewed(now).expires_at),
        "session_id": lease.session_id,
        "token": lease.token,
    }
    if changes.is_advance:
        sets.append("lost_attempts = 0")
    if changes.progress is not None:
        sets.append("progress = :progress")
        values["progress"] = to_text(progress_to_record(changes.progress))
    if changes.spent is not None:
        sets.append(_ADDED)
        values |= usage_to_record(changes.spent)
    return f"UPDATE runs SET {', '.join(sets)} WHERE {_HELD}", values  # noqa: S608 - our own words


def to_row(head: Mapping[str, Json]) -> list[Json]:
    """Give a head's record as the values of a row."""
    body = {name: value for name, value in head.items() if name not in _COLUMNS}
    plain = [head.get(name) for name in _PLAIN]
    return [*plain, *(to_text(head.get(name)) for name in _NESTED), to_text(body)]


def from_row(row: Sequence[Json]) -> Record:
    """Give a row as a head's record.

    Raises:
        CorruptRecordError: A column holds something else.
    """
    columns: Record = dict(zip(_COLUMNS, row, strict=True))
    session_id = str(columns["session_id"])
    body = from_text(columns.pop("body"), session_id=session_id, key=HEAD)
    nested: Record = {
        name: from_text(columns[name], session_id=session_id, key=HEAD) for name in _NESTED
    }
    return body | columns | nested


def position_of(row: Sequence[Json]) -> list[Json]:
    """Give what listings are ordered by."""
    return [row[_COLUMNS.index("updated_at")], row[_COLUMNS.index("session_id")]]


def to_text(value: Json) -> str:
    """Write a record for a column."""
    return compact(value)


def from_text(text: Json, *, session_id: str, key: str) -> Record:
    """Read a record from a column.

    Raises:
        CorruptRecordError: It is not a JSON object.
    """
    try:
        record = json.loads(text) if isinstance(text, str) else None
    except ValueError as error:
        raise CorruptRecordError(session_id, key, f"it is not JSON: {error}") from error
    if not isinstance(record, dict):
        raise CorruptRecordError(session_id, key, "it is not a JSON object")
    return record
