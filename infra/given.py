"""Reading the CDK context: every value there is may be of any type, and is checked."""

import argparse
import difflib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

_DURATION = re.compile(r"(?:(?P<hours>\d{1,3})h)?(?:(?P<minutes>\d{1,4})m)?")
_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,9})?")
_SWITCH = {"on": True, "off": False}

#: How alike a name must be to a known one to be a slip: the CDK and its users have names, too.
_ALIKE = 0.75

E = TypeVar("E", bound=StrEnum)


def check_names(names: Iterable[str], known: Collection[str]) -> None:
    """Refuse a name that is a slip of a known one: it would be taken, and do nothing.

    Raises:
        ValueError: There is one.
    """
    for name in names:
        meant = difflib.get_close_matches(name, known, n=1, cutoff=_ALIKE)
        if name not in known and meant:
            msg = f"context has {name!r}, expected {meant[0]!r}"
            raise ValueError(msg)


def pair(text: str) -> tuple[str, str]:
    """Read `KEY=VALUE` of a command line.

    Raises:
        ArgumentTypeError: It is not.
    """
    key, found, value = text.partition("=")
    if not found:
        msg = f"{text!r} is not KEY=VALUE"
        raise argparse.ArgumentTypeError(msg)
    return key, value


@dataclass(frozen=True, slots=True)
class Given:
    """The context of a deployment. Every method raises `ValueError` for a value of another kind."""

    context: Mapping[str, object]

    def text(self, name: str) -> str | None:
        """Read text; nothing and spaces are the same as none."""
        value = self.context.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            msg = f"context {name!r} is {value!r}, expected text"
            raise ValueError(msg)  # noqa: TRY004 - wrong like any other value of a context
        return value.strip() or None

    def words(self, name: str) -> tuple[str, ...]:
        """Read words with ',' between them."""
        return tuple(filter(None, (each.strip() for each in (self.text(name) or "").split(","))))

    def one_of(self, name: str, choices: type[E], *, default: E | None = None) -> E:
        """Read one of several words; without a default it must be given."""
        value = self.text(name)
        if value is None and default is not None:
            return default
        if value not in set(choices):
            msg = f"context {name!r} is {value!r}, expected one of: {', '.join(choices)}"
            raise ValueError(msg)
        return choices(value)

    def switch(self, name: str, *, default: bool) -> bool:
        """Read `on` or `off`."""
        value = self.text(name)
        if value is None:
            return default
        if value not in _SWITCH:
            msg = f"context {name!r} is {value!r}, expected one of: {', '.join(_SWITCH)}"
            raise ValueError(msg)
        return _SWITCH[value]

    def number(self, name: str, *, default: Decimal) -> Decimal:
        """Read a number."""
        value = self.text(name)
        if value is None:
            return default
        if _NUMBER.fullmatch(value) is None:
            msg = f"context {name!r} is {value!r}, expected a number like '12.5'"
            raise ValueError(msg)
        return Decimal(value)

    def data(self, name: str) -> Mapping[str, object]:
        """Read a JSON object; nothing is an empty one."""
        text = self.text(name) or "{}"
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            msg = f"context {name!r} is {text!r}, expected a JSON object"
            raise ValueError(msg)  # noqa: TRY004 - as above
        return value

    def duration(self, name: str, *, default: timedelta) -> timedelta:
        """Read hours and minutes, as in `2h30m`."""
        value = self.text(name)
        if value is None:
            return default
        found = _DURATION.fullmatch(value)
        if found is None:
            msg = f"context {name!r} is {value!r}, expected hours and minutes like '2h30m'"
            raise ValueError(msg)
        hours, minutes = (int(found[unit] or 0) for unit in ("hours", "minutes"))
        return timedelta(hours=hours, minutes=minutes)
