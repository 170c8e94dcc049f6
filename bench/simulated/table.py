"""A DynamoDB table in memory that counts what requests are charged.

Of the API it has what the journal and the state machine use, with conditions, transactions and
pages, so that `runs.journal.dynamodb` works on it as it does on AWS.
"""

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from bench.simulated.capacity import Capacity, read_units, write_units
from bench.simulated.dynamodb_expressions import Terms, is_met, updated
from bench.write_units import item_bytes
from runs.journal.dynamodb_items import Item

Key = tuple[str, str]


class CountedTable:
    """Items, and what was charged for them by each who asked."""

    def __init__(self) -> None:
        self.items: dict[Key, Item] = {}
        self.lock = threading.RLock()
        self.charged: dict[str, Capacity] = {}

    def client(self, who: str) -> "CountedClient":
        """Give somebody a client; what it asks for is counted under the name."""
        return CountedClient(self, self.charged.setdefault(who, Capacity()))


class CountedClient:
    """See boto3's `dynamodb` client: the calls of `runs.journal.dynamodb_table.DynamoClient`."""

    def __init__(self, table: CountedTable, capacity: Capacity) -> None:
        self._table = table
        self._capacity = capacity

    def get_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3's
        """See boto3."""
        with self._table.lock:
            item = self._table.items.get(_key(request["Key"]))
        self._count_read([item or {}], is_consistent=request.get("ConsistentRead", False))
        if item is None:
            return {}
        return {"Item": _projected(item, request)}

    def batch_get_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3's
        """See boto3."""
        responses = {}
        for name, asked in request["RequestItems"].items():
            with self._table.lock:
                found = [self._table.items.get(_key(key)) for key in asked["Keys"]]
            self._count_read(
                *([item or {}] for item in found), is_consistent=asked.get("ConsistentRead", False)
            )
            responses[name] = [item for item in found if item is not None]
        return {"Responses": responses}

    def query(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3's
        """See boto3. The index is of keys only, and in step with the table."""
        terms, condition = Terms.of(request), request["KeyConditionExpression"]
        index = request.get("IndexName")
        sort = "SK" if index is None else "updated_at"
        with self._table.lock:
            items = [item for item in self._table.items.values() if is_met(condition, item, terms)]
        is_forward = request.get("ScanIndexForward", True)
        items.sort(key=lambda item: _place(item, sort), reverse=not is_forward)
        if start := request.get("ExclusiveStartKey"):
            # By its place: what stood there may have gone meanwhile.
            last = _place(start, sort)
            items = [
                item
                for item in items
                if (_place(item, sort) > last if is_forward else _place(item, sort) < last)
            ]
        page = items[: request.get("Limit", len(items))]
        self._count_read(page, is_consistent=request.get("ConsistentRead", False))
        answer: dict[str, Any] = {
            "Items": [_projected(item, request) for item in page],
            "Count": len(page),
        }
        if len(page) < len(items):
            names = ("PK", "SK") if index is None else ("PK", "SK", "status", "updated_at")
            answer["LastEvaluatedKey"] = {name: page[-1][name] for name in names}
        return answer

    def update_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3's
        """See boto3."""
        with self._table.lock:
            key = _key(request["Key"])
            before = self._table.items.get(key)
            self._capacity.write_requests += 1
            if not is_met(request.get("ConditionExpression"), before or {}, Terms.of(request)):
                self._capacity.write_units += write_units(before, before, is_transaction=False)
                raise _error(code="ConditionalCheckFailedException", operation="UpdateItem")
            after = _after({"Update": request}, before)
            self._capacity.write_units += write_units(before, after, is_transaction=False)
            self._keep(key, after)
        return {"Attributes": after} if "ReturnValues" in request else {}

    def transact_write_items(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3's
        """See boto3. Nothing of it is lost, so a token is never seen twice."""
        with self._table.lock:
            changes = [_change(write, self._table.items) for write in request["TransactItems"]]
            self._capacity.write_requests += 1
            self._capacity.write_units += sum(
                write_units(before, after if met else before, is_transaction=True)
                for _, before, after, met in changes
            )
            if not all(met for *_, met in changes):
                raise _cancelled(met for *_, met in changes)
            for key, _, after, _ in changes:
                self._keep(key, after)
        return {}

    def _keep(self, key: Key, item: Item | None) -> None:
        if item is None:
            self._table.items.pop(key, None)
        else:
            self._table.items[key] = item

    def _count_read(self, *groups: Iterable[Item], is_consistent: bool) -> None:
        """Count one request; what is read together is charged together."""
        self._capacity.read_requests += 1
        self._capacity.read_units += sum(
            read_units(sum(map(item_bytes, items)), is_consistent=is_consistent) for items in groups
        )


def _change(
    write: Mapping[str, Any], items: Mapping[Key, Item]
) -> tuple[Key, Item | None, Item | None, bool]:
    """Give what one write of a transaction is about: before, after, and whether it may be made."""
    ((_, request),) = write.items()
    key = _key(request["Item"] if "Item" in request else request["Key"])
    before = items.get(key)
    met = is_met(request.get("ConditionExpression"), before or {}, Terms.of(request))
    return key, before, _after(write, before) if met else before, met


def _after(write: Mapping[str, Any], before: Item | None) -> Item | None:
    match dict(write):
        case {"Put": put}:
            item: Item = put["Item"]
            return item
        case {"Update": update}:
            return updated(
                update["UpdateExpression"], before or dict(update["Key"]), Terms.of(update)
            )
        case {"Delete": _}:
            return None
        case {"ConditionCheck": _}:
            return before
        case _:
            msg = f"{next(iter(write))} is not a write of the journal's"
            raise ValueError(msg)


def _key(item: Mapping[str, Any]) -> Key:
    return item["PK"]["S"], item["SK"]["S"]


def _place(item: Mapping[str, Any], sort: str) -> tuple[str, Key]:
    return item[sort]["S"], _key(item)


def _projected(item: Item, request: Mapping[str, Any]) -> Item:
    projection = request.get("ProjectionExpression")
    if projection is None:
        return dict(item)
    names = request.get("ExpressionAttributeNames", {})
    wanted = {names.get(name.strip(), name.strip()) for name in projection.split(",")}
    return {name: value for name, value in item.items() if name in wanted}


def _error(*, code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "The condition is not met"}}, operation)


def _cancelled(met: Iterable[bool]) -> ClientError:
    error = _error(code="TransactionCanceledException", operation="TransactWriteItems")
    codes = ["None" if each else "ConditionalCheckFailed" for each in met]
    error.response["CancellationReasons"] = [{"Code": code} for code in codes]
    return error
