"""Passages are found by words, and read by their ids."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.workflows.research.errors import LookupRefusedError
from agent.workflows.research.index import MAX_HITS, Index, words
from agent.workflows.research.tools import LibraryTools
from tests.support.research import corpus_of, write


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    index = Index(corpus_of(write(tmp_path)))
    yield index
    index.close()


@pytest.fixture
def tools(index: Index) -> LibraryTools:
    return LibraryTools(lambda: index)


def ids(index: Index, query: str, **options: int) -> list[str]:
    return [hit.passage.id for hit in index.search(query, **options)]


def test_the_passage_with_most_of_the_words_comes_first(index: Index) -> None:
    assert ids(index, "glass lens light")[0] == "d2-p2"
    assert ids(index, "who pays a keeper")[0] == "d1-p2"


def test_forms_of_a_word_are_the_same(index: Index) -> None:
    assert ids(index, "LIGHTED") == ids(index, "lights") == ["d1-p1", "d2-p2"]
    assert "d2-p2" in ids(index, "lenses")
    assert "d2-p2" in ids(index, "lens")


@pytest.mark.parametrize(
    "query", ['lamp" OR "x', "lamp AND NOT oil", "lamp*", "text:lamp", "NEAR(lamp oil)", "-lamp'"]
)
def test_nothing_in_a_query_is_an_operator(index: Index, query: str) -> None:
    assert "d2-p1" in ids(index, query)


def test_accents_are_no_difference(tmp_path: Path) -> None:
    index = Index(corpus_of(write(tmp_path, {"a.txt": "Das Leuchtfeuer für die Küste"})))

    assert ids(index, "kuste") == ["d1-p1"]


@pytest.mark.parametrize("query", ["", " ", "?!", "x " * 600])
def test_a_query_without_words_or_with_far_too_many_is_refused(index: Index, query: str) -> None:
    with pytest.raises(LookupRefusedError, match=r"^the query .* expected"):
        index.search(query)


def test_what_is_in_no_document_is_not_found(index: Index) -> None:
    assert ids(index, "submarine") == []


def test_no_more_is_given_than_was_asked_for(tmp_path: Path) -> None:
    documents = {f"{n}.txt": f"lamp number {n}" for n in range(MAX_HITS + 5)}
    index = Index(corpus_of(write(tmp_path, documents)))

    assert len(ids(index, "lamp", limit=3)) == 3
    assert len(ids(index, "lamp", limit=1_000)) == MAX_HITS
    assert ids(index, "lamp", limit=3) == ids(index, "lamp", limit=3)


def test_common_words_are_left_out_unless_there_are_no_others() -> None:
    assert words("What is the Lamp, and what lamp?") == ["lamp"]
    assert words("to be or not to be") == ["to", "be", "or", "not"]


def call(tools: LibraryTools, name: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON of our own tools
    return json.loads(getattr(tools, name)(**arguments))


def test_a_search_tells_where_a_passage_stands(tools: LibraryTools) -> None:
    found = call(tools, "search", query="glass lens", limit=1)["passages"]

    assert found == [
        {
            "passage_id": "d2-p2",
            "document": "lamps.md",
            "title": "Lamps",
            "heading": "Lamps / Lenses",
            "lines": "line 7",
            "excerpt": "A lens of glass rings makes the light of a small lamp reach twenty miles.",
        }
    ]


def test_reading_gives_the_whole_passage_and_its_neighbours(tools: LibraryTools) -> None:
    found = call(tools, "read", passage_id="d1-p1")

    assert found["text"].startswith("A keeper lives in the lighthouse")
    assert (found["before"], found["after"]) == (None, "d1-p2")


def test_reading_what_there_is_not_says_what_is_expected(tools: LibraryTools) -> None:
    with pytest.raises(LookupRefusedError, match="there is no passage 'd9-p9', expected"):
        call(tools, "read", passage_id="d9-p9")


def test_documents_are_listed_with_their_titles(tools: LibraryTools) -> None:
    assert call(tools, "list_documents")["documents"] == [
        {"document": "keepers.md", "title": "Keepers", "passages": 2},
        {"document": "lamps.md", "title": "Lamps", "passages": 2},
    ]
