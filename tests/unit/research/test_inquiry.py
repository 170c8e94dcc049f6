"""What a run's input may say, and what it may not."""

import json
from pathlib import Path

import pytest

from agent.workflows.research.errors import CorpusTooLargeError, InquiryError
from agent.workflows.research.inquiry import MAX_INPUT_BYTES, SAMPLE, Inquiry
from agent.workflows.research.topics import MAX_TOPICS, listed, tidy


@pytest.mark.parametrize("given", [None, "", " ", "sample", "{}", '{"corpus": "sample"}'])
def test_without_a_corpus_the_sample_is_read(given: str | None) -> None:
    assert Inquiry.from_input(given) == Inquiry(corpus=(str(SAMPLE),))


@pytest.mark.parametrize("given", ["notes", "/notes/a.md", "s3://bucket/x", "a b.md"])
def test_a_path_is_the_corpus(given: str) -> None:
    assert Inquiry.from_input(given).corpus == (given,)


def test_addresses_are_a_list() -> None:
    found = Inquiry.from_input("https://a.example/x  http://b.example")

    assert found.corpus == ("https://a.example/x", "http://b.example")


def test_an_object_says_all(tmp_path: Path) -> None:
    data = {
        "corpus": ["notes", "https://a.example"],
        "topics": ["one", "two"],
        "review": True,
        "review_hours": 2,
    }
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(data))

    in_file = Inquiry.from_input(str(path))
    in_line = Inquiry.from_input(json.dumps(data))

    assert in_line == Inquiry(
        corpus=("notes", "https://a.example"),
        topics=("one", "two"),
        is_reviewed=True,
        review_hours=2,
    )
    assert in_file.corpus == (str(tmp_path / "notes"), "https://a.example")
    assert Inquiry.from_json(json.loads(json.dumps(in_file.to_json()))) == in_file


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{", "input is no JSON"),
        ('{"folder": "x"}', "input: folder is unknown, expected one of: corpus, review"),
        ('{"corpus": 3}', "input: corpus is 3, expected a list of texts"),
        ('{"corpus": ["a", ""]}', r"input: corpus is \['a', ''\], expected a list of texts"),
        ('{"topics": "one"}', "input: topics is 'one', expected a list of texts"),
        ('{"review": "yes"}', "input: review is 'yes', expected true or false"),
        ('{"review_hours": 0}', "input: review_hours is 0, expected more than 0"),
        ('{"review_hours": true}', "input: review_hours is True, expected more than 0"),
    ],
)
def test_what_can_not_be_understood_is_named_with_its_value(given: str, message: str) -> None:
    with pytest.raises(InquiryError, match=message):
        Inquiry.from_input(given)


def test_a_file_that_holds_a_list_is_no_inquiry(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("[1]")

    with pytest.raises(InquiryError, match=r"input is \[1\], expected an object"):
        Inquiry.from_input(str(path))


def test_a_file_that_is_a_book_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(b" " * (MAX_INPUT_BYTES + 1))

    with pytest.raises(CorpusTooLargeError, match="262,145 bytes, expected at most 262,144"):
        Inquiry.from_input(str(path))


def test_topics_are_those_a_question_lists() -> None:
    question = "What about:\n- lamps\n 2) the keepers \n* lamps\nand so on?"

    assert listed(question) == ("lamps", "the keepers")


@pytest.mark.parametrize("question", ["What is it?", "- One alone?", "Is 3. a number?", ""])
def test_a_question_that_lists_nothing_has_no_topics(question: str) -> None:
    assert listed(question) == ()


def test_topics_are_few_short_and_told_apart() -> None:
    many = ["A  b", "a B", "", " ", "x" * 999, *(f"t{n}" for n in range(20))]

    found = tidy(many)

    assert found[:2] == ("A b", "x" * 200)
    assert len(found) == MAX_TOPICS
