"""Questions, and the answers that callbacks carry."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from runs.approvals import MAX_COMMENT, Decision, Question, Verdict

AT = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)


def test_an_answer_is_read_as_it_was_written() -> None:
    decision = Decision(
        verdict=Verdict.APPROVED, comment="Fine.", content="Edited", by="ada", at=AT, answers="abc"
    )

    assert Decision.from_payload(decision.to_payload()) == decision


@pytest.mark.parametrize(
    "payload",
    [
        {"decision": "approved"},
        '{"decision": "approved"}',
        b'{"decision": "approved", "comment": null, "more": 1}',
    ],
)
def test_an_approval_is_read_whatever_form_it_comes_in(payload: object) -> None:
    assert Decision.from_payload(payload) == Decision(verdict=Verdict.APPROVED)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        "",
        "ok!",
        "approved",
        b"\xff",
        "[" * 100_000,
        ["approved"],
        {},
        {"decision": "Approved"},
        {"decision": True},
        {"decision": ["approved"]},
        {"decision": "approved", "content": 7},
        {"decision": "approved", "comment": {"text": "Fine."}},
        {"decision": "approved", "at": "yesterday"},
    ],
)
def test_whatever_can_not_be_read_is_no_approval_and_says_why(payload: object) -> None:
    decision = Decision.from_payload(payload)

    assert decision.verdict is Verdict.DENIED
    assert decision.comment.startswith("the answer is ")
    assert len(decision.comment) < 400


def test_a_long_comment_is_cut() -> None:
    payload = json.dumps({"decision": "denied", "comment": "x" * (MAX_COMMENT + 1)})

    assert len(Decision.from_payload(payload).comment) == MAX_COMMENT


def test_the_hash_is_of_all_that_is_shown_and_of_nothing_else() -> None:
    asked = Question(what="publish", content="Hello", tool="publish_post", arguments={"a": 1})
    same = Question(
        what="publish",
        content="Hello",
        tool="publish_post",
        arguments={"a": 1},
        expires_in=timedelta(hours=1),
        may_decide=("ada",),
    )
    others = [
        Question(what="delete", content="Hello", tool="publish_post", arguments={"a": 1}),
        Question(what="publish", content="Hallo", tool="publish_post", arguments={"a": 1}),
        Question(what="publish", content="Hello", tool="delete_post", arguments={"a": 1}),
        Question(what="publish", content="Hello", tool="publish_post", arguments={"a": 2}),
        Question(what="publish", content="Hello \ud800", tool="publish_post", arguments={"a": 1}),
    ]

    assert same.hash == asked.hash
    assert len({question.hash for question in (asked, *others)}) == 6


def test_the_order_of_arguments_does_not_count() -> None:
    one = Question(what="publish", arguments={"a": 1, "b": 2})
    other = Question(what="publish", arguments={"b": 2, "a": 1})

    assert one.hash == other.hash


def test_an_approval_of_other_words_is_no_approval() -> None:
    asked = Question(what="publish", content="Hello")
    other = Question(what="publish", content="Buy!")
    given = Decision(verdict=Verdict.APPROVED, answers=other.hash)

    assert given.about(other) == given
    assert not given.about(asked).is_approved


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"what": " "}, "what is ' ', expected the question in a line"),
        ({"what": "x", "quorum": 0}, "quorum is 0, expected at least 1"),
        (
            {"what": "x", "expires_in": timedelta(milliseconds=10)},
            "expires_in is 0:00:00.010000, expected a second or more",
        ),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(parts: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Question(**parts)  # type: ignore[arg-type] # as a careless caller gives them


@pytest.mark.parametrize(
    "question",
    [
        Question(what="publish"),
        Question(
            what="publish",
            content="Hello",
            tool="publish_post",
            arguments={"content": "Hello"},
            edits="content",
            expires_in=timedelta(hours=1.5),
            remind_before=(timedelta(minutes=5), timedelta(seconds=30)),
            may_decide=("ada", "role:editor"),
            quorum=2,
        ),
    ],
)
def test_a_question_is_read_as_it_was_written(question: Question) -> None:
    assert Question.from_json(json.loads(json.dumps(question.to_json()))) == question
