"""Where one run of a test is: a folder of its own, and a table of its own if it is in DynamoDB."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from crash.table import create_table
from crash.trap import Trap
from crash.watched import Announced, WatchedClient, WatchedJournal
from local.clients import Client, local_client
from runs.artifacts.folder import FolderStore
from runs.journal.base import Journal
from runs.journal.dynamodb import DynamoJournal
from runs.journal.sqlite import SqliteJournal


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of one run."""

    folder: Path
    #: Where DynamoDB answers; None keeps the journal in a file.
    endpoint: str | None = None

    @property
    def story(self) -> Path:
        """What its workers did."""
        return self.folder / "story.jsonl"

    @property
    def trace(self) -> Path:
        """What it left."""
        return self.folder / "trace.json"

    @property
    def log(self) -> Path:
        """What its workers printed."""
        return self.folder / "worker.log"

    @property
    def outside(self) -> Path:
        """The folder that stands for the world outside."""
        return self.folder / "outside"

    @property
    def artifacts(self) -> FolderStore:
        """Its artifact store."""
        return FolderStore(self.folder / "artifacts")

    def journal(self) -> Journal:
        """Open its journal, made if it is not there."""
        if self.endpoint is None:
            return SqliteJournal(self.folder / "journal.db", artifacts=self.artifacts)
        return DynamoJournal(self._client(), table=self._table(), artifacts=self.artifacts)

    def watched(self, trap: Trap) -> Journal:
        """Open its journal with a trap in the way of its writes."""
        if self.endpoint is None:
            return cast("Journal", WatchedJournal(self.journal(), trap))
        announced = Announced()
        client = WatchedClient(self._client(), trap, announced=announced)
        journal = DynamoJournal(client, table=self._table(), artifacts=self.artifacts)
        return cast("Journal", WatchedJournal(journal, trap, announced=announced))

    def remove_table(self) -> None:
        """Remove what is not in the folder."""
        if self.endpoint is not None:
            self._client().delete_table(TableName=self._name)

    @property
    def _name(self) -> str:
        return f"crash-{hashlib.sha256(str(self.folder).encode()).hexdigest()[:32]}"

    def _table(self) -> str:
        create_table(self._client(), self._name)
        return self._name

    def _client(self) -> Client:
        return local_client("dynamodb", str(self.endpoint))
