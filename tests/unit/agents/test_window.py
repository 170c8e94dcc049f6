"""Conversations that outgrow the model, and agents with a conversation manager of their own."""

from collections.abc import Callable
from typing import Any

import pytest
from strands import Agent, tool
from strands.agent.conversation_manager import (
    ConversationManager,
    SlidingWindowConversationManager,
    SummarizingConversationManager,
)
from strands.types.exceptions import ContextWindowOverflowException

from agent.effects import effect
from agent.errors import ContextOverflowError
from agent.models.conversation import Conversation, ToolCall, Turn
from agent.place import Task
from runs.events import EventType
from tests.support.agents import (
    Bench,
    DyingJournal,
    KilledError,
    assert_valid,
    built_with,
    task_for,
)

AGENT = "reader"
#: Messages that fit the model; the prompt is pinned by being the system prompt.
FITS = 9
CALLS = 12


@effect(idempotent=True)
@tool
def read(number: int) -> str:
    """Read.

    Args:
        number: Which page.
    """
    return f"page {number}"


def reads(conversation: Conversation) -> Turn:
    if len(conversation.messages) > FITS:
        msg = f"{len(conversation.messages)} messages > {FITS}"
        raise ContextWindowOverflowException(msg)
    if "summar" in (conversation.system_prompt or ""):
        return Turn("Some pages were read.")
    # What was asked is pure of the conversation: the last page that is still in it.
    pages = [int(answer.text.removeprefix("page ")) for answer in conversation.answers]
    last = pages[-1] if pages else -1
    if last + 1 < CALLS:
        return Turn(calls=[ToolCall("read", {"number": last + 1})])
    return Turn(f"read up to {last}")


def managed(manager: Callable[[], ConversationManager]) -> Task:
    def build(**parts: Any) -> Agent:  # noqa: ANN401 - passed on
        return Agent(tools=[read], **{**parts, "conversation_manager": manager()})

    return task_for(AGENT, build)


def window() -> ConversationManager:
    return SlidingWindowConversationManager(window_size=6)


def test_by_default_nothing_is_left_out_and_the_overflow_is_named(bench: Bench) -> None:
    task = task_for(AGENT, built_with(read))

    for _attempt in range(2):
        with pytest.raises(ContextOverflowError, match="11 messages > 9"):
            bench.converse(task, reads)

    assert len(bench.events(EventType.MODEL_CALLED)) == 5
    assert_valid(bench.messages(AGENT))


def test_a_manager_of_the_agents_own_goes_on_with_less(bench: Bench) -> None:
    assert bench.converse(managed(window), reads) == f"read up to {CALLS - 1}"

    # The journal keeps what the model no longer sees.
    assert len(bench.messages(AGENT)) == 2 * CALLS + 2
    assert bench.events(EventType.TOOL_CALLED) == ["read"] * CALLS
    assert_valid(bench.messages(AGENT))


@pytest.mark.parametrize("write", range(14, 4 * CALLS + 2, 5))
def test_a_manager_goes_on_after_a_crash_with_what_it_had_left(bench: Bench, write: int) -> None:
    dying = bench.attempt(lambda journal: DyingJournal(journal, write=write, is_after=True))
    with pytest.raises(KilledError):
        bench.converse(managed(window), reads, dying)

    assert bench.converse(managed(window), reads) == f"read up to {CALLS - 1}"
    assert bench.events(EventType.MODEL_CALLED) == [AGENT] * (CALLS + 1)
    assert_valid(bench.messages(AGENT))


def summary() -> ConversationManager:
    return SummarizingConversationManager(summary_ratio=0.5, preserve_recent_messages=4)


@pytest.mark.parametrize("write", [14, 21, 35])
def test_a_summary_is_kept_for_the_next_attempt(bench: Bench, write: int) -> None:
    dying = bench.attempt(lambda journal: DyingJournal(journal, write=write, is_after=True))
    with pytest.raises(KilledError):
        bench.converse(managed(summary), reads, dying)

    assert bench.converse(managed(summary), reads) == f"read up to {CALLS - 1}"
    assert bench.events(EventType.MODEL_CALLED) == [AGENT] * (CALLS + 1)
    assert_valid(bench.messages(AGENT))
