"""A person's word on the draft, as the report quotes it."""

from dataclasses import dataclass

from runs.approvals import Decision as Answer
from runs.approvals import Verdict as Decision
from runs.json_types import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A decision, and what was said with it."""

    decision: Decision
    comment: str = ""

    @classmethod
    def from_payload(cls, payload: object) -> "Review":
        """Read an answer; whatever can't be read is no approval."""
        answer = Answer.from_payload(payload)
        return cls(decision=answer.verdict, comment=answer.comment)

    def to_json(self) -> dict[str, Json]:
        """Give it as JSON."""
        return {"decision": self.decision.value, "comment": self.comment}
