"""Where a saved conversation stands: answered, or what the agent must be told to go on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError
from strands import Agent
from strands.tools.structured_output.structured_output_tool import StructuredOutputTool
from strands.types.content import ContentBlock, Message

from agent.errors import AnswerFormatError, CutOffError, RefusedError
from agent.gate import Policy
from agent.memory import AgentMemory
from agent.models.conversation import text_of
from agent.questions import Asked
from agent.saved import to_json
from runs.json_types import Json

#: Makes the agent: what it is given (model, memory, hooks, ...) it passes on to `strands.Agent`.
Build = Callable[..., Agent]

#: What an agent is told that owes a structured answer and has finished in words.
FORMAT_PROMPT = "Now give this answer in the structured form you were asked for."

_CUT_OFF = "max_tokens"
#: Reasons to stop with an answer; None where a hook of the agent's own wrote it.
_ANSWERED = frozenset({"end_turn", "stop_sequence", "tool_use", None})


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What an agent is for."""

    name: str
    build: Build
    prompt: str
    #: The form of the answer; None asks for text.
    output: type[BaseModel] | None
    max_turns: int
    #: What to ask about calls of some tools, by their names.
    approve: Mapping[str, Policy] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is there."""

    answer: Json


@dataclass(frozen=True, slots=True)
class Paused:
    """The agent goes on when all of these are answered."""

    asked: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The agent must be invoked, with something said to it or nothing."""

    say: str | list[ContentBlock] | None


def find_place(memory: AgentMemory, task: Task) -> Finished | Unfinished:
    """Look at what is saved, the same way after a crash and in the middle of an attempt.

    Raises:
        CutOffError: The last answer stopped at the model's output limit.
        RefusedError: The last answer is none.
        AnswerFormatError: The structured answer was demanded, and the last answer is not it.
    """
    last = memory.last
    if last is None:
        return Unfinished(task.prompt)
    if last.message["role"] == "user":
        return _after_user(memory, task)
    if memory.unanswered():
        return Unfinished(None)
    if last.stop_reason == _CUT_OFF:
        raise CutOffError(task.name)
    if last.stop_reason not in _ANSWERED:
        raise RefusedError(task.name, stop_reason=str(last.stop_reason))
    if task.output is None:
        return Finished(text_of(last.message))
    is_demanded = len(memory.saved) > 1 and is_demand(memory.saved[-2].message)
    if not is_demanded:
        return Unfinished(FORMAT_PROMPT)
    return Finished(_from_text(text_of(last.message), task.name, task.output))


def is_demand(message: Message) -> bool:
    """Say whether a message demands the structured answer; a person may have added to it."""
    return message["role"] == "user" and message["content"][0].get("text") == FORMAT_PROMPT


def tool_name(output: type[BaseModel]) -> str:
    """Give the name of the tool by which an answer of that form is given."""
    return StructuredOutputTool(output).tool_name


def _after_user(memory: AgentMemory, task: Task) -> Finished | Unfinished:
    """Look for the structured answer among the calls whose results came last."""
    # Words after results: a person has said more since, and the answer is to heed it.
    if task.output is None or len(memory.saved) < 2 or text_of(memory.saved[-1].message):
        return Unfinished(None)
    results = [
        block["toolResult"]
        for block in memory.saved[-1].message["content"]
        if "toolResult" in block
    ]
    valid = {result["toolUseId"] for result in results if result["status"] == "success"}
    for block in memory.saved[-2].message["content"]:
        use = block.get("toolUse")
        if use and use["name"] == tool_name(task.output) and use["toolUseId"] in valid:
            return Finished(to_json(use["input"]))
    return Unfinished(None)


def _from_text(text: str, agent: str, output: type[BaseModel]) -> Json:
    """Read a structured answer that a provider gives as text.

    Raises:
        AnswerFormatError: It is none.
    """
    try:
        value = TypeAdapter(dict[str, JsonValue]).validate_json(text)
        output(**value)
    except ValidationError as error:
        raise AnswerFormatError(agent, output=output.__name__, why=str(error)) from error
    return to_json(value)
