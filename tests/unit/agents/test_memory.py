"""What is written for an agent, when, and how often."""

from typing import Any

import pytest
from strands import ToolContext, tool
from strands.types.content import Message
from strands.types.session import SessionMessage

from agent.errors import InvalidMessageError
from agent.memory import AgentMemory
from agent.models.conversation import Conversation, Playbook, ToolCall, Turn
from agent.saved import ReturnedCall
from runs.events import EventType
from runs.journal.base import MAX_CHANGES, Changes, Journal, ToolStatus
from runs.run import Lease, Usage
from tests.support.agents import (
    SESSION_ID,
    Bench,
    DyingJournal,
    KilledError,
    built_with,
    task_for,
)

AGENT = "keeper"


class Watched:
    """A journal that keeps what is written."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.changes: list[Changes] = []

    def commit(self, lease: Lease, changes: Changes, *, now: Any) -> None:  # noqa: ANN401 - passed on
        self.changes.append(changes)
        self._journal.commit(lease, changes, now=now)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - everything else is the journal's
        return getattr(self._journal, name)


@tool
def look() -> str:
    """Look."""
    return "seen"


def looks_twice(conversation: Conversation) -> Turn:
    return Turn("done") if conversation.turn == 2 else Turn(calls=[ToolCall("look")])


def watch(bench: Bench, build: Any = None) -> list[Changes]:  # noqa: ANN401 - a build
    attempt = bench.attempt(Watched)
    bench.converse(task_for(AGENT, build or built_with(look)), looks_twice, attempt)
    journal = attempt.journal
    assert isinstance(journal, Watched)
    return journal.changes


def test_a_model_call_is_written_in_one_with_its_message_and_its_usage(bench: Bench) -> None:
    answers = [changes for changes in watch(bench) if changes.spent]

    assert len(answers) == 3
    for changes in answers:
        assert [event.type for event in changes.events] == [EventType.MODEL_CALLED]
        assert len(changes.messages) == 1
        assert changes.is_advance


def test_a_tool_cycle_costs_four_writes_and_no_row_of_the_agent(bench: Bench) -> None:
    written = watch(bench)

    assert len(written) == 1 + 2 * 4 + 1
    assert [len(changes.agents) for changes in written] == [1] + [0] * 9


def test_a_change_of_the_agents_state_is_written(bench: Bench) -> None:
    @tool(context=True)
    def look(tool_context: ToolContext) -> str:
        """Look.

        Args:
            tool_context: Who looks.
        """
        tool_context.agent.state.set("seen", tool_context.tool_use["toolUseId"])
        return "seen"

    written = watch(bench, built_with(look))

    assert [len(changes.agents) for changes in written].count(1) == 3
    record: Any = bench.journal.agent(SESSION_ID, AGENT)
    assert record.body["state"] == {"seen": f"{AGENT}-3-0"}


def test_tool_calls_are_named_by_their_place_whatever_the_provider_calls_them(
    bench: Bench,
) -> None:
    bench.converse(task_for(AGENT, built_with(look)), looks_twice)
    other = "other"
    bench.converse(task_for(other, built_with(look)), looks_twice)

    for name in (AGENT, other):
        blocks = [block for message in bench.messages(name) for block in message["content"]]
        ids = [block["toolUse"]["toolUseId"] for block in blocks if "toolUse" in block]
        assert ids == [f"{name}-1-0", f"{name}-3-0"]


def test_the_details_of_a_model_call_are_those_people_ask_for(bench: Bench) -> None:
    watch(bench)

    details = bench.details(EventType.MODEL_CALLED)[0]
    assert details["Model"] == "offline"
    assert details["StopReason"] == "tool_use"
    assert details["CostUsd"] == "0"
    assert details.keys() == {
        "Model",
        "StopReason",
        "InputTokens",
        "OutputTokens",
        "CacheReadTokens",
        "CacheWriteTokens",
        "CostUsd",
        "LatencyMs",
    }
    calls = bench.details(EventType.MODEL_CALLED)
    assert sum(int(str(call["InputTokens"])) for call in calls) == bench.head().usage.input_tokens


def memory_of(bench: Bench) -> AgentMemory:
    memory = AgentMemory(bench.attempt(), AGENT, prompt="go")
    memory.load()
    return memory


def user(text: str, index: int) -> SessionMessage:
    message: Message = {"role": "user", "content": [{"text": text}]}
    return SessionMessage(message=message, message_id=index)


def test_a_price_nobody_knows_is_written_as_unknown(bench: Bench) -> None:
    memory = memory_of(bench)
    call = ReturnedCall(
        model="m",
        stop_reason="end_turn",
        usage=Usage(model_calls=1, input_tokens=5),
        cost_nano_usd=None,
        latency_ms=12,
    )
    memory.note(call)
    memory.create_message(SESSION_ID, AGENT, user("hi", 0))

    details = bench.details(EventType.MODEL_CALLED)[0]
    assert details["CostUsd"] is None
    assert bench.head().usage.cost_nano_usd == 0


def test_a_paid_call_whose_answer_a_hook_threw_away_is_still_counted(bench: Bench) -> None:
    memory = memory_of(bench)
    call = ReturnedCall(
        model="m",
        stop_reason="end_turn",
        usage=Usage(model_calls=1, input_tokens=5),
        cost_nano_usd=None,
        latency_ms=12,
    )
    memory.note(call)
    memory.note(call)
    memory.create_message(SESSION_ID, AGENT, user("hi", 0))

    assert bench.head().usage.model_calls == 2
    assert len(bench.details(EventType.MODEL_CALLED)) == 2


def test_a_message_a_guardrail_redacts_is_redacted_in_the_journal(bench: Bench) -> None:
    memory = memory_of(bench)
    memory.create_message(SESSION_ID, AGENT, user("my card is 4111", 0))
    redacted = user("my card is 4111", 0)
    redacted.redact_message = {"role": "user", "content": [{"text": "[redacted]"}]}

    memory.update_message(SESSION_ID, AGENT, redacted)

    assert bench.messages(AGENT) == [{"role": "user", "content": [{"text": "[redacted]"}]}]
    assert memory.read_message(SESSION_ID, AGENT, 0) is not None
    assert memory.read_message(SESSION_ID, AGENT, 1) is None


def test_an_answer_to_a_call_nobody_made_is_refused_and_so_is_all_after_it(bench: Bench) -> None:
    memory = memory_of(bench)
    stray = user("", 0)
    stray.message = {
        "role": "user",
        "content": [{"toolResult": {"toolUseId": "x", "status": "success", "content": []}}],
    }

    with pytest.raises(InvalidMessageError, match=r"answers tool calls \['x'\], expected \[\]"):
        memory.create_message(SESSION_ID, AGENT, stray)
    with pytest.raises(InvalidMessageError):
        memory.create_message(SESSION_ID, AGENT, user("hi", 0))

    assert bench.messages(AGENT) == []


def test_a_page_of_the_conversation_can_be_read(bench: Bench) -> None:
    bench.converse(task_for(AGENT, built_with(look)), looks_twice)
    memory = memory_of(bench)

    page = memory.list_messages(SESSION_ID, AGENT, limit=2, offset=1)

    assert [message.message_id for message in page] == [1, 2]
    assert memory.model_calls == 3


def looks(calls: int) -> Playbook:
    def playbook(conversation: Conversation) -> Turn:
        return Turn("done") if conversation.turn else Turn(calls=[ToolCall("look")] * calls)

    return playbook


def results_in_ledger(bench: Bench, calls: int) -> list[bool]:
    entries = [bench.journal.tool(SESSION_ID, f"{AGENT}-1-{place}") for place in range(calls)]
    assert all(entry and entry.status is ToolStatus.DONE for entry in entries)
    return [entry is not None and entry.result is not None for entry in entries]


def test_a_result_leaves_the_ledger_in_the_write_that_saves_the_message_with_it(
    bench: Bench,
) -> None:
    dying = bench.attempt(lambda journal: DyingJournal(journal, write=6, is_after=False))
    with pytest.raises(KilledError):
        bench.converse(task_for(AGENT, built_with(look)), looks(2), dying)
    before = results_in_ledger(bench, 2)
    bench.converse(task_for(AGENT, built_with(look)), looks(2))

    assert before == [True, True]
    assert results_in_ledger(bench, 2) == [False, False]
    # In the message they are.
    assert [b["toolResult"]["content"] for b in bench.messages(AGENT)[2]["content"]] == [
        [{"text": "seen"}]
    ] * 2


def test_more_results_than_one_write_may_hold_leave_the_ledger(bench: Bench) -> None:
    calls = MAX_CHANGES + 1
    bench.converse(task_for(AGENT, built_with(look)), looks(calls))

    assert not any(results_in_ledger(bench, calls))
    assert len(bench.messages(AGENT)[2]["content"]) == calls
