"""What a map or a parallel is given, kept so that a replay that gives it something else is seen.

An item's digest is enough to tell that it is another. What is no JSON has none: its text may hold
an address in memory, which is another in every process.
"""

import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import cast

from aws_durable_execution_sdk_python.config import ParallelBranch

from runs.operations import Operation

#: Characters of an item's digest: the items of one map are told apart, not those of all the world.
_DIGEST = 8

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def items_of_map(inputs: Sequence[object]) -> str:
    """Give a map's items as they are kept: a JSON list of digests."""
    return json.dumps([_digest(item) for item in inputs])


def items_of_parallel(functions: Sequence[object]) -> str:
    """Give a parallel's branches as they are kept: a JSON list of digests of their names."""
    return json.dumps([_digest(_name(function)) for function in functions])


def first_change(recorded: Operation, items: str) -> str | None:
    """Say what is given now and was not, None if that is nothing or can't be told."""
    if recorded.items is None or recorded.items == items:
        return None
    before, now = _read(recorded.items), _read(items)
    for number, (old, new) in enumerate(zip(before, now, strict=False), start=1):
        if old and new and old != new:
            return f"gives it another item {number}"
    if len(before) == len(now):
        return None
    return f"gives it {len(now)} items, not {len(before)}"


def _read(items: str) -> list[str | None]:
    return cast("list[str | None]", json.loads(items))


def _digest(item: object) -> str | None:
    try:
        text = _ENCODER.encode(item)
    except (TypeError, ValueError, RecursionError):
        return None
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]


def _name(function: object) -> str | None:
    """Name a branch: as it is named, else as its function is; two lambdas are not told apart."""
    if isinstance(function, ParallelBranch):
        return function.name if function.name is not None else _name(function.func)
    if isinstance(function, functools.partial):
        return _name(cast("Callable[..., object]", function.func))
    name = getattr(function, "__name__", None)
    return name if isinstance(name, str) else None
