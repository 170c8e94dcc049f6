"""What requests are charged, and what expressions are refused; the rest is the contract's."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from bench.simulated.capacity import Capacity
from bench.simulated.table import CountedClient, CountedTable
from bench.write_units import item_bytes
from runs.journal.dynamodb_items import Item

KEY = {"PK": {"S": "run"}, "SK": {"S": "SESSION"}}


def an_item(size: int, **attributes: Item) -> Item:
    """Make an item of so many bytes."""
    item = {**KEY, **attributes, "body": {"S": ""}}
    item["body"]["S"] = "x" * (size - item_bytes(item))
    return item


@pytest.fixture
def table() -> CountedTable:
    return CountedTable()


@pytest.fixture
def client(table: CountedTable) -> CountedClient:
    return table.client("me")


def charged(table: CountedTable) -> Capacity:
    return table.charged["me"]


def put(client: CountedClient, item: Item, **condition: Any) -> None:  # noqa: ANN401 - boto3's
    client.transact_write_items(TransactItems=[{"Put": {"Item": item, **condition}}])


@pytest.mark.parametrize(("size", "units"), [(1_024, 2), (1_025, 4), (3_000, 6)])
def test_a_write_in_a_transaction_is_charged_twice_for_each_kilobyte(
    table: CountedTable, client: CountedClient, size: int, units: int
) -> None:
    put(client, an_item(size))

    assert charged(table) == Capacity(write_requests=1, write_units=units)


def test_an_update_is_charged_by_the_larger_of_before_and_after(
    table: CountedTable, client: CountedClient
) -> None:
    put(client, an_item(2_000))
    before = charged(table).write_units

    client.update_item(Key=KEY, UpdateExpression="REMOVE body")

    assert charged(table).write_units - before == 2


def test_a_head_s_entries_in_the_index_are_charged_besides(
    table: CountedTable, client: CountedClient
) -> None:
    states = [
        ({"S": "QUEUED"}, {"S": "1"}),
        ({"S": "BUSY"}, {"S": "2"}),
        ({"S": "BUSY"}, {"S": "2"}),
    ]
    units = []
    for status, at in states:
        before = charged(table).write_units
        put(client, an_item(500, status=status, updated_at=at))
        units.append(charged(table).write_units - before)

    # A new entry; one that moves is written and removed; one that stays is not touched.
    assert units == [3, 4, 2]


def test_a_refused_write_is_charged_and_changes_nothing(
    table: CountedTable, client: CountedClient
) -> None:
    put(client, an_item(500))

    with pytest.raises(ClientError, match="TransactionCanceledException"):
        put(client, an_item(600), ConditionExpression="attribute_not_exists(PK)")

    assert charged(table) == Capacity(write_requests=2, write_units=4)
    assert item_bytes(table.items["run", "SESSION"]) == 500


def test_reads_are_charged_by_four_kilobytes_and_half_if_they_may_lag(
    table: CountedTable, client: CountedClient
) -> None:
    put(client, an_item(5_000))

    client.get_item(Key=KEY, ConsistentRead=True)
    client.get_item(Key=KEY)
    client.get_item(Key={"PK": {"S": "none"}, "SK": {"S": "SESSION"}}, ConsistentRead=True)

    assert (charged(table).read_requests, charged(table).read_units) == (3, 2 + 1 + 1)


@pytest.mark.parametrize(
    "condition", ["size(body) > :n", "begins_with(PK, :n)", "PK = :n AND", "PK ~ :n"]
)
def test_what_the_journal_does_not_use_is_refused(client: CountedClient, condition: str) -> None:
    put(client, an_item(100))
    values = {"ExpressionAttributeValues": {":n": {"S": "run"}}}

    with pytest.raises(ValueError, match="is not understood in the expression"):
        put(client, an_item(100), ConditionExpression=condition, **values)
