"""Write units of DynamoDB: what a transaction costs, counted as the service counts it."""

from collections.abc import Mapping
from typing import Any

_UNIT_BYTES = 1024
#: Attributes and elements of a document each take so much besides what they hold.
_ELEMENT_BYTES = 1
_DOCUMENT_BYTES = 3
#: An entry of an index whose key changes is removed and put: one unit each.
_MOVED_ENTRY = 2


def transaction_units(sizes: Mapping[str, int], *, moved_entries: int) -> int:
    """Give the units of a transaction: two for each KB of each item, which is written in full.

    Args:
        sizes: The bytes of each item when it is written, or before if that is more.
        moved_entries: How many items change a key of an index that they are in.
    """
    written = sum(2 * _units(size) for size in sizes.values())
    return written + _MOVED_ENTRY * moved_entries


def item_bytes(item: Mapping[str, Any]) -> int:
    """Give the size of an item as boto3's client gives it: names and values."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(attribute: Mapping[str, Any]) -> int:
    match attribute:
        case {"S": str(text)}:
            return len(text.encode())
        case {"N": str(number)}:
            return _number_bytes(number)
        case {"BOOL": bool()}:
            return 1
        case {"M": dict(inner)}:
            return _DOCUMENT_BYTES + item_bytes(inner) + _ELEMENT_BYTES * len(inner)
        case _:
            msg = f"attribute is {attribute!r}, expected one of the types that records use"
            raise ValueError(msg)


def _number_bytes(number: str) -> int:
    """Give what a number takes: a byte for two digits that matter, one more, one for a sign."""
    digits = number.lstrip("-").replace(".", "").strip("0")
    return -(-len(digits) // 2) + 1 + number.startswith("-")


def _units(size: int) -> int:
    return max(1, -(-size // _UNIT_BYTES))
