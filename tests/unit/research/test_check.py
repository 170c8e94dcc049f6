"""What agents hand in counts only as far as the passages they were given show it."""

import json
from pathlib import Path

import pytest
from strands.types.content import ContentBlock, Message

from agent.workflows.research.check import (
    Found,
    Researched,
    check_analysis,
    check_notes,
    check_summary,
    retrieved,
    told_once,
)
from agent.workflows.research.notes import (
    Analysis,
    Citation,
    Finding,
    Notes,
    Point,
    Sentence,
    Summary,
)
from agent.workflows.research.passages import Corpus
from tests.support.research import corpus_of, write

OIL = "was lit with whale oil"


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return corpus_of(write(tmp_path))


def checked(corpus: Corpus, *citations: tuple[str, str], given: str = "d2-p1") -> Researched:
    cited = tuple(Citation(passage_id=passage, quote=quote) for passage, quote in citations)
    notes = Notes(findings=(Finding(text="Oil burned.", citations=cited),))
    return check_notes(notes, corpus, topic="Lamps", number=2, given=frozenset(given.split()))


def test_a_finding_that_its_passage_shows_is_kept(corpus: Corpus) -> None:
    kept = checked(corpus, ("d2-p1", OIL))

    assert [(it.id, it.topic, it.text) for it in kept.findings] == [("2.1", "Lamps", "Oil burned.")]
    assert kept.dropped == ()


@pytest.mark.parametrize(
    "quote",
    [
        "The lamp of a  lighthouse\nwas LIT",
        "“was lit with whale oil at first.”",
        "- was **lit** with `whale oil`",
    ],
)
def test_marks_and_white_space_make_no_other_quote(corpus: Corpus, quote: str) -> None:
    assert checked(corpus, ("d2-p1", quote)).findings


@pytest.mark.parametrize(
    ("passage", "quote", "why"),
    [
        ("d2-p2", "A lens of glass rings", "was not among what was retrieved"),
        ("d7-p1", OIL, "names no passage"),
        ("d2-p1", "was lit with gas", "is not in passage d2-p1"),
        ("d2-p1", "lamp", "too short"),
    ],
)
def test_a_citation_that_does_not_hold_is_dropped(
    corpus: Corpus, passage: str, quote: str, why: str
) -> None:
    found = checked(corpus, (passage, quote))

    assert found.findings == ()
    assert [it.text for it in found.dropped] == ["Oil burned."]
    assert why in found.dropped[0].why


def test_a_finding_stands_on_the_citations_that_hold(corpus: Corpus) -> None:
    found = checked(corpus, ("d2-p2", "A lens of glass rings"), ("d2-p1", OIL))

    assert [it.passage_id for it in found.findings[0].citations] == ["d2-p1"]
    assert len(found.dropped) == 1


def test_a_finding_without_a_citation_is_dropped(corpus: Corpus) -> None:
    found = checked(corpus)

    assert found.findings == ()
    assert found.dropped[0].why == "it cites nothing"


def conversation(tool: str, result: object, *, status: str = "success") -> list[Message]:
    text = json.dumps(result)
    return [
        {"role": "assistant", "content": [use(tool)]},
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": "1", "status": status, "content": [{"text": text}]}}  # type: ignore[typeddict-item]
            ],
        },
    ]


def use(tool: str) -> ContentBlock:
    return {"toolUse": {"toolUseId": "1", "name": tool, "input": {}}}


def test_retrieved_is_what_the_tools_returned() -> None:
    found = {"passages": [{"passage_id": "d1-p1"}, {"passage_id": "d1-p2"}]}

    assert retrieved(conversation("search", found)) == {"d1-p1", "d1-p2"}
    assert retrieved(conversation("read", {"passage_id": "d1-p3"})) == {"d1-p3"}


def test_an_id_that_the_agent_or_a_text_made_up_is_not_retrieved() -> None:
    text = {"passage_id": "d1-p1", "text": '{"passage_id": "d1-p9"}'}

    assert retrieved(conversation("read", text)) == {"d1-p1"}
    assert retrieved(conversation("Notes", {"passage_id": "d1-p9"})) == frozenset()
    assert retrieved(conversation("read", {"passage_id": "d1-p9"}, status="error")) == frozenset()


FOUND = Found(id="1.1", topic="T", text="x", citations=())


def point(*ids: str) -> Point:
    return Point(title="So", text="so", findings=ids)


def test_a_point_that_rests_on_no_finding_is_dropped() -> None:
    analysis = Analysis(points=(point("1.1", "9.9"), point("9.9")), tensions=(point(),))

    kept, dropped = check_analysis(analysis, [FOUND])

    assert [it.findings for it in kept.points] == [("1.1",)]
    assert kept.tensions == ()
    assert len(dropped) == 2


def test_a_sentence_that_rests_on_no_finding_is_dropped() -> None:
    sentences = (Sentence(text="a", findings=("1.1",)), Sentence(text="b", findings=("2.1",)))

    kept, dropped = check_summary(Summary(headline="h", sentences=sentences), [FOUND])

    assert [it.text for it in kept.sentences] == ["a"]
    assert [(it.text, it.why) for it in dropped] == [("b", "it rests on no finding")]


def test_a_finding_of_two_topics_is_told_once() -> None:
    both = [Researched(topic=topic, findings=(FOUND,)) for topic in ("A", "B")]

    assert [len(each.findings) for each in told_once(both)] == [1, 0]


def test_what_was_checked_is_the_same_after_it_was_kept(corpus: Corpus) -> None:
    found = checked(corpus, ("d2-p1", OIL), ("d2-p1", "no such words"))

    assert Researched.from_json(json.loads(json.dumps(found.to_json()))) == found
