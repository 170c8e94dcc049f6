"""The corpus while an attempt works with it: kept as an artifact, opened when asked for."""

import hashlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from agent.attempt import Attempt
from agent.workflows.research.index import Index
from agent.workflows.research.passages import Corpus
from runs.errors import PayloadHashError
from runs.json_types import Json

PASSAGES = "passages.json"
PASSAGES_TYPE = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What the journal keeps of a corpus; the rest is the artifact."""

    documents: int
    passages: int
    sha256: str

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Collected":
        """Read what `to_json` gave."""
        return cls(**data)

    def to_json(self) -> dict[str, Json]:
        """Give it as JSON."""
        return {"documents": self.documents, "passages": self.passages, "sha256": self.sha256}


def keep(corpus: Corpus, attempt: Attempt) -> Collected:
    """Save a corpus, for later attempts too."""
    data = corpus.to_bytes()
    attempt.save(PASSAGES, data, media_type=PASSAGES_TYPE)
    return Collected(
        documents=len(corpus.documents),
        passages=len(corpus.passages),
        sha256=hashlib.sha256(data).hexdigest(),
    )


@dataclass
class Desk:
    """Gives the index, made at most once in an attempt: a replay may never need it."""

    attempt: Attempt
    collected: Collected
    _index: Index | None = None
    # Researchers come at the same time, each from several threads.
    _opening: threading.Lock = field(default_factory=threading.Lock)

    def index(self) -> Index:
        """Give the index.

        Raises:
            PayloadMissingError: The corpus is no longer where it was saved.
            PayloadHashError: It is not what was saved.
        """
        with self._opening:
            if self._index is None:
                self._index = Index(self._corpus())
            return self._index

    def corpus(self) -> Corpus:
        """Give the corpus."""
        return self.index().corpus

    def close(self) -> None:
        """Close what was opened."""
        if self._index is not None:
            self._index.close()

    def _corpus(self) -> Corpus:
        data = self.attempt.load(PASSAGES)
        actual = hashlib.sha256(data).hexdigest()
        if actual != self.collected.sha256:
            raise PayloadHashError(PASSAGES, expected=self.collected.sha256, actual=actual)
        return Corpus.from_bytes(data)


@contextmanager
def opened(attempt: Attempt, collected: Collected) -> Iterator[Desk]:
    """Open a desk for the time of a block."""
    desk = Desk(attempt, collected)
    try:
        yield desk
    finally:
        desk.close()
