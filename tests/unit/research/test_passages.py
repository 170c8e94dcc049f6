"""Documents become passages that point back at their lines."""

from pathlib import Path

import pytest

from agent.workflows.research.blocks import of_markdown, of_plain_text, plain_text
from agent.workflows.research.chunks import MAX_PASSAGE, cut, sentences
from agent.workflows.research.html_text import of_html
from agent.workflows.research.passages import Corpus
from tests.support.research import SAMPLE, corpus_of, passages_of


def test_a_passage_is_under_its_headings_and_knows_its_lines() -> None:
    found = passages_of("# Title\n\nFirst.\n\n## Part\n\nSecond\nline.\n\n# Other\n\nThird.\n")

    assert [(it.headings, it.text, it.first_line, it.last_line) for it in found] == [
        (("Title",), "First.", 3, 3),
        (("Title", "Part"), "Second\nline.", 7, 8),
        (("Other",), "Third.", 12, 12),
    ]
    assert [it.id for it in found] == ["d1-p1", "d1-p2", "d1-p3"]


def test_paragraphs_under_one_heading_are_one_passage_until_it_is_full() -> None:
    half = "word " * (MAX_PASSAGE // 12)

    found = passages_of(f"# T\n\n{half}\n\n{half}\n\n{half}\n")

    assert [it.text.count("word") for it in found] == [200, 100]
    assert [(it.first_line, it.last_line) for it in found] == [(3, 5), (7, 7)]


def test_a_paragraph_that_is_too_long_is_cut_at_the_end_of_a_sentence() -> None:
    text = "\n".join(f"This is the sentence with the number {n}." for n in range(100))

    found = passages_of(text)

    assert all(len(it.text) <= MAX_PASSAGE for it in found)
    assert all(it.text.endswith(".") for it in found)
    assert "\n".join(it.text for it in found) == text
    assert [it.first_line for it in found[1:]] == [it.last_line + 1 for it in found[:-1]]


def test_text_without_any_place_to_cut_is_cut_all_the_same() -> None:
    found = passages_of("x" * (MAX_PASSAGE * 2 + 1))

    assert [len(it.text) for it in found] == [MAX_PASSAGE, MAX_PASSAGE, 1]


def test_a_heading_inside_code_is_none() -> None:
    found = passages_of("# T\n\n```sh\n# no heading\n\nmake\n```\n\nAfter.\n")

    assert len(found) == 1
    assert found[0].headings == ("T",)
    assert "# no heading" in found[0].text


def test_underlined_headings_are_headings() -> None:
    found = passages_of("Title\n=====\n\nFirst.\n\nPart\n----\nSecond.\n")

    assert [(it.headings, it.text) for it in found] == [
        (("Title",), "First."),
        (("Title", "Part"), "Second."),
    ]


def test_front_matter_is_no_text_and_counts_as_lines() -> None:
    found = passages_of("---\ntitle: x\n---\n# T\n\nText.\n")

    assert [(it.headings, it.first_line) for it in found] == [(("T",), 6)]


def test_plain_text_has_no_headings() -> None:
    found = cut(of_plain_text("# one\ntwo\n\n\nthree"), document="d1")

    assert [(it.headings, it.text, it.lines) for it in found] == [
        ((), "# one\ntwo\n\nthree", "lines 1-5")
    ]


def test_a_page_is_read_without_scripts_menus_and_tags() -> None:
    page = """<!doctype html><html><head><title>T</title><style>p {}</style></head>
<body><nav><a href="/">Home</a></nav>
<h1>Big <em>news</em></h1>
<p>It is <b>so</b> &amp; nothing
else.</p><script>alert("x < y")</script>
<ul><li>One<li>Two</ul><img src="x"><p>Last</p>
<footer>Imprint</footer></body></html>"""

    found = [(it.text, it.level, it.first_line, it.last_line) for it in of_html(page)]

    assert found == [
        ("Big news", 1, 3, 3),
        ("It is so & nothing else.", 0, 4, 5),
        ("One", 0, 6, 6),
        ("Two", 0, 6, 6),
        ("Last", 0, 6, 6),
    ]


@pytest.mark.parametrize(
    "page",
    [
        "<head><title>T</title><body><p>Text</body>",
        "<p>Text<script>never ends",
        "<p>Text</p></div></p>",
        "Text",
    ],
)
def test_a_page_with_faults_is_read_as_far_as_it_goes(page: str) -> None:
    assert [block.text for block in of_html(page)] == ["Text"]


@pytest.mark.parametrize("path", sorted(SAMPLE.glob("*.md")), ids=lambda path: path.name)
def test_every_passage_of_the_sample_stands_on_the_lines_it_names(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()

    passages = cut(of_markdown(text), document="d1")

    assert passages
    for passage in passages:
        named = "\n".join(lines[passage.first_line - 1 : passage.last_line])
        assert passage.text == named


def test_a_corpus_is_the_same_after_it_was_kept() -> None:
    corpus = corpus_of(SAMPLE)

    kept = Corpus.from_bytes(corpus.to_bytes())

    assert kept.documents == corpus.documents
    assert kept.passages == corpus.passages
    assert kept.to_bytes() == corpus.to_bytes()


def test_sentences_are_word_for_word() -> None:
    text = "One is here. Two is\nhere! (Three?) Four\n\n- five\n- six. Seven"

    assert sentences(text) == [
        "One is here.",
        "Two is\nhere!",
        "(Three?)",
        "Four",
        "- five",
        "- six.",
        "Seven",
    ]


def test_marks_are_taken_out_of_a_line() -> None:
    assert plain_text("**A** `b` [c](http://d) ![e](f) _g_ h_i_j") == "A b c e g h_i_j"
