"""What only the DynamoDB journal has to stand: lost answers, throttling, expiry, other writers."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from local.clients import Client
from local.own_emulator import RunningEmulator
from local.ports import free_port
from runs.artifacts.s3 import S3Store
from runs.errors import JournalUnavailableError
from runs.journal.base import Changes
from runs.journal.dynamodb import DynamoJournal
from runs.lifecycle import Ending
from runs.request import MAX_DEADLINE_SECONDS
from runs.run import RETENTION, Status, Usage
from tests.support.journals import (
    NOW,
    DynamoStore,
    a_run,
    accept,
    an_event,
    an_operation,
    claim,
    folder_store,
    later,
)

#: botocore has no static types.
Request: TypeAlias = Any


@pytest.fixture
def store(dynamodb: Client, tmp_path: Path) -> Iterator[DynamoStore]:
    made = DynamoStore(dynamodb, artifacts=folder_store(tmp_path))
    yield made
    made.close()


@pytest.fixture
def journal(store: DynamoStore) -> DynamoJournal:
    return store.journal()


@contextmanager
def answers_lost(client: Client, n: int = 1) -> Iterator[list[str]]:
    """Let the first answers get lost on their way, after the service did what it was asked."""
    session = client._endpoint.http_session
    send = session.send
    lost: list[str] = []

    def send_and_lose(request: Request) -> AWSResponse:
        answer: AWSResponse = send(request)
        if len(lost) < n:
            lost.append(request.headers["X-Amz-Target"].decode())
            raise ConnectionClosedError(endpoint_url=request.url)
        return answer

    session.send = send_and_lose
    try:
        yield lost
    finally:
        session.send = send


@contextmanager
def answered_with(
    client: Client, status: int, body: dict[str, Any], *, times: int
) -> Iterator[None]:
    """Answer some calls as DynamoDB would when it can't do them."""
    left = [times]

    def answer(request: Request, **_: object) -> AWSResponse | None:
        if not left[0]:
            return None
        left[0] -= 1
        return AWSResponse(request.url, status, {}, _Raw(json.dumps(body).encode()))

    client.meta.events.register("before-send.dynamodb", answer)
    try:
        yield
    finally:
        client.meta.events.unregister("before-send.dynamodb", answer)


class _Raw:
    """The part of urllib3's response that botocore reads."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Iterator[bytes]:
        yield self._body


def test_an_accept_whose_answer_was_lost_is_still_new(
    journal: DynamoJournal, store: DynamoStore
) -> None:
    with answers_lost(store.client) as lost:
        accepted = journal.accept(a_run())

    assert lost == ["DynamoDB_20120810.TransactWriteItems"]
    assert accepted.is_new


def test_a_claim_whose_answer_was_lost_is_not_lost(
    journal: DynamoJournal, store: DynamoStore
) -> None:
    run = accept(journal)

    with answers_lost(store.client, 2) as lost:
        claimed = claim(journal, run.session_id)

    assert len(lost) == 2
    assert claimed.run == journal.get(run.session_id)
    assert claimed.run.attempt == 1


def test_a_commit_whose_answer_was_lost_is_counted_once(
    journal: DynamoJournal, store: DynamoStore
) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease

    with answers_lost(store.client) as lost:
        journal.commit(
            lease, Changes(spent=Usage(input_tokens=7), events=(an_event(),)), now=later(1)
        )

    head = journal.get(run.session_id)
    assert len(lost) == 1
    assert head is not None
    assert head.usage.input_tokens == 7
    assert len(journal.events(run.session_id)) == 3


def test_the_rest_of_a_life_survives_lost_answers(
    journal: DynamoJournal, store: DynamoStore
) -> None:
    run = accept(journal)
    # Each of these reads or writes twice: its first answer is lost.
    with answers_lost(store.client, 2):
        dispatched = journal.dispatch(run.session_id, now=NOW, retry_at=later(30))
    lease = claim(journal, run.session_id).lease
    with answers_lost(store.client):
        renewed = journal.renew(lease, now=later(1))
    with answers_lost(store.client, 2):
        ended = journal.settle(lease, Ending(status=Status.COMPLETED), now=later(2))

    assert dispatched.dispatches == 1
    assert renewed.lease is not None
    assert ended == journal.get(run.session_id)
    assert len(journal.events(run.session_id)) == 4


_THROTTLED = {
    "__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException",
    "message": "Rate exceeded",
}
_BROKEN = {
    "__type": "com.amazonaws.dynamodb.v20120810#InternalServerError",
    "message": "Internal server error",
}
_THROTTLED_INSIDE = {
    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "message": "Transaction cancelled",
    "CancellationReasons": [{"Code": "ThrottlingError"}, {"Code": "None"}],
}


@pytest.mark.parametrize(
    ("status", "body"), [(400, _THROTTLED), (500, _BROKEN), (503, {}), (400, _THROTTLED_INSIDE)]
)
def test_a_table_that_does_not_do_it_now_is_unavailable(
    emulator: RunningEmulator, store: DynamoStore, status: int, body: dict[str, Any]
) -> None:
    client = _impatient(emulator.endpoint)
    journal = DynamoJournal(client, table=store.table, artifacts=store.artifacts)
    run = a_run()

    with (
        answered_with(client, status, body, times=1),
        pytest.raises(JournalUnavailableError) as raised,
    ):
        journal.accept(run)

    assert raised.value.retryable
    assert isinstance(raised.value.__cause__, ClientError)
    assert journal.accept(run).is_new


@pytest.mark.parametrize(("status", "body"), [(400, _THROTTLED), (500, _BROKEN)])
def test_a_few_refusals_are_got_over(
    journal: DynamoJournal, store: DynamoStore, status: int, body: dict[str, Any]
) -> None:
    with answered_with(store.client, status, body, times=2):
        accepted = journal.accept(a_run())

    assert accepted.is_new


def test_a_table_that_does_not_answer_is_unavailable(
    emulator: RunningEmulator, store: DynamoStore
) -> None:
    client = _impatient(emulator.endpoint)
    journal = DynamoJournal(client, table=store.table, artifacts=store.artifacts)

    with answers_lost(client), pytest.raises(JournalUnavailableError, match="did not answer"):
        journal.get("some-run")


def test_a_table_nobody_serves_is_unavailable(store: DynamoStore) -> None:
    client = _impatient(f"http://127.0.0.1:{free_port()}")
    journal = DynamoJournal(client, table=store.table, artifacts=store.artifacts)

    with pytest.raises(JournalUnavailableError, match="did not answer"):
        journal.accept(a_run())


def test_an_artifact_store_nobody_serves_is_unavailable() -> None:
    store = S3Store(_impatient(f"http://127.0.0.1:{free_port()}", "s3"), bucket="some-bucket")

    with pytest.raises(JournalUnavailableError, match="did not answer"):
        store.put("runs/1/report.md", b"x", media_type="text/markdown")
    with pytest.raises(JournalUnavailableError, match="did not answer"):
        store.get("runs/1/report.md")


def test_other_errors_travel_on_unchanged(dynamodb: Client, tmp_path: Path) -> None:
    journal = DynamoJournal(dynamodb, table="no-such-table", artifacts=folder_store(tmp_path))

    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        journal.get("some-run")


_CONFLICT = {
    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "message": "Transaction cancelled",
    "CancellationReasons": [{"Code": "TransactionConflict"}, {"Code": "None"}],
}
_UPDATE_CONFLICT = {
    "__type": "com.amazonaws.dynamodb.v20120810#TransactionConflictException",
    "message": "Transaction is ongoing for the item",
}


def test_a_transaction_that_another_got_in_the_way_of_is_tried_again(
    journal: DynamoJournal, store: DynamoStore
) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease

    with answered_with(store.client, 400, _CONFLICT, times=3):
        journal.commit(lease, Changes(operations=(an_operation(),)), now=NOW)
    with answered_with(store.client, 400, _UPDATE_CONFLICT, times=3):
        journal.renew(lease, now=later(1))

    assert len(journal.operations(run.session_id)) == 1


def test_a_head_that_changes_while_a_rule_is_applied_is_read_again(
    journal: DynamoJournal, store: DynamoStore
) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease
    other = store.journal()

    def meanwhile() -> None:
        other.commit(lease, Changes(spent=Usage(input_tokens=7)), now=later(1))

    with _once_before(store.client, "TransactWriteItems", meanwhile):
        asked = journal.cancel(run.session_id, now=later(2), reason="no longer needed")

    assert asked.cancel_requested
    assert asked.usage.input_tokens == 7
    assert asked == journal.get(run.session_id)


def test_every_item_expires_after_its_run_s_retention(
    journal: DynamoJournal, store: DynamoStore
) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease
    journal.commit(lease, Changes(operations=(an_operation(),), events=(an_event(),)), now=NOW)
    journal.settle(lease, Ending(status=Status.COMPLETED), now=later(9))

    items = store.client.scan(TableName=store.table)["Items"]

    expiries = {item["SK"]["S"]: int(item["ttl"]["N"]) for item in items}
    assert len(expiries) == 6
    # The furthest any run can be from its end, and then the retention.
    assert (
        min(expiries.values()) >= NOW.timestamp() + MAX_DEADLINE_SECONDS + RETENTION.total_seconds()
    )
    assert expiries["SESSION"] == max(expiries.values())


def test_a_head_is_flat_as_the_state_machine_reads_it(
    journal: DynamoJournal, store: DynamoStore
) -> None:
    run = accept(journal)
    journal.claim(run.session_id, owner="w", token="t", now=NOW, lease_seconds=0.5)
    journal.dispatch(run.session_id, now=later(1), retry_at=later(31))

    item = store.item(run.session_id, "SESSION")

    assert item["status"] == {"S": "BUSY"}
    assert item["lease_expires_at"] == {"S": "2026-01-31T08:30:00.500Z"}
    assert item["wake_at"] == {"S": "2026-01-31T08:30:31.000Z"}
    assert item["deadline_at"] == {"S": "2026-01-31T09:30:00.000Z"}
    assert item["lease_seconds"] == {"S": "0.5"}
    assert item["version"] == {"N": "2"}
    assert "finished_at" not in item
    assert "result" not in item


def test_only_heads_have_a_status(journal: DynamoJournal, store: DynamoStore) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease
    journal.commit(lease, Changes(operations=(an_operation(),), events=(an_event(),)), now=NOW)

    items = store.client.scan(TableName=store.table)["Items"]

    assert [item["SK"]["S"] for item in items if "status" in item] == ["SESSION"]


def test_attributes_of_types_we_do_not_use_are_kept(
    journal: DynamoJournal, store: DynamoStore
) -> None:
    run = accept(journal)
    strange = {"B": b"\x00\x01"}, {"SS": ["a", "b"]}, {"L": [{"NULL": True}]}, {"N": "1.5"}
    item = store.item(run.session_id, "SESSION")
    item |= {f"strange{n}": value for n, value in enumerate(strange)}
    store.client.put_item(TableName=store.table, Item=item)

    claim(journal, run.session_id)

    after = store.item(run.session_id, "SESSION")
    assert tuple(after[f"strange{n}"] for n in range(4)) == strange


def test_no_item_comes_near_400_kb(journal: DynamoJournal, store: DynamoStore) -> None:
    run = accept(journal, prompt="€" * 100_000)
    lease = claim(journal, run.session_id).lease
    journal.commit(
        lease,
        Changes(
            operations=(an_operation(payload="€" * 43_000),),
            events=(an_event(details={"Text": "x" * 500_000}),),
        ),
        now=NOW,
    )
    journal.settle(lease, Ending(status=Status.COMPLETED, result="x" * 31_000), now=NOW)

    items = store.client.scan(TableName=store.table)["Items"]

    sizes = [len(json.dumps(item, ensure_ascii=False).encode()) for item in items]
    assert max(sizes) < 140_000
    head = store.item(run.session_id, "SESSION")
    # Step Functions reads heads into a state, which takes 256 KB.
    assert len(json.dumps(head)) < 70_000


def _impatient(endpoint: str, service: str = "dynamodb") -> Client:
    """Make a client that does not try again by itself."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1, "mode": "standard"}, proxies={}),
    )


@contextmanager
def _once_before(client: Client, operation: str, work: Callable[[], None]) -> Iterator[None]:
    done: list[bool] = []

    def first(**_: object) -> None:
        if not done:
            done.append(True)
            work()

    client.meta.events.register(f"before-call.dynamodb.{operation}", first)
    try:
        yield
    finally:
        client.meta.events.unregister(f"before-call.dynamodb.{operation}", first)
