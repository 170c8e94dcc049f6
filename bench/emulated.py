"""A journal's table in an emulator of DynamoDB that runs for the time of a benchmark."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from crash.table import create_table
from local.clients import Client, local_client
from local.own_emulator import running_emulator
from runs.artifacts.base import ArtifactStore
from runs.journal.dynamodb import DynamoJournal

_TABLE = "bench"


@dataclass(frozen=True, slots=True)
class EmulatedTable:
    """The table, and a client that reaches it."""

    client: Client
    name: str
    endpoint: str

    @classmethod
    def at(cls, endpoint: str) -> "EmulatedTable":
        """Reach the table of an emulator that another process has started."""
        return cls(local_client("dynamodb", endpoint), _TABLE, endpoint)

    def journal(self, artifacts: ArtifactStore) -> DynamoJournal:
        """Open the journal in it."""
        return DynamoJournal(self.client, table=self.name, artifacts=artifacts)


@contextmanager
def emulated_table(folder: Path) -> Iterator[EmulatedTable]:
    """Start an emulator and make the table; the emulator ends with the block."""
    with running_emulator(folder, environ=os.environ) as emulator:
        table = EmulatedTable.at(emulator.endpoint)
        create_table(table.client, table.name)
        yield table
