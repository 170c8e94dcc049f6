"""The report says what was found and where it stands, and nothing a text could smuggle in."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from agent.workflows.research.check import Dropped, Found, Researched
from agent.workflows.research.notes import Analysis, Citation, Point, Sentence, Summary
from agent.workflows.research.report import Contents, write_report
from runs.approvals import Decision, Verdict
from tests.support.research import corpus_of, write

OIL = Citation(passage_id="d2-p1", quote="lit with whale oil")
PAY = Citation(passage_id="d1-p2", quote="is paid by the harbour")


def found(place: str, text: str, *citations: Citation) -> Found:
    return Found(id=place, topic="T", text=text, citations=citations)


@pytest.fixture
def contents(tmp_path: Path) -> Contents:
    return Contents(
        question="How?\n# Why?",
        corpus=corpus_of(write(tmp_path)),
        researched=[
            Researched(
                topic="Lamps",
                findings=(found("1.1", "Oil burned.", OIL), found("1.2", "Paid.", PAY, OIL)),
                gaps=("No word on gas.",),
                dropped=(Dropped("Gas burned.", "it cites nothing"),),
            ),
            Researched(topic="Ships"),
        ],
        analysis=Analysis(points=(Point(title="Paid", text="Always.", findings=("1.2",)),)),
        summary=Summary(
            headline="Oil", sentences=(Sentence(text="Oil and pay.", findings=("1.2",)),)
        ),
        dropped=(),
        author="a test",
    )


def text_of(contents: Contents) -> str:
    return write_report(contents).markdown.decode()


def test_every_reference_is_a_source_and_every_source_is_referred_to(contents: Contents) -> None:
    text = text_of(contents)

    body, _, sources = text.partition("## Sources")
    assert set(re.findall(r"\[(\d+)\]", body)) == {"1", "2"}
    assert re.findall(r"^(\d+)\. `(\S+)`, (lines? [\d-]+)", sources, re.MULTILINE) == [
        ("1", "keepers.md", "line 7"),
        ("2", "lamps.md", "line 3"),
    ]


def test_what_is_missing_is_said(contents: Contents) -> None:
    text = text_of(contents)

    assert "### Ships\n\nNothing in the corpus." in text
    assert "- No word on gas." in text
    assert "- Left out: “Gas burned.”, because it cites nothing." in text


def test_the_list_of_sources_is_complete(contents: Contents) -> None:
    data = json.loads(write_report(contents).sources)

    lamps = next(it for it in data["sources"] if it["document"] == "lamps.md")
    assert lamps["quotes"] == ["lit with whale oil"]
    assert lamps["findings"] == ["1.1", "1.2"]
    assert (lamps["first_line"], lamps["last_line"], lamps["heading"]) == (3, 3, "Lamps")
    assert len(lamps["sha256"]) == 64
    assert [it["name"] for it in data["documents"]] == ["keepers.md", "lamps.md"]
    assert data["dropped"] == [{"text": "Gas burned.", "why": "it cites nothing"}]


def test_no_text_becomes_a_heading_a_link_or_a_tag(contents: Contents) -> None:
    evil = "# H [x](http://evil) <script> `a` | b"
    summary = Summary(headline=evil, sentences=(Sentence(text=evil, findings=("1.1",)),))

    text = text_of(replace(contents, summary=summary, question=evil))

    assert "<script>" not in text.replace("\\<script\\>", "")
    assert "[x](" not in text.replace("\\[x\\](", "")
    assert not re.search(r"^(> )?# H", text, re.MULTILINE)


def test_a_review_is_told(contents: Contents) -> None:
    review = Decision(verdict=Verdict.APPROVED, comment="well *done*", by="Ada")

    text = text_of(replace(contents, review=review))

    assert "- Reviewed by a person: approved by Ada, with the comment “well \\*done\\*”" in text
    assert "Reviewed" not in text_of(contents)


def test_a_reviewer_s_version_is_the_report(contents: Contents) -> None:
    review = Decision(verdict=Verdict.APPROVED, by="Ada", content="# Shorter\n")

    text = text_of(replace(contents, review=review))

    assert text == "# Shorter\n- Reviewed by a person: approved by Ada, edited\n"


def test_the_same_contents_are_the_same_bytes(contents: Contents) -> None:
    assert write_report(contents) == write_report(replace(contents))


def test_a_report_without_a_model_says_so_before_its_first_sentence(contents: Contents) -> None:
    text = text_of(replace(contents, is_offline=True))

    before, _, _ = text.partition("**")
    assert "Made offline, without a language model" in before
    assert "offline" not in text_of(contents).partition("**")[0]
