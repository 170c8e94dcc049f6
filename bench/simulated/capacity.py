"""What requests to DynamoDB are charged: the rules of on-demand capacity units."""

from dataclasses import dataclass

from bench.write_units import item_bytes
from runs.journal.dynamodb_items import Item

_READ_BYTES = 4_096
_WRITE_BYTES = 1_024


@dataclass(slots=True)
class Capacity:
    """Requests, and the units they came to."""

    read_requests: int = 0
    read_units: float = 0
    write_requests: int = 0
    write_units: float = 0


def read_units(size: int, *, is_consistent: bool) -> float:
    """Give what it takes to read some bytes; reading nothing takes as much as a little."""
    units = max(1, -(-size // _READ_BYTES))
    return units if is_consistent else units / 2


def write_units(before: Item | None, after: Item | None, *, is_transaction: bool) -> float:
    """Give what a write takes: by the larger of what was there and what is, twice if with others.

    The entry in an index of keys is written besides, at its own price: once if it is new or gone,
    twice if its keys change, and not at all if they stay.
    """
    size = max(item_bytes(item) for item in (before or {}, after or {}))
    units = max(1, -(-size // _WRITE_BYTES)) * (2 if is_transaction else 1)
    entries = {_entry(before), _entry(after)} - {None} if _entry(before) != _entry(after) else set()
    return units + len(entries)


def _entry(item: Item | None) -> tuple[str, str] | None:
    if item is None or "status" not in item or "updated_at" not in item:
        return None
    return item["status"]["S"], item["updated_at"]["S"]
