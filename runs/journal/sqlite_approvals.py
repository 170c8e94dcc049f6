"""Listing the approvals in an embedded journal."""

from collections.abc import Sequence

from runs.approval_record import index_status
from runs.journal.cursors import foreign_cursor, from_cursor, to_cursor
from runs.json_types import Json

_STORE = "sqlite-approvals"
#: Of the index: a query uses it only if it says the same in the same words.
_WHICH = "key >= 'APPROVAL#' AND key < 'APPROVAL$'"
_STATUS = "json_extract(body, '$.status')"
_UPDATED_AT = "json_extract(body, '$.updated_at')"

#: Partial: a step, a message or an event has no entry in it and costs nothing more.
APPROVALS_INDEX = f"ON records ({_STATUS}, {_UPDATED_AT}, session_id, key) WHERE {_WHICH}"
SELECT_APPROVALS = (
    f"SELECT {_UPDATED_AT}, session_id, key, body FROM records "  # noqa: S608 - our own words
    f"WHERE {_WHICH} AND {_STATUS} = :status "
    f"AND ({_UPDATED_AT}, session_id, key) < (:updated_at, :session_id, :key) "
    f"ORDER BY {_UPDATED_AT} DESC, session_id DESC, key DESC LIMIT :limit"
)

#: Sorts after all instants and ids.
_FIRST = "\U0010ffff"


def approvals_values(*, is_open: bool, limit: int, cursor: str | None) -> dict[str, Json]:
    """Give the values of `SELECT_APPROVALS`.

    Raises:
        ValueError: The cursor is not one that `approvals_cursor` wrote.
    """
    position: Json = [_FIRST, "", ""] if cursor is None else from_cursor(_STORE, cursor)
    match position:
        case [str() as updated_at, str() as session_id, str() as key]:
            place = {"updated_at": updated_at, "session_id": session_id, "key": key}
            return {"status": index_status(is_open=is_open), "limit": limit, **place}
        case _:
            raise foreign_cursor(cursor or "")


def approvals_cursor(row: Sequence[Json]) -> str:
    """Give the cursor of the page after a row."""
    return to_cursor(_STORE, list(row[:3]))
