"""Listing approvals out of the `by_status` index, in which they stand beside the heads."""

from runs.approval_record import index_status
from runs.journal.cursors import foreign_cursor, from_cursor, to_cursor
from runs.journal.dynamodb_items import Item
from runs.journal.dynamodb_listing import INDEX

_STORE = "dynamodb-approvals"


def approvals_query(*, is_open: bool, limit: int, cursor: str | None) -> Item:
    """Ask for the keys of the next approvals, newest first.

    Raises:
        ValueError: The cursor is not one that `approvals_cursor` wrote for the same listing.
    """
    status = index_status(is_open=is_open)
    request: Item = {
        "IndexName": INDEX,
        "KeyConditionExpression": "#status = :status",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {":status": {"S": status}},
        "ScanIndexForward": False,
        "Limit": limit,
    }
    if cursor is not None:
        request["ExclusiveStartKey"] = _start(cursor, status=status)
    return request


def approvals_cursor(place: Item) -> str:
    """Give the cursor of the page after an entry of the index."""
    return to_cursor(_STORE, [place[name]["S"] for name in _KEYS])


def key_of(item: Item) -> tuple[str, str]:
    """Give the session and the key of an item."""
    return item["PK"]["S"], item["SK"]["S"]


def is_listed(item: Item | None, *, is_open: bool) -> bool:
    """Say whether an item is still there, and still in the listing."""
    return item is not None and item.get("status") == {"S": index_status(is_open=is_open)}


_KEYS = ("status", "updated_at", "PK", "SK")


def _start(cursor: str, *, status: str) -> Item:
    position = from_cursor(_STORE, cursor)
    is_place = isinstance(position, list) and all(isinstance(each, str) for each in position)
    if not is_place or len(position) != len(_KEYS) or position[0] != status:  # type: ignore[arg-type,index] # a list
        raise foreign_cursor(cursor)
    return {name: {"S": each} for name, each in zip(_KEYS, position, strict=True)}  # type: ignore[arg-type] # a list
