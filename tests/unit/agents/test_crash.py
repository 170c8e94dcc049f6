"""A worker dies at each of an agent's writes; the next attempt goes on as if nothing had been."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from strands import tool

from agent.effects import effect
from agent.models.conversation import Conversation, ToolCall, Turn
from agent.place import Task
from runs.events import EventType
from runs.json_types import Json
from tests.support.agents import (
    SESSION_ID,
    Bench,
    DyingJournal,
    KilledError,
    assert_valid,
    built_with,
    in_doubt,
    task_for,
)

AGENT = "clerk"
#: Writes of the undisturbed run below: 4 of the user, 4 of the model, 2 for each of 4 tool calls.
WRITES = 16


class Report(BaseModel):
    total: int


class Office:
    """An agent's tools, which count how often they are entered."""

    def __init__(self) -> None:
        self.entered: list[str] = []

    def tools(self) -> list[object]:
        @effect(idempotent=True)
        @tool
        def count(what: str) -> int:
            """Count.

            Args:
                what: What to count.
            """
            self.entered.append(what)
            return len(what)

        @tool
        def pay(amount: int) -> str:
            """Pay.

            Args:
                amount: How much.
            """
            self.entered.append(f"pay {amount}")
            return f"paid {amount}"

        return [count, pay]


def clerk(conversation: Conversation) -> Turn:
    match conversation.turn:
        case 0:
            return Turn("Counting.", [ToolCall("count", {"what": w}) for w in ("ab", "cde")])
        case 1:
            return Turn(calls=[ToolCall("count", {"what": "fghi"})])
        case 2:
            return Turn(calls=[ToolCall("pay", {"amount": 9})])
        case _ if "Report" in conversation.tools:
            counted = [int(answer.text) for answer in conversation.answers_of("count")]
            return Turn(calls=[ToolCall("Report", {"total": sum(counted)})])
        case _:
            return Turn(", ".join(answer.text for answer in conversation.answers))


def task_of(office: Office, **more: Any) -> Task:  # noqa: ANN401 - the task's fields
    return task_for(AGENT, built_with(*office.tools()), **more)


def survive(
    folder: Path, *, write: int, is_after: bool, **more: type[BaseModel]
) -> tuple[Bench, Office, Json, int]:
    """Die at one write and go on; give also how many tool calls the death left in doubt."""
    bench, office = Bench(folder), Office()
    dying = bench.attempt(lambda journal: DyingJournal(journal, write=write, is_after=is_after))
    with pytest.raises(KilledError):
        bench.converse(task_of(office, **more), clerk, dying)
    doubts = in_doubt(bench.journal, bench.messages(AGENT))
    return bench, office, bench.converse(task_of(office, **more), clerk), doubts


def moments(writes: int) -> list[tuple[int, bool]]:
    return [(write, is_after) for write in range(writes) for is_after in (False, True)]


def test_an_undisturbed_run_makes_as_many_writes_as_the_others_die_at(bench: Bench) -> None:
    office = Office()
    last = bench.attempt(lambda journal: DyingJournal(journal, write=WRITES, is_after=False))

    assert bench.converse(task_of(office), clerk, last) == "2, 3, 4, paid 9"
    with pytest.raises(KilledError):
        bench.converse(task_for("other", built_with()), clerk, last)


@pytest.mark.parametrize(("write", "is_after"), moments(WRITES))
def test_dying_at_a_write_repeats_no_saved_call(
    tmp_path: Path, write: int, *, is_after: bool
) -> None:
    bench, office, answer, doubts = survive(tmp_path, write=write, is_after=is_after)

    paid = bench.events(EventType.MODEL_CALLED)
    tools = bench.events(EventType.TOOL_CALLED)
    was_in_doubt = "Nobody knows" in str(answer)
    assert was_in_doubt or answer == "2, 3, 4, paid 9"
    assert paid == [AGENT] * 4
    assert bench.head().usage.model_calls == 4
    # What was in doubt is entered once more if it is harmless, and `pay` is not.
    assert tools.count("pay") == 1
    assert tools.count("count") == 3 + doubts - was_in_doubt
    assert office.entered.count("pay 9") <= 1
    assert_valid(bench.messages(AGENT))
    assert len(bench.messages(AGENT)) == 8


@pytest.mark.parametrize(("write", "is_after"), moments(WRITES + 1))
def test_dying_at_a_write_changes_no_structured_answer(
    tmp_path: Path, write: int, *, is_after: bool
) -> None:
    bench, _, answer, _ = survive(tmp_path, write=write, is_after=is_after, output=Report)

    assert answer == {"total": 9}
    assert bench.events(EventType.MODEL_CALLED) == [AGENT] * 4
    assert_valid(bench.messages(AGENT))


def test_usage_after_a_crash_is_that_of_an_undisturbed_run(tmp_path: Path) -> None:
    calm = Bench(tmp_path / "calm")
    calm.converse(task_of(Office()), clerk)

    bench, *_ = survive(tmp_path / "crash", write=5, is_after=True)

    assert bench.head().usage == calm.head().usage


def test_an_agent_whose_workers_die_after_four_writes_each_comes_to_its_end(
    bench: Bench,
) -> None:
    office = Office()
    for _ in range(WRITES // 4):
        dying = bench.attempt(lambda journal: DyingJournal(journal, write=3, is_after=True))
        with pytest.raises(KilledError):
            bench.converse(task_of(office), clerk, dying)

    assert bench.converse(task_of(office), clerk) == "2, 3, 4, paid 9"
    assert bench.events(EventType.MODEL_CALLED) == [AGENT] * 4
    assert bench.head().lost_attempts == 0


def test_a_call_whose_answer_was_not_saved_is_made_again(bench: Bench) -> None:
    calls: list[int] = []

    def counting(conversation: Conversation) -> Turn:
        calls.append(conversation.turn)
        return clerk(conversation)

    dying = bench.attempt(lambda journal: DyingJournal(journal, write=1, is_after=False))
    with pytest.raises(KilledError):
        bench.converse(task_of(Office()), counting, dying)
    bench.converse(task_of(Office()), counting)

    assert calls == [0, 0, 1, 2, 3]


def test_a_finished_agent_needs_no_call_and_no_agent(bench: Bench) -> None:
    bench.converse(task_of(Office()), clerk)

    def refuse(_: Conversation) -> Turn:
        raise AssertionError

    assert bench.converse(task_of(Office()), refuse) == "2, 3, 4, paid 9"


def test_dying_inside_the_model_repeats_that_call_only(bench: Bench) -> None:
    turns: list[int] = []

    def dies_once(conversation: Conversation) -> Turn:
        turns.append(conversation.turn)
        if turns == [0, 1]:
            raise KilledError
        return clerk(conversation)

    with pytest.raises(KilledError):
        bench.converse(task_of(Office()), dies_once)

    assert bench.converse(task_of(Office()), dies_once) == "2, 3, 4, paid 9"
    assert turns == [0, 1, 1, 2, 3]


def test_messages_say_what_was_saved_for_the_next_attempt(bench: Bench) -> None:
    bench.converse(task_of(Office()), clerk)

    bodies: list[Any] = [saved.body for saved in bench.journal.messages(SESSION_ID, AGENT)]

    assert [body["stop_reason"] for body in bodies] == [
        *(None, "tool_use") * 3,
        None,
        "end_turn",
    ]
