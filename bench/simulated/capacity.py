"""What requests to DynamoDB are charged: the rules of on-demand capacity units."""

from dataclasses import dataclass

from runs.journal.dynamodb_items import Item

_READ_BYTES = 4_096
_WRITE_BYTES = 1_024
#: A list or an object, and each thing in it.
_NESTED_BYTES = 3


@dataclass(slots=True)
class Capacity:
    """Requests, and the units they came to."""

    read_requests: int = 0
    read_units: float = 0
    write_requests: int = 0
    write_units: float = 0


def size_of(item: Item) -> int:
    """Give the bytes of an item: its names and its values."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def read_units(size: int, *, is_consistent: bool) -> float:
    """Give what it takes to read some bytes; reading nothing takes as much as a little."""
    units = max(1, -(-size // _READ_BYTES))
    return units if is_consistent else units / 2


def write_units(before: Item | None, after: Item | None, *, is_transaction: bool) -> float:
    """Give what a write takes: by the larger of what was there and what is, twice if with others.

    The entry in an index of keys is written besides, at its own price: once if it is new or gone,
    twice if its keys change, and not at all if they stay.
    """
    size = max(size_of(item) for item in (before or {}, after or {}))
    units = max(1, -(-size // _WRITE_BYTES)) * (2 if is_transaction else 1)
    entries = {_entry(before), _entry(after)} - {None} if _entry(before) != _entry(after) else set()
    return units + len(entries)


def _entry(item: Item | None) -> tuple[str, str] | None:
    if item is None or "status" not in item or "updated_at" not in item:
        return None
    return item["status"]["S"], item["updated_at"]["S"]


def _value_size(value: Item) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return len(content.strip("-").replace(".", "")) // 2 + 2
        case "BOOL":
            return 1
        case "M":
            return _NESTED_BYTES + sum(
                1 + len(name.encode()) + _value_size(part) for name, part in content.items()
            )
        case _:
            msg = f"records have no values of the type {kind!r}, expected S, N, BOOL or M"
            raise ValueError(msg)
