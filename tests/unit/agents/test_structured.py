"""Answers in a form the workflow asked for."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from pydantic import BaseModel, Field
from strands.types.streaming import StreamEvent

from agent.errors import AnswerFormatError
from agent.models.conversation import Conversation, ToolCall, Turn
from agent.models.offline import OfflineModel
from agent.place import FORMAT_PROMPT
from runs.events import EventType
from tests.support.agents import (
    Bench,
    DyingJournal,
    KilledError,
    assert_valid,
    built_with,
    task_for,
)

AGENT = "judge"
#: One of the user, one of the model, the demand, the answer, its acknowledgement.
WRITES = 5


class Verdict(BaseModel):
    """A judge's verdict."""

    score: int = Field(ge=0, le=10)
    why: str


TASK = task_for(AGENT, built_with(), output=Verdict)


def obedient(conversation: Conversation) -> Turn:
    return Turn(calls=[ToolCall("Verdict", {"score": 7, "why": "fine"})])


def talkative(conversation: Conversation) -> Turn:
    if conversation.required_tool:
        return Turn('{"score": 7, "why": "asked twice"}')
    return Turn("I would say seven.")


def test_an_answer_is_given_by_calling_the_tool_of_its_form(bench: Bench) -> None:
    assert bench.converse(TASK, obedient) == {"score": 7, "why": "fine"}
    assert bench.events(EventType.TOOL_CALLED) == []
    assert bench.events(EventType.MODEL_CALLED) == [AGENT]


def test_an_agent_that_answers_in_words_is_asked_for_the_form(bench: Bench) -> None:
    assert bench.converse(TASK, talkative) == {"score": 7, "why": "asked twice"}

    texts = [block.get("text") for m in bench.messages(AGENT) for block in m["content"]]
    assert texts[:3] == ["go", "I would say seven.", FORMAT_PROMPT]
    assert_valid(bench.messages(AGENT))


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("write", range(WRITES))
def test_dying_at_any_write_demands_the_form_once(
    bench: Bench, write: int, *, is_after: bool
) -> None:
    dying = bench.attempt(lambda journal: DyingJournal(journal, write=write, is_after=is_after))
    with pytest.raises(KilledError):
        bench.converse(TASK, talkative, dying)

    assert bench.converse(TASK, talkative) == {"score": 7, "why": "asked twice"}
    assert bench.events(EventType.MODEL_CALLED) == [AGENT] * 2
    assert_valid(bench.messages(AGENT))


def test_an_invalid_answer_is_told_to_the_agent(bench: Bench) -> None:
    def corrects(conversation: Conversation) -> Turn:
        if conversation.turn == 0:
            return Turn(calls=[ToolCall("Verdict", {"score": 11, "why": "great"})])
        assert conversation.answers[-1].is_error
        return Turn(calls=[ToolCall("Verdict", {"score": 10, "why": "great"})])

    assert bench.converse(TASK, corrects) == {"score": 10, "why": "great"}
    assert len(bench.events(EventType.MODEL_CALLED)) == 2


def test_a_playbook_that_does_not_give_the_form_it_owes_is_named(bench: Bench) -> None:
    with pytest.raises(ValueError, match="expected a call of 'Verdict'"):
        bench.converse(TASK, lambda _: Turn("no"))


class TextOnly:
    """A provider that can't be made to call a tool: it answers the demand in text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __call__(self, conversation: Conversation) -> Turn:
        return Turn(self.text if conversation.turn else "Let me think.")


class Unforced(OfflineModel):
    """Ignores the demand for a tool, as Ollama and llama.cpp do."""

    async def stream(self, *args: Any, **kwargs: Any) -> AsyncGenerator[StreamEvent, None]:  # noqa: ANN401 - passed on
        kwargs["tool_choice"] = None
        async for event in super().stream(*args, **kwargs):
            yield event


@pytest.mark.parametrize("text", ["no", "[1]", '{"score": 99, "why": "x"}'])
def test_text_that_is_not_the_form_is_an_error_now_and_after_a_crash(
    bench: Bench, text: str
) -> None:
    model = Unforced(TextOnly(text))
    for _attempt in range(2):
        with pytest.raises(AnswerFormatError, match="in the form of 'Verdict'"):
            bench.converse_with(TASK, model)

    assert len(bench.events(EventType.MODEL_CALLED)) == 2


def test_text_that_is_the_form_is_the_answer(bench: Bench) -> None:
    model = Unforced(TextOnly('{"score": 3, "why": "in text"}'))

    assert bench.converse_with(TASK, model) == {"score": 3, "why": "in text"}
