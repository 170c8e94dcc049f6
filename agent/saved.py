"""Messages and model calls of an agent, in the shape the journal keeps them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from strands.types.content import Message as StrandsMessage
from strands.types.session import SessionMessage, encode_bytes_values

from runs.journal.base import Message
from runs.json_types import Json
from runs.run import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedCall:
    """A model call that returned, and what it used."""

    model: str
    stop_reason: str
    usage: Usage
    #: In billionths of a dollar; None where no price is known.
    cost_nano_usd: int | None
    latency_ms: int

    def to_details(self) -> dict[str, Json]:
        """Give the details of the `ModelCalled` event."""
        nano = self.cost_nano_usd
        return {
            "Model": self.model,
            "StopReason": self.stop_reason,
            "InputTokens": self.usage.input_tokens,
            "OutputTokens": self.usage.output_tokens,
            "CacheReadTokens": self.usage.cache_read_tokens,
            "CacheWriteTokens": self.usage.cache_write_tokens,
            "CostUsd": None if nano is None else f"{Decimal(nano).scaleb(-9).normalize():f}",
            "LatencyMs": self.latency_ms,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A message of a conversation, as it is in the journal."""

    message: StrandsMessage
    #: Why the model stopped; None for messages no model wrote.
    stop_reason: str | None

    @classmethod
    def from_message(cls, message: Message) -> "Saved":
        """Read a message of the journal."""
        body = cast("Mapping[str, Any]", message.body)
        loaded = SessionMessage.from_dict({"message": body["message"], "message_id": message.index})
        return cls(message=loaded.message, stop_reason=body["stop_reason"])

    def to_body(self) -> Json:
        """Give what the journal keeps."""
        return {"message": to_json(self.message), "stop_reason": self.stop_reason}

    def asked(self) -> list[str]:
        """Name the tool calls the message asks for."""
        uses = [block["toolUse"] for block in self.message["content"] if "toolUse" in block]
        return [use["toolUseId"] for use in uses]

    def answered(self) -> list[str]:
        """Name the tool calls the message answers."""
        blocks = self.message["content"]
        results = [block["toolResult"] for block in blocks if "toolResult" in block]
        return [result["toolUseId"] for result in results]


def to_json(value: object) -> Json:
    """Give a value of Strands as JSON: bytes in base64, and what JSON has no word for as text."""
    data: Json = json.loads(json.dumps(encode_bytes_values(value), default=str))
    return data
