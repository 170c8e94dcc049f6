"""Spans of time as people type them: `90s`, `20m`, `2h`, `1d12h`."""

import re

from cli.errors import UsageError

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SPAN = re.compile(
    r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?"
)


def seconds_of(text: str, *, option: str) -> float:
    """Read a span of time as seconds.

    Raises:
        UsageError: It is none.
    """
    found = _SPAN.fullmatch(text.strip())
    parts = found.groups() if found else ()
    if not any(parts):
        msg = f"{option} is {text!r}, expected a time such as 90s, 20m, 2h or 1d12h"
        raise UsageError(msg)
    return sum(
        float(part) * size for part, size in zip(parts, _UNITS.values(), strict=True) if part
    )
