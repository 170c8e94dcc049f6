"""A person's word on the draft, as the callback's payload carries it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from runs.json_types import Json

MAX_COMMENT = 4_000


class Decision(StrEnum):
    """What became of the draft."""

    APPROVED = "approved"
    DENIED = "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A decision, and what was said with it."""

    decision: Decision
    comment: str = ""

    @classmethod
    def from_payload(cls, payload: object) -> "Review":
        """Read an answer: `{"decision": "approved" | "denied", "comment": "…"}`, as JSON or text.

        Whatever can't be read is no approval: it denies, and says why.
        """
        data: Any = payload
        if isinstance(payload, str | bytes):
            try:
                data = json.loads(payload)
            except ValueError:
                data = None
        decision = data.get("decision") if isinstance(data, Mapping) else None
        if decision not in (Decision.APPROVED, Decision.DENIED):
            return cls(
                decision=Decision.DENIED,
                comment=f"the answer is {payload!r:.200}, expected an object whose decision is "
                "'approved' or 'denied'",
            )
        comment = data.get("comment") or ""
        return cls(decision=Decision(decision), comment=str(comment)[:MAX_COMMENT])

    def to_json(self) -> dict[str, Json]:
        """Give it as JSON."""
        return {"decision": self.decision.value, "comment": self.comment}
