"""What an offline agent's playbook reads and answers: a conversation, and one turn of it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from strands.types.content import Message
from strands.types.tools import ToolResult

from runs.json_types import Json


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool the agent wants to be called, with its input."""

    name: str
    input: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer: text, calls, or both. A turn without calls ends the conversation."""

    text: str = ""
    calls: Sequence[ToolCall] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool gave back."""

    call: ToolCall
    text: str
    is_error: bool

    def json(self) -> Json:
        """Read the text as JSON.

        Raises:
            ValueError: The text is not JSON.
        """
        value: Json = json.loads(self.text)
        return value


@dataclass(frozen=True)
class Conversation:
    """A conversation so far, as a model is given it."""

    messages: Sequence[Message]
    system_prompt: str | None = None
    #: Names of the tools that may be called.
    tools: frozenset[str] = frozenset()
    #: The one tool that must be called now: the agent owes a structured answer of that name.
    required_tool: str | None = None

    @property
    def turn(self) -> int:
        """Count the answers given so far: 0 on the first."""
        return sum(message["role"] == "assistant" for message in self.messages)

    @cached_property
    def prompt(self) -> str:
        """Give the text the conversation began with, without what a person added to it."""
        first = self.messages[0]["content"] if self.messages else []
        return first[0].get("text", "") if first else ""

    @cached_property
    def answers(self) -> tuple[Answer, ...]:
        """Give what tools gave back, in the order they were called."""
        calls: dict[str, ToolCall] = {}
        answers: list[Answer] = []
        for block in (block for message in self.messages for block in message["content"]):
            if "toolUse" in block:
                use = block["toolUse"]
                calls[use["toolUseId"]] = ToolCall(use["name"], use["input"])
            elif "toolResult" in block:
                result = block["toolResult"]
                answers.append(_answer(calls[result["toolUseId"]], result))
        return tuple(answers)

    def answers_of(self, tool: str) -> tuple[Answer, ...]:
        """Give what one tool gave back, first call first."""
        return tuple(answer for answer in self.answers if answer.call.name == tool)


#: What an agent says when no language model is there: a pure function, so that a conversation
#: that is taken up again after a crash goes on as it would have.
Playbook = Callable[[Conversation], Turn]


def text_of(message: Message) -> str:
    """Join a message's text blocks, one a line."""
    return "\n".join(block["text"] for block in message["content"] if "text" in block)


def _answer(call: ToolCall, result: ToolResult) -> Answer:
    parts = [
        block["text"] if "text" in block else json.dumps(block.get("json"), ensure_ascii=False)
        for block in result["content"]
    ]
    return Answer(call, "\n".join(parts), is_error=result["status"] == "error")
