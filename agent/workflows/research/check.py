"""Check what agents hand in: a citation counts if its agent was given the passage it names.

The quote must stand in that passage, word for word but for marks and white space. What rests on no
citation that counts is left out, and the report says so.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from strands.types.content import Message

from agent.models.conversation import Conversation
from agent.workflows.research.blocks import plain_text
from agent.workflows.research.notes import Analysis, Citation, Finding, Notes, Point, Summary
from agent.workflows.research.passages import Corpus
from runs.json_types import Json

#: Quotation marks, dashes and ellipses that models write in place of the plain ones.
_PLAIN = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‑": "-", "…": "..."}  # noqa: RUF001
)
#: A quote of fewer characters stands in any passage.
MIN_QUOTE = 8


@dataclass(frozen=True, slots=True)
class Dropped:
    """Something an agent handed in that is not reported."""

    text: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A finding with the citations that hold."""

    #: `2.1` is the first finding of the second topic.
    id: str
    topic: str
    text: str
    citations: tuple[Citation, ...]

    def to_json(self) -> dict[str, Json]:
        """Give it as JSON."""
        return {
            "id": self.id,
            "topic": self.topic,
            "text": self.text,
            "citations": [citation.model_dump() for citation in self.citations],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Found":
        """Read what `to_json` gave."""
        citations = tuple(Citation(**citation) for citation in data["citations"])
        return cls(id=data["id"], topic=data["topic"], text=data["text"], citations=citations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Researched:
    """What is known of a topic."""

    topic: str
    findings: tuple[Found, ...] = ()
    gaps: tuple[str, ...] = ()
    dropped: tuple[Dropped, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """Give it as JSON."""
        return {
            "topic": self.topic,
            "findings": [found.to_json() for found in self.findings],
            "gaps": list(self.gaps),
            "dropped": [{"text": each.text, "why": each.why} for each in self.dropped],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Researched":
        """Read what `to_json` gave."""
        return cls(
            topic=data["topic"],
            findings=tuple(Found.from_json(found) for found in data["findings"]),
            gaps=tuple(data["gaps"]),
            dropped=tuple(Dropped(**each) for each in data["dropped"]),
        )


def retrieved(messages: Iterable[Message]) -> frozenset[str]:
    """Name the passages an agent was given by its tools, from its saved conversation."""
    conversation = Conversation(list(messages))
    given: set[str] = set()
    for answer in (*conversation.answers_of("search"), *conversation.answers_of("read")):
        if answer.is_error:
            continue
        shape: Any = answer.json()
        given |= {each["passage_id"] for each in shape.get("passages", [shape])}
    return frozenset(given)


def check_notes(
    notes: Notes, corpus: Corpus, *, topic: str, number: int, given: frozenset[str]
) -> Researched:
    """Keep the findings of a topic that are shown by a passage their researcher was given.

    Args:
        notes: What the researcher handed in.
        corpus: The passages.
        topic: What was researched.
        number: The topic's number, counted from 1.
        given: The passages the researcher was given.
    """
    kept: list[Found] = []
    dropped: list[Dropped] = []
    for finding in notes.findings:
        holding = [it for it in finding.citations if not _why_not(it, corpus, given)]
        if holding:
            place = f"{number}.{len(kept) + 1}"
            text = " ".join(finding.text.split())
            kept.append(Found(id=place, topic=topic, text=text, citations=tuple(holding)))
        dropped += _dropped(finding, corpus, given)
    return Researched(topic=topic, findings=tuple(kept), gaps=notes.gaps, dropped=tuple(dropped))


def told_once(researched: Iterable[Researched]) -> list[Researched]:
    """Leave out findings that another topic has too, in the same words."""
    seen: set[str] = set()
    told: list[Researched] = []
    for each in researched:
        new = tuple(found for found in each.findings if found.text not in seen)
        seen |= {found.text for found in new}
        told.append(replace(each, findings=new))
    return told


def _dropped(finding: Finding, corpus: Corpus, given: frozenset[str]) -> Iterable[Dropped]:
    if not finding.citations:
        yield Dropped(finding.text, "it cites nothing")
    for citation in finding.citations:
        if why := _why_not(citation, corpus, given):
            yield Dropped(finding.text, why)


def _why_not(citation: Citation, corpus: Corpus, given: frozenset[str]) -> str:
    """Say why a citation does not count; nothing if it does."""
    passage = corpus.by_id.get(citation.passage_id)
    if passage is None:
        return f"its citation of {citation.passage_id!r} names no passage"
    if citation.passage_id not in given:
        return f"its citation of {citation.passage_id} was not among what was retrieved"
    quote = _comparable(citation.quote)
    if len(quote) < min(MIN_QUOTE, len(_comparable(passage.text))):
        return f"its quote from {citation.passage_id} is too short to show anything"
    if quote not in _comparable(passage.text):
        return f"its quote is not in passage {citation.passage_id}"
    return ""


def _comparable(text: str) -> str:
    lines = (re.sub(r"^\s*(?:[-*+>•]|\d+[.)])\s+", "", line) for line in text.splitlines())
    plain = plain_text(" ".join(lines).translate(_PLAIN))
    return plain.casefold().strip(" .\"'")


def check_analysis(
    analysis: Analysis, findings: Sequence[Found]
) -> tuple[Analysis, tuple[Dropped, ...]]:
    """Keep the points that follow from findings there are."""
    known = frozenset(found.id for found in findings)
    points, no_points = _known_points(analysis.points, known)
    tensions, no_tensions = _known_points(analysis.tensions, known)
    kept = Analysis(points=points, tensions=tensions, gaps=analysis.gaps)
    return kept, (*no_points, *no_tensions)


def _known_points(
    points: Sequence[Point], known: frozenset[str]
) -> tuple[tuple[Point, ...], tuple[Dropped, ...]]:
    held = [
        Point(title=it.title, text=it.text, findings=_known(it.findings, known)) for it in points
    ]
    kept = tuple(point for point in held if point.findings)
    dropped = tuple(Dropped(it.title, "it rests on no finding") for it in held if not it.findings)
    return kept, dropped


def check_summary(
    summary: Summary, findings: Sequence[Found]
) -> tuple[Summary, tuple[Dropped, ...]]:
    """Keep the sentences that rest on findings there are."""
    known = frozenset(found.id for found in findings)
    held = [
        sentence.model_copy(update={"findings": _known(sentence.findings, known)})
        for sentence in summary.sentences
    ]
    kept = tuple(sentence for sentence in held if sentence.findings)
    dropped = tuple(Dropped(it.text, "it rests on no finding") for it in held if not it.findings)
    return summary.model_copy(update={"sentences": kept}), dropped


def _known(ids: Sequence[str], known: frozenset[str]) -> tuple[str, ...]:
    return tuple(each for each in dict.fromkeys(ids) if each in known)
