"""The report: the same bytes for the same corpus and the same answers of the agents."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from agent.workflows.research.check import Dropped, Found, Researched
from agent.workflows.research.notes import Analysis, Citation, Point, Summary
from agent.workflows.research.passages import Corpus, Document, Passage
from agent.workflows.research.wording import counted
from runs.approvals import Decision
from runs.json_types import Json

#: Characters of the question that are repeated; a prompt may be a page.
MAX_QUESTION = 2_000
#: Files named of those that were not read, and of what was left out.
MAX_NAMED = 20

_OFFLINE = (
    "Made offline, without a language model: what follows are sentences of the documents, chosen "
    "by the words of the question."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a report tells."""

    question: str
    corpus: Corpus
    researched: Sequence[Researched]
    analysis: Analysis
    summary: Summary
    #: What the analyst and the writer handed in that rests on nothing.
    dropped: Sequence[Dropped]
    #: Who researched: a model, or the offline playbook.
    author: str
    #: No model has thought about it: a reader must know that before the first sentence.
    is_offline: bool = False
    #: A person's word on the draft, with their version of it if they edited it.
    review: Decision | None = None

    @property
    def findings(self) -> Sequence[Found]:
        """Give the findings of all topics."""
        return [found for each in self.researched for found in each.findings]

    def all_dropped(self) -> Sequence[Dropped]:
        """Give what was left out, of all agents."""
        return [*(it for each in self.researched for it in each.dropped), *self.dropped]


@dataclass
class Sources:
    """The passages that are cited, numbered as they come up."""

    findings: dict[str, Found]
    numbers: dict[str, int] = field(default_factory=dict)

    def refer(self, ids: Iterable[str]) -> str:
        """Give the numbers of what some findings cite."""
        cited = (it.passage_id for each in ids for it in self.findings[each].citations)
        numbers = {self.numbers.setdefault(passage, len(self.numbers) + 1) for passage in cited}
        return " ".join(f"[{number}]" for number in sorted(numbers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The report's files."""

    markdown: bytes
    sources: bytes
    #: How many passages are cited.
    cited: int


def write_report(contents: Contents) -> Report:
    """Write the report and its list of sources."""
    sources = Sources({found.id: found for found in contents.findings})
    lines = "\n".join(_lines(contents, sources))
    listed = json.dumps(_listed(contents, sources), indent=2, ensure_ascii=False)
    return Report(
        markdown=_edited(lines, contents.review).encode(),
        sources=f"{listed}\n".encode(),
        cited=len(sources.numbers),
    )


def _edited(text: str, review: Decision | None) -> str:
    """Give a reviewer's version in the place of the agents', which they had before them."""
    if review is None or review.content is None:
        return text
    return f"{review.content.rstrip()}\n- {_reviewed(review)}\n"


def _lines(contents: Contents, sources: Sources) -> Iterator[str]:
    yield from ("# Research report", "")
    for line in contents.question[:MAX_QUESTION].splitlines():
        yield f"> {_escaped(line)}".rstrip()
    if contents.is_offline:
        yield from ("", f"*{_OFFLINE}*")
    yield from ("", f"**{_escaped(contents.summary.headline)}**", "")
    for sentence in contents.summary.sentences:
        yield f"- {_escaped(sentence.text)} {sources.refer(sentence.findings)}"
    yield ""
    yield from _points("What follows", contents.analysis.points, sources)
    yield from _points("Where the sources disagree", contents.analysis.tensions, sources)
    yield from _findings(contents, sources)
    yield from _gaps(contents)
    yield from _sources(contents, sources)
    yield from _about(contents)


def _points(title: str, points: Sequence[Point], sources: Sources) -> Iterator[str]:
    if not points:
        return
    yield from (f"## {title}", "")
    for point in points:
        refer = sources.refer(point.findings)
        yield f"- **{_escaped(point.title)}.** {_escaped(point.text)} {refer}"
    yield ""


def _findings(contents: Contents, sources: Sources) -> Iterator[str]:
    yield from ("## Findings", "")
    for each in contents.researched:
        yield from (f"### {_escaped(each.topic)}", "")
        for found in each.findings:
            yield f"- {_escaped(found.text)} {sources.refer([found.id])}"
        if not each.findings:
            yield "Nothing in the corpus."
        yield ""


def _gaps(contents: Contents) -> Iterator[str]:
    gaps = [gap for each in contents.researched for gap in each.gaps]
    gaps = [_escaped(gap) for gap in dict.fromkeys([*gaps, *contents.analysis.gaps])]
    dropped = contents.all_dropped()
    gaps += [f"Left out: “{_escaped(it.text)}”, because {it.why}." for it in dropped[:MAX_NAMED]]
    if len(dropped) > MAX_NAMED:
        gaps.append(f"Left out besides: {len(dropped) - MAX_NAMED}; see `sources.json`.")
    if gaps:
        yield from ("## What is missing", "", *(f"- {gap}" for gap in gaps), "")


def _sources(contents: Contents, sources: Sources) -> Iterator[str]:
    yield from ("## Sources", "")
    for passage, number in _numbered(contents, sources):
        document = contents.corpus.document_of(passage)
        where = f"{_name(document)}, {passage.lines}"
        under = f", “{_escaped(passage.heading)}”" if passage.heading else ""
        yield f"{number}. {where}{under}"
        # Indented as far as the item's own text, or the quote would end the list.
        margin = " " * (len(str(number)) + 2)
        for citation in _citations(contents, passage):
            yield from ("", f"{margin}> {_escaped(citation.quote)}")
        yield ""


def _about(contents: Contents) -> Iterator[str]:
    corpus = contents.corpus
    yield from ("## About this report", "")
    passages = counted(len(corpus.passages), "passage")
    documents = counted(len(corpus.documents), "document")
    yield f"- Searched: {passages} of {documents}, by SQLite's full-text search"
    yield f"- Researched by: {_escaped(contents.author)}"
    if contents.review:
        yield f"- {_reviewed(contents.review)}"
    yield "- Every quote was found again, word for word, in the passage it is cited from."
    for unread in corpus.unread[:MAX_NAMED]:
        yield f"- Not read: {_escaped(unread.name)}, which {_escaped(unread.why)}"
    if len(corpus.unread) > MAX_NAMED:
        yield f"- Not read besides: {len(corpus.unread) - MAX_NAMED} files; see `sources.json`"
    yield ""


def _reviewed(review: Decision) -> str:
    comment = _escaped(review.comment)
    who = f" by {_escaped(review.by)}" if review.by else ""
    how = ", edited" if review.content is not None else ""
    said = f", with the comment “{comment}”" if comment else ""
    return f"Reviewed by a person: {review.verdict}{who}{how}{said}"


def _listed(contents: Contents, sources: Sources) -> dict[str, Json]:
    corpus = contents.corpus
    return {
        "question": contents.question,
        "topics": [each.topic for each in contents.researched],
        "sources": [
            _source(contents, passage, number) for passage, number in _numbered(contents, sources)
        ],
        "findings": [found.to_json() for found in contents.findings],
        "dropped": [{"text": it.text, "why": it.why} for it in contents.all_dropped()],
        "documents": [
            {"name": it.name, "title": it.title, "sha256": it.sha256} for it in corpus.documents
        ],
        "not_read": [{"name": it.name, "why": it.why} for it in corpus.unread],
    }


def _source(contents: Contents, passage: Passage, number: int) -> dict[str, Json]:
    document = contents.corpus.document_of(passage)
    return {
        "number": number,
        "passage_id": passage.id,
        "document": document.name,
        "heading": passage.heading,
        "first_line": passage.first_line,
        "last_line": passage.last_line,
        "sha256": document.sha256,
        "quotes": [citation.quote for citation in _citations(contents, passage)],
        "findings": [
            found.id
            for found in contents.findings
            if any(it.passage_id == passage.id for it in found.citations)
        ],
    }


def _numbered(contents: Contents, sources: Sources) -> Iterator[tuple[Passage, int]]:
    for passage_id, number in sources.numbers.items():
        yield contents.corpus.by_id[passage_id], number


def _citations(contents: Contents, passage: Passage) -> Sequence[Citation]:
    """Give the citations of a passage, each quote once."""
    cited = (it for found in contents.findings for it in found.citations)
    of_passage = (citation for citation in cited if citation.passage_id == passage.id)
    return list({citation.quote: citation for citation in of_passage}.values())


def _name(document: Document) -> str:
    is_page = document.name.startswith(("http://", "https://")) and ">" not in document.name
    return f"<{document.name}>" if is_page else f"`{document.name.replace('`', '')}`"


def _escaped(text: str) -> str:
    """Write a text so that it can't become a link, a heading, a tag or a list of its own."""
    plain = " ".join(text.split())
    for character in "\\`*_[]<>|#":
        plain = plain.replace(character, f"\\{character}")
    return plain
