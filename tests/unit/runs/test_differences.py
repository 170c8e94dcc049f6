from dataclasses import replace
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from runs.approvals import Question
from runs.asked import Approval, ApprovalState, asked
from runs.differences import MAX_LINES, Line, Sort, asked_before, differences
from tests.support.approvals import POST, a_callback
from tests.support.journals import NOW, later

SESSION = "5a1a8a3e-98cf-4ad5-b1f0-6f8d3a1f2c11"
TEXTS = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=12).map("\n".join)


def an_approval(place: str, question: Question = POST, *, at: datetime = NOW) -> Approval:
    return asked(a_callback(SESSION, place), question, session_id=SESSION, now=at)[0]


def denied(approval: Approval, at: datetime) -> Approval:
    return replace(approval, state=ApprovalState.DENIED, decided_at=at)


def test_changed_lines_stand_among_those_around_them() -> None:
    before = "\n".join(f"line {number}" for number in range(12))
    after = before.replace("line 6", "line six")

    assert differences(before, after) == (
        Line(Sort.LEFT_OUT, "3 equal lines"),
        *(Line(Sort.KEPT, f"line {number}") for number in (3, 4, 5)),
        Line(Sort.REMOVED, "line 6"),
        Line(Sort.ADDED, "line six"),
        *(Line(Sort.KEPT, f"line {number}") for number in (7, 8, 9)),
        Line(Sort.LEFT_OUT, "2 equal lines"),
    )


def test_equal_texts_have_no_differences() -> None:
    assert differences("a\nb", "a\nb") == ()


def test_texts_that_are_too_long_are_not_compared() -> None:
    assert differences("\n" * MAX_LINES, "a") is None


@given(before=TEXTS, after=TEXTS)
def test_both_texts_can_be_read_off(before: str, after: str) -> None:
    lines = differences(before, after) or ()

    for text, other in ((before, Sort.ADDED), (after, Sort.REMOVED)):
        count = sum(
            int(line.text.split()[0]) if line.sort is Sort.LEFT_OUT else line.sort is not other
            for line in lines
        )
        assert count == (len(text.split("\n")) if before != after else 0)
    removed = [line.text for line in lines if line.sort is Sort.REMOVED]
    assert all(text in before.split("\n") for text in removed)


def test_what_was_asked_before_is_the_last_that_was_decided_on_the_same_tool() -> None:
    first = denied(an_approval("op-1"), later(5))
    second = denied(an_approval("op-2", at=later(10)), later(15))
    other = denied(an_approval("op-3", replace(POST, tool="delete_post"), at=later(16)), later(17))
    now = an_approval("op-4", at=later(20))

    assert asked_before(now, [first, other, second, now]) == second


def test_what_is_asked_at_the_same_time_was_not_asked_before() -> None:
    still_open = an_approval("op-1")
    decided_later = denied(an_approval("op-2"), later(30))
    now = an_approval("op-3", at=later(20))

    assert asked_before(now, [still_open, decided_later, now]) is None


def test_without_a_tool_the_same_words_are_the_same_question() -> None:
    question = Question(what="publish the report", content="…")
    first = denied(an_approval("op-1", question), later(5))
    again = an_approval("op-2", replace(question, content="better"), at=later(20))
    other = an_approval("op-3", replace(question, what="go on"), at=later(20))

    assert asked_before(again, [first]) == first
    assert asked_before(other, [first]) is None
