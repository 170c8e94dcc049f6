"""The opaque texts that say where the next page of a listing starts."""

import base64
import json

from runs.journal.base import MAX_PAGE
from runs.json_types import Json


def to_cursor(store: str, position: Json) -> str:
    """Write a position in a store's own listing."""
    text = json.dumps([store, position], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def from_cursor(store: str, cursor: str) -> Json:
    """Read a position that `to_cursor` wrote for the same store.

    Raises:
        ValueError: It is anything else.
    """
    try:
        text = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        owner, position = json.loads(text)
    except (TypeError, ValueError) as error:
        raise foreign_cursor(cursor) from error
    if owner != store:
        raise foreign_cursor(cursor)
    checked: Json = position
    return checked


def foreign_cursor(cursor: str) -> ValueError:
    """Make the error for a cursor that is not of the listing it was given to."""
    return ValueError(f"cursor {cursor[:100]!r} is not one of this listing")


def check_limit(limit: int) -> None:
    """Refuse a page size no page has.

    Raises:
        ValueError: It is not 1 to `MAX_PAGE`.
    """
    if not 1 <= limit <= MAX_PAGE:
        msg = f"limit is {limit}, expected 1 to {MAX_PAGE}"
        raise ValueError(msg)
