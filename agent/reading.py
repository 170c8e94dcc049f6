"""A journal and an artifact store that are read and not written, for an attempt that does nothing.

What workflow code writes on its way between steps, such as its progress, it writes in each attempt:
it is dropped. Anything else that would write is refused.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agent.errors import RehearsalError
from runs.artifacts.base import ArtifactStore
from runs.journal.base import Changes, Journal
from runs.run import Lease

_READS = frozenset(
    {
        "approval",
        "approvals",
        "agent",
        "events",
        "get",
        "history",
        "list_approvals",
        "list_runs",
        "messages",
        "open_children",
        "operation",
        "operations",
        "tool",
    }
)


@dataclass(frozen=True, slots=True)
class ReadingJournal:
    """See `runs.journal.base.Journal`."""

    journal: Journal

    def commit(self, lease: Lease, changes: Changes, *, now: datetime) -> None:
        """Drop what an attempt records."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the journal's own methods
        """Give a method that reads.

        Raises:
            RehearsalError: It writes.
        """
        if name not in _READS:
            raise RehearsalError(name)
        return getattr(self.journal, name)


@dataclass(frozen=True, slots=True)
class ReadingStore:
    """See `runs.artifacts.base.ArtifactStore`."""

    store: ArtifactStore

    def put(self, key: str, data: bytes, *, media_type: str) -> str:
        """Drop what an attempt stores, and say where it would be."""
        return self.store.uri(key)

    def get(self, key: str) -> bytes:
        """See `ArtifactStore.get`."""
        return self.store.get(key)

    def uri(self, key: str) -> str:
        """See `ArtifactStore.uri`."""
        return self.store.uri(key)
