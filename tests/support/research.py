"""Corpora, passages and whole runs for tests of the research report."""

from collections.abc import Mapping
from pathlib import Path

from agent.workflows.research.blocks import of_markdown
from agent.workflows.research.chunks import cut
from agent.workflows.research.collect import collect
from agent.workflows.research.inquiry import SAMPLE
from agent.workflows.research.passages import Corpus, Passage
from agent.workflows.research.web import Page
from tests.support.cost import Plant

__all__ = ["DOCUMENTS", "QUESTION", "SAMPLE", "corpus_of", "passages_of", "plant", "write"]

QUESTION = "How is a lighthouse lit, and who keeps it?"

#: A corpus that a person can check: each fact stands in one document.
DOCUMENTS = {
    "keepers.md": """# Keepers

A keeper lives in the lighthouse and lights the lamp at dusk. Two keepers take turns.

## Pay

A keeper is paid by the harbour, and gets the house for nothing.
""",
    "lamps.md": """# Lamps

The lamp of a lighthouse was lit with whale oil at first.

## Lenses

A lens of glass rings makes the light of a small lamp reach twenty miles.
""",
}


def write(folder: Path, documents: Mapping[str, str] = DOCUMENTS) -> Path:
    """Write documents into a new folder."""
    corpus = folder / "corpus"
    for name, text in documents.items():
        path = corpus / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return corpus


def no_page(url: str) -> Page:
    """Stand where pages are fetched in tests without pages."""
    msg = f"{url} was fetched"
    raise AssertionError(msg)


def corpus_of(*places: Path) -> Corpus:
    """Collect a corpus from paths."""
    return collect([str(place) for place in places], fetch=no_page, edge=lambda: None)


def passages_of(markdown: str) -> list[Passage]:
    """Cut a Markdown text."""
    return cut(of_markdown(markdown), document="d1")


def plant(folder: Path, *, prompt: str = QUESTION) -> Plant:
    """Give a place for a run of the research report."""
    return Plant(folder, workflow="research-report", prompt=prompt)
