"""The agents' tools: looking into the corpus, and at what others found. All of them only read."""

import json
from collections.abc import Callable, Mapping, Sequence

from strands import tool

from agent.effects import effect
from agent.workflows.research.errors import LookupRefusedError
from agent.workflows.research.index import MAX_HITS, Index
from agent.workflows.research.passages import Corpus, Passage
from runs.json_types import Json

MAX_LISTED = 300


class LibraryTools:
    """What can be asked of a corpus, each question a tool."""

    def __init__(self, open_index: Callable[[], Index]) -> None:
        """Make the tools.

        Args:
            open_index: Gives the index; called when the first question comes, so that a run whose
                agents are finished opens nothing.
        """
        self._open_index = open_index

    @effect(idempotent=True)
    @tool
    def list_documents(self) -> str:
        """List the documents there are, with their titles and how many passages each has."""
        corpus = self._open_index().corpus
        counts: dict[str, int] = {}
        for passage in corpus.passages:
            counts[passage.document] = counts.get(passage.document, 0) + 1
        listed: list[Json] = [
            {"document": each.name, "title": each.title, "passages": counts[each.id]}
            for each in corpus.documents[:MAX_LISTED]
        ]
        return _text({"documents": listed, "not_listed": len(corpus.documents) - len(listed)})

    @effect(idempotent=True)
    @tool
    def search(self, query: str, limit: int = 8) -> str:
        """Find passages by words; the best come first. Read a passage before you cite it.

        Args:
            query: A few words as the documents may have them; forms of a word count as the same.
            limit: How many passages to give, 1 to 20.
        """
        index = self._open_index()
        hits = index.search(query, limit=max(1, min(limit, MAX_HITS)))
        found = [{**_place(index.corpus, hit.passage), "excerpt": hit.excerpt} for hit in hits]
        return _text({"passages": found})

    @effect(idempotent=True)
    @tool
    def read(self, passage_id: str) -> str:
        """Read a passage in full, as it is to be quoted; also tells which come before and after.

        Args:
            passage_id: The passage_id of a search's result, e.g. d1-p2.
        """
        corpus = self._open_index().corpus
        passage = corpus.by_id.get(passage_id)
        if passage is None:
            why = (
                f"there is no passage {passage_id!r}, expected the passage_id of a search's result"
            )
            raise LookupRefusedError(why)
        document, _, number = passage_id.rpartition("-p")
        before, after = (f"{document}-p{int(number) + step}" for step in (-1, 1))
        return _text(
            {
                **_place(corpus, passage),
                "text": passage.text,
                "before": before if before in corpus.by_id else None,
                "after": after if after in corpus.by_id else None,
            }
        )


class DeskTools:
    """What earlier agents handed in and was checked, for those who go on with it."""

    def __init__(
        self, findings: Sequence[Mapping[str, Json]], analysis: Mapping[str, Json] | None = None
    ) -> None:
        self._findings = findings
        self._analysis = analysis

    @effect(idempotent=True)
    @tool
    def findings(self) -> str:
        """Give all findings, with their ids, topics and the passages that show them."""
        return _text({"findings": list(self._findings)})

    @effect(idempotent=True)
    @tool
    def analysis(self) -> str:
        """Give the analyst's points, tensions and gaps."""
        return _text(self._analysis or {})


def _place(corpus: Corpus, passage: Passage) -> dict[str, Json]:
    document = corpus.document_of(passage)
    return {
        "passage_id": passage.id,
        "document": document.name,
        "title": document.title,
        "heading": passage.heading,
        "lines": passage.lines,
    }


def _text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)
