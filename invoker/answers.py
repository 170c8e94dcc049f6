"""What the invoker answers: an outcome that `run.asl.json` chooses by, and the facts around it."""

from dataclasses import dataclass
from enum import StrEnum

from runs.json_types import Json


class Outcome(StrEnum):
    """What came of an action."""

    #: The agent has taken the run.
    STARTED = "STARTED"
    #: The session works already.
    BUSY = "BUSY"
    #: Another execution accepted this run before.
    DUPLICATE = "DUPLICATE"
    #: The request is wrong; nothing was done.
    REJECTED = "REJECTED"
    #: Nothing started, as far as is known: look again after `retry_seconds`.
    RETRY = "RETRY"
    #: The run is over.
    ENDED = "ENDED"
    #: Somebody works on the run, and was told to end it.
    CANCELLING = "CANCELLING"
    #: Somebody works on the run, and was told to leave it at the next edge.
    PAUSING = "PAUSING"
    #: The run waits until it is resumed.
    PAUSED = "PAUSED"
    #: The run may go on.
    RESUMED = "RESUMED"
    #: The journal holds something about the run that can't be read: a person must look.
    UNREADABLE = "UNREADABLE"
    #: What there was to tell those who may decide was sent, or is due again later.
    NOTIFIED = "NOTIFIED"
    #: The runtime session is stopped.
    STOPPED = "STOPPED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An outcome, and what a reader of it needs."""

    outcome: Outcome
    session_id: str | None = None
    #: Why, for people.
    message: str | None = None
    #: Which field of a rejected request is wrong.
    field: str | None = None
    #: In whole seconds, as the state machine waits.
    retry_seconds: int | None = None

    def to_json(self) -> dict[str, Json]:
        """Give the answer as data; what is not known is left out."""
        shape: dict[str, Json] = {
            "outcome": self.outcome.value,
            "session_id": self.session_id,
            "message": self.message,
            "field": self.field,
            "retry_seconds": self.retry_seconds,
        }
        return {key: value for key, value in shape.items() if value is not None}
