"""A model provider that plays a recording: the answers another run got to the same questions.

It is for repeating a run without a model: crash tests, demonstrations, tests of a workflow.
"""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from strands.models import Model
from strands.types.content import Message, Messages
from strands.types.streaming import StreamEvent
from strands.types.tools import ToolSpec

from agent.errors import UnrecordedError
from agent.models.loaded import LoadedModel
from agent.models.pricing import FREE
from agent.models.recording import RecordedAnswer, Recording, hash_of, hash_of_way
from agent.models.select import ModelChoice

MODEL_ID = "recorded"
#: How much text one chunk of the stream carries.
CHUNK = 80
#: Characters of a message that an error quotes.
_QUOTED = 200


class RecordedModel(Model):
    """Answers one agent with what is recorded for the conversation so far.

    A conversation is the recorded one if its words are; else if all but the words of tools are,
    whose results may hold times, ids and paths of their run.
    """

    def __init__(self, recording: Recording, *, agent: str, path: Path) -> None:
        self._agent = agent
        self._path = path
        answers = [answer for answer in recording.answers if answer.agent == agent]
        self._by_words = {answer.asked: answer for answer in answers}
        self._by_way = {answer.way: answer for answer in reversed(answers)}
        # Strands reads this attribute for its trace spans.
        self.config: dict[str, Any] = {"model_id": MODEL_ID}

    def update_config(self, **model_config: Any) -> None:  # noqa: ANN401 - the port's signature
        """See `strands.models.Model.update_config`."""
        self.config.update(model_config)

    def get_config(self) -> dict[str, Any]:
        """See `strands.models.Model.get_config`."""
        return self.config

    async def structured_output(
        self,
        output_model: type[BaseModel],
        prompt: Messages,
        system_prompt: str | None = None,
        **_: Any,  # noqa: ANN401 - the port's signature
    ) -> AsyncGenerator[dict[str, Any], None]:
        """See `strands.models.Model.structured_output`; kept for the deprecated agent call."""
        for block in self._find(prompt).content:
            use = block.get("toolUse")
            if use and use["name"] == output_model.__name__:
                yield {"output": output_model.model_validate(use["input"])}

    async def stream(
        self,
        messages: Messages,
        tool_specs: list[ToolSpec] | None = None,
        system_prompt: str | None = None,
        *,
        cancel_signal: threading.Event | None = None,
        **_: Any,  # noqa: ANN401 - the port's signature
    ) -> AsyncGenerator[StreamEvent, None]:
        """See `strands.models.Model.stream`.

        Raises:
            UnrecordedError: The recording has no answer to that.
        """
        for event in _events(self._find(messages)):
            if cancel_signal is not None and cancel_signal.is_set():
                return
            yield event
            # Other tasks of the loop, such as the one that watches for a cancel, get their turn.
            await asyncio.sleep(0)

    def _find(self, messages: Messages) -> RecordedAnswer:
        answer = self._by_words.get(hash_of(messages)) or self._by_way.get(hash_of_way(messages))
        if answer is None:
            known = self._known(messages)
            new = _quoted(messages[known]) if known < len(messages) else "nothing"
            raise UnrecordedError(self._agent, path=self._path, known=known, new=new)
        return answer

    def _known(self, messages: Messages) -> int:
        """Count the messages up to the last answer that was recorded, and that answer."""
        for count in range(len(messages) - 1, 0, -1):
            answer = self._by_way.get(hash_of_way(messages[:count]))
            said: Message = {"role": "assistant", "content": answer.content if answer else []}
            if hash_of([said]) == hash_of([messages[count]]):
                return count + 1
        return 0


def load(choice: ModelChoice, *, agent: str) -> LoadedModel:
    """Build the model of one agent.

    Raises:
        RecordingError: The file can't be read, or is no recording.
    """
    path = Path(choice.model_id or "")
    model = RecordedModel(Recording.load(path), agent=agent, path=path)
    return LoadedModel(model=model, rates=FREE)


def _events(answer: RecordedAnswer) -> Iterator[StreamEvent]:
    yield {"messageStart": {"role": "assistant"}}
    for block in answer.content:
        yield from _block_events(block)
    yield {"messageStop": {"stopReason": answer.stop_reason}}  # type: ignore[typeddict-item] # as a provider gave it
    yield {
        "metadata": {
            "usage": {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0, **answer.usage},  # type: ignore[typeddict-item] # as a provider gave it
            "metrics": {"latencyMs": 0},
        }
    }


def _block_events(block: Mapping[str, Any]) -> Iterator[StreamEvent]:
    use = block.get("toolUse")
    if use:
        start: Any = {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"]}}
        deltas: list[Any] = [{"toolUse": {"input": json.dumps(use["input"])}}]
    else:
        start = {}
        deltas = [{"text": text} for text in _chunks(block.get("text", ""))]
        deltas += [{"reasoningContent": each} for each in _reasoning(block)]
    yield {"contentBlockStart": {"start": start}}
    for delta in deltas:
        yield {"contentBlockDelta": {"delta": delta}}
    yield {"contentBlockStop": {}}


def _reasoning(block: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    thought = block.get("reasoningContent", {})
    text = thought.get("reasoningText", {})
    yield from ({"text": part} for part in _chunks(text.get("text", "")))
    if "signature" in text:
        yield {"signature": text["signature"]}
    if "redactedContent" in thought:
        yield {"redactedContent": thought["redactedContent"]}


def _chunks(text: str) -> Iterator[str]:
    return (text[at : at + CHUNK] for at in range(0, len(text), CHUNK))


def _quoted(message: Message) -> str:
    text = json.dumps(message["content"], ensure_ascii=False, default=str)
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"
