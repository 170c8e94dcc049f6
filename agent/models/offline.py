"""A model provider that needs no network: an agent's answers come from its own playbook.

It is for trying things out, demonstrations and tests. It calls the agent's real tools and writes
its text from their real results, and it never passes itself off as a language model: its model id
is `offline`, and what it reports as tokens is an estimate.
"""

import asyncio
import json
import math
import threading
import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from strands.models import Model
from strands.types.content import Messages
from strands.types.streaming import StreamEvent
from strands.types.tools import ToolChoice, ToolSpec

from agent.models.conversation import Conversation, Playbook, ToolCall, Turn
from agent.models.stopping import POLL_SECONDS

__all__ = ["Conversation", "OfflineModel", "Playbook", "ToolCall", "Turn"]

MODEL_ID = "offline"
#: The estimate that stands for token counts: so many characters of JSON count as one token.
CHARACTERS_PER_TOKEN = 4
#: How much text one chunk of the stream carries: about a line, so that live views move.
CHUNK = 80


class OfflineModel(Model):
    """Answers by a playbook, in the stream of events a real provider gives."""

    def __init__(self, playbook: Playbook, *, think_seconds: float = 0.0) -> None:
        self._playbook = playbook
        #: How long an answer takes to begin: a real one gives time to watch, cancel and crash.
        self._think_seconds = think_seconds
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
        name = output_model.__name__
        conversation = Conversation(prompt, system_prompt, frozenset({name}), required_tool=name)
        call = _required(self._playbook(conversation), name)
        yield {"output": output_model.model_validate(call.input)}

    async def stream(
        self,
        messages: Messages,
        tool_specs: list[ToolSpec] | None = None,
        system_prompt: str | None = None,
        *,
        tool_choice: ToolChoice | None = None,
        cancel_signal: threading.Event | None = None,
        **_: Any,  # noqa: ANN401 - the port's signature
    ) -> AsyncGenerator[StreamEvent, None]:
        """See `strands.models.Model.stream`."""
        specs = tool_specs or []
        conversation = Conversation(
            messages,
            system_prompt,
            frozenset(spec["name"] for spec in specs),
            required_tool=_forced(tool_choice),
        )
        await self._think(cancel_signal)
        turn = self._playbook(conversation)
        if conversation.required_tool:
            turn = Turn(calls=[_required(turn, conversation.required_tool)])
        for event in _events(turn, conversation.turn):
            if cancel_signal is not None and cancel_signal.is_set():
                return
            yield event
            # Other tasks of the loop, such as the one that watches for a cancel, get their turn.
            await asyncio.sleep(0)
        yield _metadata([messages, specs, system_prompt], turn, self._think_seconds)

    async def _think(self, cancel_signal: threading.Event | None) -> None:
        """Take the time an answer takes, or give way to a cancel."""
        done_at = time.monotonic() + self._think_seconds
        while (left := done_at - time.monotonic()) > 0:
            if cancel_signal is not None and cancel_signal.is_set():
                return
            await asyncio.sleep(min(left, POLL_SECONDS))


def _forced(choice: ToolChoice | None) -> str | None:
    match choice:
        case {"tool": {"name": str(name)}}:
            return name
        case _:
            return None


def _required(turn: Turn, name: str) -> ToolCall:
    """Find the structured answer in a turn that owes one: a call of its name, or JSON text."""
    for call in turn.calls:
        if call.name == name:
            return call
    try:
        value = json.loads(turn.text)
    except ValueError:
        value = None
    if isinstance(value, Mapping):
        return ToolCall(name, value)
    msg = f"the playbook answered {turn!r}, expected a call of {name!r} or its input as JSON text"
    raise ValueError(msg)


def _events(turn: Turn, number: int) -> Iterator[StreamEvent]:
    yield {"messageStart": {"role": "assistant"}}
    if turn.text:
        yield {"contentBlockStart": {"start": {}}}
        for at in range(0, len(turn.text), CHUNK):
            yield {"contentBlockDelta": {"delta": {"text": turn.text[at : at + CHUNK]}}}
        yield {"contentBlockStop": {}}
    for position, call in enumerate(turn.calls):
        # Counted, not random: a call that is repeated after a crash asks for the same things.
        tool_use_id = f"{call.name}-{number}-{position}"
        yield {
            "contentBlockStart": {
                "start": {"toolUse": {"toolUseId": tool_use_id, "name": call.name}}
            }
        }
        yield {"contentBlockDelta": {"delta": {"toolUse": {"input": json.dumps(call.input)}}}}
        yield {"contentBlockStop": {}}
    yield {"messageStop": {"stopReason": "tool_use" if turn.calls else "end_turn"}}


def _metadata(read: object, turn: Turn, seconds: float) -> StreamEvent:
    read_tokens = _tokens(read)
    written_tokens = _tokens([turn.text, [[call.name, call.input] for call in turn.calls]])
    return {
        "metadata": {
            "usage": {
                "inputTokens": read_tokens,
                "outputTokens": written_tokens,
                "totalTokens": read_tokens + written_tokens,
            },
            "metrics": {"latencyMs": int(seconds * 1000)},
        }
    }


def _tokens(value: object) -> int:
    return math.ceil(len(json.dumps(value, ensure_ascii=False, default=str)) / CHARACTERS_PER_TOKEN)
