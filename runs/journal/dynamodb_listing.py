"""Pages of runs out of the `by_status` index, which knows one status at a time."""

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from runs.journal.cursors import foreign_cursor, from_cursor, to_cursor
from runs.journal.dynamodb_items import Item
from runs.json_types import Json
from runs.payloads import HEAD
from runs.run import Status

INDEX = "by_status"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a head stands in the index."""

    status: str
    updated_at: str
    session_id: str

    @classmethod
    def from_item(cls, item: Item) -> "Place":
        """Read a place from the index's keys."""
        return cls(item["status"]["S"], item["updated_at"]["S"], item["PK"]["S"])

    def to_key(self) -> Item:
        """Give what DynamoDB calls the key to start after."""
        return {
            "status": {"S": self.status},
            "updated_at": {"S": self.updated_at},
            "PK": {"S": self.session_id},
            "SK": {"S": HEAD},
        }


@dataclass(frozen=True, slots=True)
class Position:
    """How far a listing has come: the last place shown, and the last of its moment by status.

    All that changed later was shown before it. Of the runs that changed in the same millisecond
    only the index knows the order, for each status its own.
    """

    last: Place
    seen: Mapping[str, Place]

    @classmethod
    def after(cls, shown: Sequence[Place], *, before: "Position | None") -> "Position":
        """Give the position after some places, which were listed from another one on."""
        last = shown[-1]
        earlier = [] if before is None else list(before.seen.values())
        tied = [place for place in (*earlier, *shown) if place.updated_at == last.updated_at]
        return cls(last=last, seen={place.status: place for place in tied})

    def to_cursor(self) -> str:
        """Write it for a reader to hand back."""
        seen = {status: [place.updated_at, place.session_id] for status, place in self.seen.items()}
        return to_cursor("dynamodb", [self.last.status, seen])

    @classmethod
    def from_cursor(cls, cursor: str, *, statuses: Sequence[Status]) -> "Position":
        """Read what `to_cursor` wrote.

        Raises:
            ValueError: It is anything else, or is of a listing of other statuses.
        """
        position = from_cursor("dynamodb", cursor)
        try:
            seen = dict(_places_in(position))
            last = seen[_last_status(position)]
        except (KeyError, TypeError, ValueError) as error:
            raise foreign_cursor(cursor) from error
        is_tied = all(place.updated_at == last.updated_at for place in seen.values())
        if not is_tied or not seen.keys() <= {status.value for status in statuses}:
            raise foreign_cursor(cursor)
        return cls(last=last, seen=seen)


def _last_status(position: Json) -> str:
    match position:
        case [str() as status, Mapping()]:
            return status
        case _:
            msg = f"{position!r} is not a position"
            raise ValueError(msg)


def _places_in(position: Json) -> list[tuple[str, Place]]:
    match position:
        case [str(), Mapping() as seen]:
            return [(status, _place_in(status, place)) for status, place in seen.items()]
        case _:
            msg = f"{position!r} is not a position"
            raise ValueError(msg)


def _place_in(status: str, place: Json) -> Place:
    match place:
        case [str() as updated_at, str() as session_id]:
            return Place(status, updated_at, session_id)
        case _:
            msg = f"{place!r} is not a place"
            raise ValueError(msg)


def places_query(status: Status, *, after: Position | None, limit: int) -> Item:
    """Ask for the next places of one status, newest change first."""
    request: Item = {
        "IndexName": INDEX,
        "KeyConditionExpression": "#status = :status",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {":status": {"S": status.value}},
        "ProjectionExpression": "PK, #status, updated_at",
        "ScanIndexForward": False,
        "Limit": limit,
    }
    if after is None:
        return request
    # Runs that changed since the first page stand before the position. They are not shown again.
    request["KeyConditionExpression"] += " AND updated_at <= :updated_at"
    request["ExpressionAttributeValues"][":updated_at"] = {"S": after.last.updated_at}
    if status.value in after.seen:
        # DynamoDB refuses a start outside the condition: this one is of the same moment.
        request["ExclusiveStartKey"] = after.seen[status.value].to_key()
    return request


def count_query(status: Status) -> Item:
    """Ask how many heads have a status."""
    return {
        "IndexName": INDEX,
        "KeyConditionExpression": "#status = :status",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {":status": {"S": status.value}},
        "Select": "COUNT",
    }


def oldest_query(status: Status) -> Item:
    """Ask for the place of a status that has changed least recently."""
    return places_query(status, after=None, limit=1) | {"ScanIndexForward": True}


def next_places(
    statuses: Sequence[Status],
    *,
    after: Position | None,
    limit: int,
    fetch: Callable[[Status, Position | None, int], Sequence[Place]],
) -> tuple[list[Place], Position | None]:
    """Merge the next places of some statuses; the second value is None when no more follow."""
    # One more than needed of each: whether a next page exists is known without asking again.
    each = [fetch(status, after, limit + 1) for status in statuses]
    merged = heapq.merge(*each, key=lambda place: place.updated_at, reverse=True)
    found = list(islice(merged, limit + 1))
    shown = found[:limit]
    if len(found) <= limit:
        return shown, None
    return shown, Position.after(shown, before=after)
