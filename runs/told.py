"""What people tell the agents of a running run: messages, and where each of them has come to."""

import re
from dataclasses import dataclass, replace
from datetime import datetime

from runs.errors import InvalidRequestError
from runs.run import Run

#: Bytes of UTF-8 that one message may have. What is longer belongs in a file.
MAX_TEXT_BYTES = 100 * 1024
#: Names become part of tool call ids, of which providers take 40 characters of this alphabet.
AGENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")

# Of C0 and C1, all that is neither a tab nor the end of a line; lone surrogates no store takes.
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """One message from a person to an agent; who made it twice with one id made it once."""

    tell_id: str
    #: Counts the messages of a run from 1, in the order in which they were recorded; 0 before.
    number: int = 0
    text: str
    #: Who says it, and from where.
    by: str
    origin: str = ""
    #: Whom it is for; None is whichever agent comes to an edge first.
    agent: str | None = None
    told_at: datetime
    #: When it came into a conversation, whose, and with which of its messages.
    delivered_at: datetime | None = None
    delivered_to: str | None = None
    message: int | None = None

    def __post_init__(self) -> None:
        _check_text(self.text)
        if self.agent is not None:
            check_agent(self.agent)

    @property
    def is_waiting(self) -> bool:
        """Say whether no agent has it yet."""
        return self.delivered_at is None

    def is_for(self, agent: str) -> bool:
        """Say whether an agent may be given it."""
        return self.agent in {None, agent}

    def delivered(self, agent: str, *, message: int, at: datetime) -> "Tell":
        """Give it as it is when an agent has it."""
        return replace(self, delivered_at=at, delivered_to=agent, message=message)

    def state(self, run: Run) -> str:
        """Say where it is: `delivered`, `waiting`, or `never` if the run ended without it."""
        if not self.is_waiting:
            return "delivered"
        return "never" if run.status.is_terminal else "waiting"


def check_agent(name: str) -> None:
    """Refuse what no agent is called.

    Raises:
        InvalidRequestError: It is no agent's name.
    """
    if not AGENT_NAME.fullmatch(name):
        message = f"is {name[:100]!r}, expected 1 to 32 letters, digits, '-' and '_'"
        raise InvalidRequestError(field="agent", message=message)


def _check_text(text: str) -> None:
    if not text.strip():
        raise InvalidRequestError(field="text", message="is empty, expected what to tell")
    if found := _NO_TEXT.search(text):
        code = f"U+{ord(found.group()):04X}"
        message = f"has the character {code} at position {found.start()}, expected text"
        raise InvalidRequestError(field="text", message=message)
    if (size := len(text.encode())) > MAX_TEXT_BYTES:
        message = (
            f"has {size:,} bytes, expected at most {MAX_TEXT_BYTES:,}; "
            "put larger material in a file, and tell where it is"
        )
        raise InvalidRequestError(field="text", message=message)
