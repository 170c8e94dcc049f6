"""Instants as text: ISO 8601 in UTC with milliseconds and `Z`, as Step Functions compares them.

All have the same length, so that comparing the texts compares the instants.
"""

from datetime import UTC, datetime
from functools import lru_cache


#: A few: what is written at one time has few instants, each in several places.
@lru_cache(maxsize=16)
def to_iso(at: datetime) -> str:
    """Write an aware instant as `2026-01-31T08:30:00.000Z`, cut to whole milliseconds.

    Raises:
        ValueError: `at` has no time zone.
    """
    if at.tzinfo is None:
        msg = f"instant {at.isoformat()!r} has no time zone, expected an aware datetime"
        raise ValueError(msg)
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def whole(at: datetime) -> datetime:
    """Cut an instant to whole milliseconds: what is written now is then what is read later."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def from_iso(text: str) -> datetime:
    """Read an instant that `to_iso` wrote, or any ISO 8601 instant with a zone.

    Raises:
        ValueError: `text` is not an instant, or has no time zone.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        msg = f"instant {text!r} has no time zone, expected a trailing 'Z' or an offset"
        raise ValueError(msg)
    return at.astimezone(UTC)
