"""Calls on one DynamoDB table: paging, retries of what others got in the way of, errors."""

import random
import time
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from botocore.exceptions import ClientError

from runs.aws_errors import codes_of, translated
from runs.errors import JournalUnavailableError
from runs.journal.dynamodb_items import Item, Write, item_key
from runs.journal.unanswered import Transaction

#: How often a write that others got in the way of is tried again.
TRIES = 12
#: Seconds of the longest pause between two tries.
_LONGEST_PAUSE = 0.5
#: BatchGetItem takes that many keys.
_BATCH = 100

_CONTENDED = frozenset(
    {"TransactionConflict", "TransactionConflictException", "TransactionInProgressException"}
)
_REFUSED = frozenset({"ConditionalCheckFailed", "ConditionalCheckFailedException"})


class DynamoClient(Protocol):
    """The calls of boto3's `dynamodb` client that are used here."""

    def get_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3 has no static types
        """See boto3."""
        ...

    def query(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        """See boto3."""
        ...

    def batch_get_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        """See boto3."""
        ...

    def update_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        """See boto3."""
        ...

    def transact_write_items(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        """See boto3."""
        ...


class Table:
    """A table with the keys `PK` and `SK`."""

    def __init__(self, client: DynamoClient, name: str) -> None:
        self.name = name
        self._client = client

    def get(self, session_id: str, key: str) -> Item | None:
        """Read an item as of the last write that was answered."""
        with translated():
            answer = self._client.get_item(
                TableName=self.name, Key=item_key(session_id, key), ConsistentRead=True
            )
        item: Item | None = answer.get("Item")
        return item

    def query(self, request: Item) -> Iterator[Item]:
        """Read items; DynamoDB answers in parts of at most 1 MB."""
        request = {"TableName": self.name, **request}
        while True:
            with translated():
                page = self._client.query(**request)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def count(self, request: Item) -> int:
        """Count items; see `query`."""
        request, found = {"TableName": self.name, **request}, 0
        while True:
            with translated():
                page = self._client.query(**request)
            found += int(page["Count"])
            if "LastEvaluatedKey" not in page:
                return found
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def get_all(self, keys: Sequence[tuple[str, str]]) -> Iterator[Item]:
        """Read items by session and key, in any order; those that are not there are left out."""
        unique = list(dict.fromkeys(keys))
        for start in range(0, len(unique), _BATCH):
            yield from self._batch([item_key(*key) for key in unique[start : start + _BATCH]])

    def write(self, writes: Sequence[Write]) -> bool:
        """Make one transaction; False when a condition in it is not met."""
        return self.send(Transaction(writes))

    def send(self, transaction: Transaction) -> bool:
        """Make one transaction, or hear what came of it; False when a condition is not met."""
        # One token for all tries, botocore's too: a transaction that was made and whose answer was
        # lost is not made again, and its condition is not judged by what it made itself.
        request = {
            "TransactItems": list(transaction.writes),
            "ClientRequestToken": transaction.token,
        }
        for pause in pauses():
            try:
                with translated():
                    self._client.transact_write_items(**request)
            except ClientError as error:
                if codes_of(error) & _REFUSED:
                    return False
                if not codes_of(error) & _CONTENDED:
                    raise
            else:
                return True
            time.sleep(pause)
        raise self._contended()

    def update(self, request: Item) -> Item | None:
        """Update one item and give it as it is then; None when the condition is not met."""
        for pause in pauses():
            try:
                with translated():
                    answer = self._client.update_item(**request, ReturnValues="ALL_NEW")
            except ClientError as error:
                if codes_of(error) & _REFUSED:
                    return None
                if not codes_of(error) & _CONTENDED:
                    raise
            else:
                item: Item = answer["Attributes"]
                return item
            time.sleep(pause)
        raise self._contended()

    def _batch(self, keys: list[Item]) -> Iterator[Item]:
        """Read items; DynamoDB answers in parts of at most 16 MB, or smaller when it throttles."""
        for pause in pauses():
            request = {self.name: {"Keys": keys, "ConsistentRead": True}}
            with translated():
                answer = self._client.batch_get_item(RequestItems=request)
            yield from answer["Responses"].get(self.name, [])
            keys = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
            if not keys:
                return
            time.sleep(pause)
        msg = f"table {self.name!r} left {len(keys)} items unread in {TRIES} tries"
        raise JournalUnavailableError(msg)

    def _contended(self) -> JournalUnavailableError:
        msg = f"others wrote to the same items of table {self.name!r} during {TRIES} tries"
        return JournalUnavailableError(msg)


def pauses() -> Iterator[float]:
    """Give the seconds before each next try: longer and longer, and not the same for two."""
    for n in range(TRIES):
        yield random.uniform(0, min(_LONGEST_PAUSE, 0.01 * 2**n))  # noqa: S311 - no secret
