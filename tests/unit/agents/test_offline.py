"""The model that needs no network."""

import asyncio
import threading
from typing import Any

import pytest
from pydantic import BaseModel
from strands.types.content import Messages

from agent.models.conversation import Conversation, ToolCall, Turn
from agent.models.offline import CHUNK, OfflineModel

QUESTION: Messages = [{"role": "user", "content": [{"text": "what is 1 + 2?"}]}]
ANSWERED: Messages = [
    *QUESTION,
    {
        "role": "assistant",
        "content": [
            {"text": "adding"},
            {"toolUse": {"toolUseId": "t1", "name": "add", "input": {"a": 1}}},
            {"toolUse": {"toolUseId": "t2", "name": "sub", "input": {}}},
        ],
    },
    {
        "role": "user",
        "content": [
            {"toolResult": {"toolUseId": "t1", "status": "success", "content": [{"text": "[3]"}]}},
            {
                "toolResult": {
                    "toolUseId": "t2",
                    "status": "error",
                    "content": [{"json": {"no": 1}}],
                }
            },
        ],
    },
]


def stream(model: OfflineModel, messages: Messages, **more: Any) -> list[Any]:  # noqa: ANN401 - passed on
    async def collect() -> list[Any]:
        return [event async for event in model.stream(messages, **more)]

    return asyncio.run(collect())


def test_text_streams_in_lines() -> None:
    text = "x" * (2 * CHUNK + 1)

    events = stream(OfflineModel(lambda _: Turn(text)), QUESTION)

    deltas = [e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e]
    assert "".join(deltas) == text
    assert len(deltas) == 3
    assert events[-2] == {"messageStop": {"stopReason": "end_turn"}}


def test_the_same_conversation_is_answered_the_same_way() -> None:
    model = OfflineModel(lambda c: Turn(c.prompt, [ToolCall("add", {"turn": c.turn})]))

    assert stream(model, ANSWERED) == stream(model, ANSWERED)
    uses = [
        event["contentBlockStart"]["start"]["toolUse"]["toolUseId"]
        for event in stream(model, ANSWERED)
        if "toolUse" in event.get("contentBlockStart", {}).get("start", {})
    ]
    assert uses == ["add-1-0"]


def test_usage_is_estimated_from_what_was_read_and_written() -> None:
    short = stream(OfflineModel(lambda _: Turn("yes")), QUESTION)[-1]["metadata"]["usage"]
    long = stream(OfflineModel(lambda _: Turn("yes" * 100)), ANSWERED)[-1]["metadata"]["usage"]

    assert 0 < short["inputTokens"] < long["inputTokens"]
    assert 0 < short["outputTokens"] < long["outputTokens"]
    assert short["totalTokens"] == short["inputTokens"] + short["outputTokens"]


def test_a_set_signal_ends_the_stream() -> None:
    signal = threading.Event()
    signal.set()

    assert stream(OfflineModel(lambda _: Turn("yes")), QUESTION, cancel_signal=signal) == []


def test_it_says_that_it_is_offline() -> None:
    assert OfflineModel(lambda _: Turn()).get_config() == {"model_id": "offline"}


def test_a_conversation_tells_what_tools_gave_back() -> None:
    conversation = Conversation(ANSWERED)

    assert conversation.prompt == "what is 1 + 2?"
    assert conversation.turn == 1
    first, second = conversation.answers
    assert (first.call, first.json(), first.is_error) == (ToolCall("add", {"a": 1}), [3], False)
    assert (second.text, second.is_error) == ('{"no": 1}', True)
    assert conversation.answers_of("sub") == (second,)


def test_an_empty_conversation_has_no_prompt() -> None:
    assert Conversation([]).prompt == ""


class Sum(BaseModel):
    value: int


@pytest.mark.parametrize(
    "turn",
    [Turn(calls=[ToolCall("Sum", {"value": 3})]), Turn('{"value": 3}')],
    ids=["call", "text"],
)
def test_the_deprecated_structured_call_works_too(turn: Turn) -> None:
    async def last() -> Any:  # noqa: ANN401 - an event
        model = OfflineModel(lambda _: turn)
        return [event async for event in model.structured_output(Sum, QUESTION)][-1]

    assert asyncio.run(last()) == {"output": Sum(value=3)}


def test_a_model_that_thinks_gives_way_to_a_cancel() -> None:
    cancel = threading.Event()
    cancel.set()

    model = OfflineModel(lambda _: Turn("late"), think_seconds=600)
    events = stream(model, QUESTION, cancel_signal=cancel)

    assert events == []


def test_a_model_that_thinks_says_how_long_it_took() -> None:
    events = stream(OfflineModel(lambda _: Turn("3"), think_seconds=0.01), QUESTION)

    assert events[-1]["metadata"]["metrics"]["latencyMs"] == 10
