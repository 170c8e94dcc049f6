"""Values as people read them: durations, instants, tokens, money, sizes."""

import re
from datetime import datetime, tzinfo
from decimal import Decimal

#: C0 and C1 controls except tab and newline: run data must not steer the reader's terminal. Lone
#: surrogates no terminal takes.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def duration(seconds: float) -> str:
    """Write a duration in its one or two largest units."""
    if seconds < 0.9995:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def clock(seconds: float) -> str:
    """Write a duration that is still growing: without the digits that would only flicker."""
    return f"{max(seconds, 0):.1f} s" if seconds < 9.95 else duration(seconds)


def between(start: datetime, end: datetime) -> str:
    """Write the time from one instant to another."""
    return duration((end - start).total_seconds())


def moment(at: datetime, zone: tzinfo | None) -> str:
    """Write date, time and zone; None is the machine's own zone."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def clock_time(at: datetime, zone: tzinfo | None) -> str:
    """Write the time of day; say the zone elsewhere, once, with `zone_name`."""
    return f"{at.astimezone(zone):%H:%M:%S}"


def zone_name(at: datetime, zone: tzinfo | None) -> str:
    """Name the zone `moment` and `clock_time` use at an instant."""
    return f"{at.astimezone(zone):%Z}"


def tokens(count: int) -> str:
    """Write a number of tokens with three figures at most."""
    if count < 1000:
        return str(count)
    for unit, size in (("k", 1e3), ("M", 1e6)):
        if count < 999.5 * size:
            return f"{count / size:.3g}{unit}"
    return f"{count / 1e9:.3g}G"


def money(usd: Decimal) -> str:
    """Write US dollars: cents, and as many more places as a small amount needs."""
    if usd == 0 or usd >= 1:
        return f"${usd:,.2f}"
    return f"${usd:.4f}" if usd >= Decimal("0.0001") else "<$0.0001"


def cost(usd: Decimal, *, unpriced_calls: int) -> str:
    """Write what model calls cost, of some of which nobody may know it."""
    if not unpriced_calls:
        return money(usd)
    return f">{money(usd)}" if usd else "unknown"


def size(count: int) -> str:
    """Write a number of bytes."""
    if count < 1000:
        return f"{count} B"
    for unit, scale in (("kB", 1e3), ("MB", 1e6)):
        if count < 999.5 * scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count / 1e9:.3g} GB"


def count(number: int, noun: str) -> str:
    """Write a number with its noun, in the plural where it is due."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def clean(text: str) -> str:
    """Give a run's text without the control characters a terminal would obey."""
    return _CONTROL.sub("", text)


def one_line(text: str) -> str:
    """Give a run's text on one line."""
    return " ".join(clean(text).split())
