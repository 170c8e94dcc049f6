"""Texts of others as a page shows them: inert, whole, and as much alike as a page can."""

import html
import json
import re
from datetime import UTC, datetime, timedelta

from runs.inert import inert
from runs.json_types import Json

#: Marks that turn the direction of the text after them: words may be shown in another order.
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))


def escaped(text: str) -> str:
    """Write a text into a page, as an element's text or as an attribute's value."""
    return html.escape(inert(text))


def turns(text: str) -> int:
    """Count the invisible marks that turn a text's direction."""
    return len(_TURNS.findall(text))


def json_text(value: Json) -> str:
    """Lay out a JSON value; marks that turn the direction are put in words."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return _TURNS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def instant(at: datetime) -> str:
    """Write an instant with its zone: "Saturday 31 January 2026, 08:30 UTC"."""
    there = at.astimezone(UTC)
    return f"{there:%A} {there.day} {there:%B %Y, %H:%M} UTC"


def span(left: timedelta) -> str:
    """Write how long something is, in its largest units: "2 days", "1 hour 5 minutes"."""
    seconds = max(0, int(left.total_seconds()))
    for place, (unit, size) in enumerate(_UNITS):
        if seconds < size:
            continue
        more = _UNITS[place + 1 : place + 2]
        parts = [counted(seconds // size, unit)]
        # Of days, only one or two are told to the hour.
        if more and seconds // size < 3 and (rest := seconds % size // more[0][1]):
            parts.append(counted(rest, more[0][0]))
        return " ".join(parts)
    return "less than a minute"


def counted(count: int, noun: str) -> str:
    """Write a number of things."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
