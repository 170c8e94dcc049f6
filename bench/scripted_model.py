"""A model that answers at once by a script, and notes when it was called.

It costs next to nothing and yet answers as providers do, in a stream of events: what a conversation
with it takes is what surrounds a model. It does not look at the conversation, unlike the offline
model, which reads all of it for its estimate of tokens.
"""

import json
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

from pydantic import BaseModel
from strands import tool
from strands.models import Model
from strands.types.content import ContentBlockStartToolUse, Messages
from strands.types.streaming import StreamEvent
from strands.types.tools import ToolSpec

#: What the model says beside each call of the tool, and what the tool gives: a message of each
#: kind is as long in every cycle.
_WORDS = "Before I can say more about this, I will have one more look at what there is to see. " * 2
_SIGHT = "There is nothing here that was not here when you last had a look at it, and yet. " * 6


@tool
def look(number: int) -> str:
    """Look once more.

    Args:
        number: Which look it is.
    """
    return f"{number:04}: {_SIGHT}"


class ScriptedModel(Model):
    """Asks for `look` a number of times, and then answers in words."""

    def __init__(self, looks: int, *, on_call: Callable[[int], object] | None = None) -> None:
        self._looks = looks
        self._on_call = on_call
        #: When each call came, in seconds.
        self.called: list[float] = []

    def update_config(self, **model_config: Any) -> None:  # noqa: ANN401 - the port's signature
        """See `strands.models.Model.update_config`: there is nothing to configure."""

    def get_config(self) -> dict[str, Any]:
        """See `strands.models.Model.get_config`."""
        return {"model_id": "scripted"}

    def structured_output(
        self,
        output_model: type[BaseModel],
        prompt: Messages,
        system_prompt: str | None = None,
        **_: Any,  # noqa: ANN401 - the port's signature
    ) -> AsyncGenerator[dict[str, Any], None]:
        """See `strands.models.Model.structured_output`; a script has no such answer."""
        msg = f"asked for {output_model.__name__}, expected nobody to ask for a form"
        raise NotImplementedError(msg)

    async def stream(
        self,
        messages: Messages,
        tool_specs: list[ToolSpec] | None = None,
        system_prompt: str | None = None,
        **_: Any,  # noqa: ANN401 - the port's signature
    ) -> AsyncGenerator[StreamEvent, None]:
        """See `strands.models.Model.stream`."""
        self.called.append(time.perf_counter())
        number = len(self.called)
        if self._on_call is not None:
            self._on_call(number)
        yield {"messageStart": {"role": "assistant"}}
        yield {"contentBlockStart": {"start": {}}}
        yield {"contentBlockDelta": {"delta": {"text": _WORDS}}}
        yield {"contentBlockStop": {}}
        is_last = number > self._looks
        if not is_last:
            asked: ContentBlockStartToolUse = {
                "toolUseId": f"look-{number}",
                "name": look.tool_name,
            }
            given = json.dumps({"number": number})
            yield {"contentBlockStart": {"start": {"toolUse": asked}}}
            yield {"contentBlockDelta": {"delta": {"toolUse": {"input": given}}}}
            yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn" if is_last else "tool_use"}}
        yield {
            "metadata": {
                "usage": {"inputTokens": 1000, "outputTokens": 50, "totalTokens": 1050},
                "metrics": {"latencyMs": 0},
            }
        }
