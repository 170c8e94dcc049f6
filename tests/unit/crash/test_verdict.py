"""Judging a killed run: what must be the same, and what may differ."""

from collections.abc import Mapping
from typing import Any

import pytest

from crash.compare import Difference
from crash.story import Deed, Story
from crash.verdict import Ending, doubts, judge

TRACE: Mapping[str, Any] = {
    "status": "COMPLETED",
    "result": {"total": 3},
    "artifacts": {"report.md": "abc"},
    "steps": {"load": 1},
    "conversations": {},
    "tools": {"look user-1-0": "success"},
    "attempt": 1,
    "invalid": [],
    "repeated_steps": [],
    "children": [],
    "outside": {},
}


def story(*deeds: tuple[Deed, Mapping[str, Any]]) -> Story:
    return Story(tuple({"deed": deed.value, "at": 0.0, **facts} for deed, facts in deeds))


def born() -> tuple[Deed, Mapping[str, Any]]:
    return Deed.BORN, {}


def asked(message: int) -> tuple[Deed, Mapping[str, Any]]:
    return Deed.ASKED, {"number": 1, "agent": "user", "message": message}


def failed(message: int) -> tuple[Deed, Mapping[str, Any]]:
    return Deed.FAILED, {"number": 1, "agent": "user", "message": message, "parts": 0}


def saved(message: int) -> tuple[Deed, Mapping[str, Any]]:
    return Deed.SAVED, {"agent": "user", "message": message}


def entered(use: str = "user-1-0") -> tuple[Deed, Mapping[str, Any]]:
    return Deed.ENTERED, {"tool_use_id": use, "tool": "look"}


def returned(use: str = "user-1-0") -> tuple[Deed, Mapping[str, Any]]:
    return Deed.RETURNED, {"tool_use_id": use, "tool": "look"}


USUAL = Ending(
    trace=TRACE, story=story(born(), asked(1), saved(1), entered(), returned(), asked(3), saved(3))
)


def killed(*deeds: tuple[Deed, Mapping[str, Any]], **changes: Any) -> Ending:  # noqa: ANN401 - parts of a trace
    return Ending(trace={**TRACE, **changes}, story=story(*deeds))


SURVIVED = (born(), asked(1), saved(1), born(), entered(), returned(), asked(3), saved(3))


def found(ending: Ending, *, kills: int = 1) -> list[Difference]:
    return judge(USUAL, ending, kills=kills)


def test_a_run_that_ended_as_usual_is_fine() -> None:
    assert found(killed(*SURVIVED, attempt=2)) == []


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"status": "FAILED"}, Difference("status", "COMPLETED", "FAILED")),
        ({"result": {"total": 4}}, Difference("result.total", 3, 4)),
        ({"artifacts": {"report.md": "d"}}, Difference("artifacts.report.md", "abc", "d")),
        ({"steps": {"load": 2}}, Difference("steps.load", 1, 2)),
        ({"repeated_steps": ["load"]}, Difference("steps.load", "finished once", "finished again")),
        ({"invalid": ["user: no"]}, Difference("conversations", "valid", "user: no")),
        ({"outside": {"a": 1}}, Difference("outside.a", "(absent)", 1)),
        ({"attempt": 3}, Difference("attempt", "1 to 2", 3)),
        ({"attempt": 0}, Difference("attempt", "1 to 2", 0)),
    ],
)
def test_what_differs_is_told(changes: dict[str, Any], difference: Difference) -> None:
    assert difference in found(killed(*SURVIVED, **changes))


def test_a_call_that_a_worker_died_in_may_be_made_again() -> None:
    lives = (
        born(),
        asked(1),
        born(),
        asked(1),
        saved(1),
        entered(),
        returned(),
        asked(3),
        saved(3),
    )

    assert found(killed(*lives)) == []


def test_a_call_whose_answer_was_kept_may_not_be_made_again() -> None:
    lives = (born(), asked(1), saved(1), born(), asked(1), saved(1), asked(3), saved(3))

    assert Difference("calls.repeated", "none", "message 1 of user") in found(killed(*lives))


def test_a_call_nobody_died_in_may_not_be_made_besides() -> None:
    lives = (*SURVIVED, asked(5), saved(5))

    assert found(killed(*lives)) == [Difference("calls.made", "2 and 0 that a worker died in", 3)]


def test_a_call_that_failed_by_itself_is_made_again() -> None:
    lives = (born(), asked(1), failed(1), *SURVIVED[1:])

    assert found(killed(*lives)) == []


def test_a_tool_that_a_worker_died_in_may_be_entered_again() -> None:
    lives = (born(), asked(1), saved(1), entered(), born(), *SURVIVED[4:])

    assert found(killed(*lives)) == []


def test_a_tool_that_returned_may_not_be_entered_again() -> None:
    lives = (born(), asked(1), saved(1), entered(), returned(), born(), *SURVIVED[4:])

    assert found(killed(*lives)) == [
        Difference("tools.user-1-0", "entered once", "entered 2 times")
    ]


def test_a_tool_that_was_left_to_ask_is_entered_again() -> None:
    paused = (Deed.PAUSED, {"tool_use_id": "user-1-0", "tool": "look"})
    lives = (born(), asked(1), saved(1), entered(), paused, born(), *SURVIVED[4:])

    assert found(killed(*lives)) == []


def test_a_tool_that_was_left_to_ask_is_entered_once_for_the_answer() -> None:
    paused = (Deed.PAUSED, {"tool_use_id": "user-1-0", "tool": "look"})
    lives = (born(), asked(1), saved(1), entered(), paused, entered(), returned(), *SURVIVED[3:])

    assert found(killed(*lives)) == [
        Difference("tools.user-1-0", "entered once", "entered 3 times")
    ]


def test_a_tool_returns_once() -> None:
    tools = {"look user-1-0": "success, success"}

    assert Difference("tools.look user-1-0", "returned once", "returned success, success") in found(
        killed(*SURVIVED, tools=tools)
    )


def test_a_doubt_is_allowed_where_a_worker_died_in_the_tool() -> None:
    lives = (born(), asked(1), saved(1), entered(), born(), asked(3), saved(3))
    doubtful = killed(*lives, tools={"look user-1-0": "in_doubt"}, result={"total": 4})

    assert doubts(doubtful) == ["look user-1-0"]
    assert found(doubtful) == []


def test_a_doubt_is_a_fault_where_no_worker_died_in_the_tool() -> None:
    tools = {"look user-1-0": "in_doubt"}

    assert found(killed(*SURVIVED, tools=tools)) == [
        Difference("tools.look user-1-0", "no doubt: no worker died in it", "in_doubt")
    ]


def test_a_doubt_is_allowed_where_a_worker_died_while_it_entered_the_tool() -> None:
    entering = (Deed.ENTERING, {"tool_use_id": "user-1-0", "tool": "look"})
    lives = (born(), asked(1), saved(1), entering, born(), asked(3), saved(3))

    assert found(killed(*lives, tools={"look user-1-0": "in_doubt"})) == []


def test_a_run_that_is_stuck_says_for_what() -> None:
    lives = (*SURVIVED, (Deed.STUCK, {"what": "it waits for a word"}))

    assert found(killed(*lives)) == [Difference("status", "COMPLETED", "it waits for a word")]


def test_faults_of_children_are_found_too() -> None:
    usual = Ending(trace={**TRACE, "children": [TRACE]}, story=USUAL.story)
    child = {**TRACE, "attempt": 9, "result": None}
    ending = Ending(trace={**TRACE, "children": [child]}, story=story(*SURVIVED))

    differences = judge(usual, ending, kills=1)

    assert [difference.path for difference in differences] == [
        "children[0].attempt",
        "children[0].result",
    ]


def test_faults_the_undisturbed_run_has_are_not_the_kills() -> None:
    usual = Ending(trace={**TRACE, "invalid": ["user: odd"]}, story=USUAL.story)

    assert judge(usual, killed(*SURVIVED, invalid=["user: odd"]), kills=1) == []


def test_what_may_differ_is_left_out() -> None:
    ending = killed(*SURVIVED, result={"total": 4})

    assert judge(USUAL, ending, kills=1, ignore=["result.total"]) == []
