"""Journals of every kind, and the runs to put in them."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from bench.simulated.table import CountedTable
from bench.write_units import item_bytes
from crash.table import create_table
from runs.artifacts.base import ArtifactStore
from runs.artifacts.folder import FolderStore
from runs.events import Event, EventType
from runs.ids import new_lease_token, new_session_id
from runs.journal.base import Claim, Journal
from runs.journal.dynamodb import DynamoJournal
from runs.journal.observer import Observer
from runs.journal.sqlite import SqliteJournal
from runs.json_types import Json
from runs.operations import Operation, OperationStatus, OperationType
from runs.run import Run, Status

#: boto3's clients have no static type.
Client: TypeAlias = Any

NOW = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)
LEASE_SECONDS = 60.0


def later(seconds: float) -> datetime:
    """Give an instant some time after `NOW`."""
    return NOW + timedelta(seconds=seconds)


def a_run(**changes: Any) -> Run:  # noqa: ANN401 - any field of a run
    """Make a run as it is accepted at `NOW`."""
    fields: dict[str, Any] = {
        "session_id": new_session_id(),
        "workflow": "cost-analysis",
        "prompt": "Why did the bill grow?",
        "source": "cli",
        "status": Status.QUEUED,
        "wake_at": NOW,
        "deadline_at": later(3600),
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Run(**fields | changes)


def an_operation(operation_id: str = "op-1", **changes: Any) -> Operation:  # noqa: ANN401 - any field of an operation
    """Make a step that succeeded at `NOW`."""
    fields: dict[str, Any] = {
        "operation_id": operation_id,
        "type": OperationType.STEP,
        "status": OperationStatus.SUCCEEDED,
        "name": "load",
        "attempt": 1,
        "payload": '{"rows":3}',
        "started_at": NOW,
        "ended_at": NOW,
    }
    return Operation(**fields | changes)


def an_event(kind: EventType = EventType.STEP_SUCCEEDED, **changes: Any) -> Event:  # noqa: ANN401 - any field of an event
    """Make a fact of the first attempt at `NOW`."""
    fields: dict[str, Any] = {"type": kind, "at": NOW, "attempt": 1}
    return Event(**fields | changes)


def accept(journal: Journal, **changes: Any) -> Run:  # noqa: ANN401 - any field of a run
    """Record a new run."""
    return journal.accept(a_run(**changes)).run


def claim(
    journal: Journal,
    session_id: str,
    *,
    now: datetime = NOW,
    owner: str = "worker-1",
    version: str | None = None,
) -> Claim:
    """Begin an attempt, by a worker whose `cost-analysis` has a version or tells none."""
    return journal.claim(
        session_id,
        owner=owner,
        token=new_lease_token(),
        now=now,
        lease_seconds=LEASE_SECONDS,
        versions={} if version is None else {"cost-analysis": version},
    )


class JournalStore(Protocol):
    """A store that tests can look into behind the journal's back."""

    artifacts: ArtifactStore

    def journal(self, observer: Observer | None = None) -> Journal:
        """Open a journal of its own on the store, as another process would."""
        ...

    def alter(self, session_id: str, key: str, change: Callable[[dict[str, Json]], None]) -> None:
        """Change a stored record in place; its values are JSON's."""
        ...

    def size(self, session_id: str) -> int:
        """Give the bytes of all records of a run, keys and names included."""
        ...

    def close(self) -> None:
        """Close what was opened."""
        ...


class SqliteStore:
    """A file, or memory that all "processes" share."""

    def __init__(self, path: Path | str, *, artifacts: ArtifactStore) -> None:
        self.artifacts = artifacts
        self._path = path
        self._opened: list[SqliteJournal] = []

    def journal(self, observer: Observer | None = None) -> SqliteJournal:
        """See `JournalStore.journal`."""
        if self._path == ":memory:" and self._opened:
            return self._opened[0]
        self._opened.append(SqliteJournal(self._path, artifacts=self.artifacts, observer=observer))
        return self._opened[-1]

    def alter(self, session_id: str, key: str, change: Callable[[dict[str, Json]], None]) -> None:
        """See `JournalStore.alter`."""
        db = self._opened[0]._db
        if key != "SESSION":
            where = (session_id, key)
            query = "SELECT body FROM records WHERE session_id = ? AND key = ?"
            record = json.loads(db.execute(query, where).fetchone()[0])
            change(record)
            query = "UPDATE records SET body = ? WHERE session_id = ? AND key = ?"
            db.execute(query, (json.dumps(record), *where))
            return
        columns = [row[1] for row in db.execute("PRAGMA table_info(runs)")]
        row = db.execute("SELECT * FROM runs WHERE session_id = ?", (session_id,)).fetchone()
        head = dict(zip(columns, row, strict=True))
        record = head | json.loads(head["body"])
        change(record)
        head = {name: record.pop(name, None) for name in columns if name != "body"}
        names = ", ".join(f"{name} = ?" for name in (*head, "body"))
        record.pop("body", None)
        values = (*head.values(), json.dumps(record), session_id)
        db.execute(f"UPDATE runs SET {names} WHERE session_id = ?", values)  # noqa: S608 - column names

    def size(self, session_id: str) -> int:
        """See `JournalStore.size`."""
        query = "SELECT key || body FROM records WHERE session_id = ?"
        rows = self._opened[0]._db.execute(query, (session_id,))
        return sum(len(row[0].encode()) for row in rows)

    def close(self) -> None:
        """See `JournalStore.close`."""
        for journal in self._opened:
            journal.close()


class DynamoStore:
    """A table of its own in the emulator."""

    def __init__(self, client: Client, *, artifacts: ArtifactStore) -> None:
        self.artifacts = artifacts
        self.client = client
        self.table = f"runs-{uuid.uuid4()}"
        create_table(client, self.table)

    def journal(self, observer: Observer | None = None) -> DynamoJournal:
        """See `JournalStore.journal`."""
        return DynamoJournal(
            self.client, table=self.table, artifacts=self.artifacts, observer=observer
        )

    def item(self, session_id: str, key: str) -> dict[str, Any]:
        """Read an item as it is stored."""
        where = {"PK": {"S": session_id}, "SK": {"S": key}}
        item: dict[str, Any] = self.client.get_item(
            TableName=self.table, Key=where, ConsistentRead=True
        )["Item"]
        return item

    def alter(self, session_id: str, key: str, change: Callable[[dict[str, Json]], None]) -> None:
        """See `JournalStore.alter`."""
        altered = _altered(self.item(session_id, key), change)
        self.client.put_item(TableName=self.table, Item=altered)

    def size(self, session_id: str) -> int:
        """See `JournalStore.size`; an attribute is its name and its value."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="PK = :run",
            ExpressionAttributeValues={":run": {"S": session_id}},
        )
        items = [item for page in pages for item in page["Items"]]
        return sum(
            len(name.encode()) + len(str(next(iter(value.values()))).encode())
            for item in items
            for name, value in item.items()
        )

    def close(self) -> None:
        """See `JournalStore.close`."""
        self.client.delete_table(TableName=self.table)


class CountedStore:
    """A table of simulations, in memory."""

    def __init__(self, *, artifacts: ArtifactStore) -> None:
        self.artifacts = artifacts
        self._table = CountedTable()

    def journal(self, observer: Observer | None = None) -> DynamoJournal:
        """See `JournalStore.journal`."""
        return DynamoJournal(
            self._table.client("a test"),
            table="runs",
            artifacts=self.artifacts,
            observer=observer,
        )

    def alter(self, session_id: str, key: str, change: Callable[[dict[str, Json]], None]) -> None:
        """See `JournalStore.alter`."""
        items = self._table.items
        items[session_id, key] = _altered(items[session_id, key], change)

    def size(self, session_id: str) -> int:
        """See `JournalStore.size`."""
        found = (item for (owner, _), item in self._table.items.items() if owner == session_id)
        return sum(map(item_bytes, found))

    def close(self) -> None:
        """See `JournalStore.close`."""


def _altered(item: dict[str, Any], change: Callable[[dict[str, Json]], None]) -> dict[str, Any]:
    record: dict[str, Json] = {name: next(iter(value.values())) for name, value in item.items()}
    before = dict(record)
    change(record)
    changed = {name for name, value in record.items() if before.get(name) != value}
    kept = {name: item[name] for name in record.keys() - changed}
    return kept | {name: {"S": str(record[name])} for name in changed}


def folder_store(root: Path) -> FolderStore:
    """Make an artifact store in a folder."""
    return FolderStore(root / "artifacts")
