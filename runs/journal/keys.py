"""The keys of a run's records within the run. They are names in errors, too."""

from dataclasses import dataclass

#: Sorts after every character that an id has.
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Keys from `low` to `high`, both included."""

    low: str
    high: str


OPERATIONS = KeyRange("OP#", f"OP#{_LAST}")


def operation_key(operation_id: str) -> str:
    """Name a durable operation's record."""
    return f"OP#{operation_id}"


APPROVALS = KeyRange("APPROVAL#", f"APPROVAL#{_LAST}")


#: Everything of a run but its head.
ALL = KeyRange(" ", _LAST)
MESSAGES = KeyRange("MSG#", f"MSG#{_LAST}")
AGENTS = KeyRange("AGENT#", f"AGENT#{_LAST}")
TOOLS = KeyRange("TOOL#", f"TOOL#{_LAST}")


TELLS = KeyRange("TELL#", f"TELL#{_LAST}")


def tell_key(number: int) -> str:
    """Name the record of a message for a run's agents; the keys sort as the numbers do."""
    return f"TELL#{number:010d}"


def tells_after(number: int) -> KeyRange:
    """Give the keys of the messages after one; 0 is before the first."""
    return KeyRange(tell_key(number + 1), TELLS.high)


def retry_key(number: int) -> str:
    """Name the record of what a retry does."""
    return f"RETRY#{number:010d}"


def approval_key(operation_id: str) -> str:
    """Name the record of the approval beside a callback."""
    return f"APPROVAL#{operation_id}"


def event_key(event_id: str) -> str:
    """Name an event's record."""
    return f"EVENT#{event_id}"


def event_id_of(key: str) -> str:
    """Give the event's id in a key that `event_key` made."""
    return key.removeprefix("EVENT#")


def events_after(event_id: str | None) -> KeyRange:
    """Give the keys of the events after one, or of all."""
    # "!" sorts before all characters of an id: above the event itself, below all that follow.
    low = "EVENT#" if event_id is None else f"EVENT#{event_id}!"
    return KeyRange(low, f"EVENT#{_LAST}")


#: Where sweeps keep how far they have come: under a name that no session id may have.
SWEEP = "#sweep"
BOOKMARK = "BOOKMARK"


def agent_key(agent: str) -> str:
    """Name the record of what an agent keeps besides its messages."""
    return f"AGENT#{_escaped(agent)}"


def message_key(agent: str, index: int) -> str:
    """Name a message's record; the keys sort as the indices do."""
    return f"MSG#{_escaped(agent)}#{index:010d}"


def messages_of(agent: str) -> KeyRange:
    """Give the keys of an agent's messages."""
    return KeyRange(message_key(agent, 0), message_key(agent, 9_999_999_999))


def tool_key(tool_use_id: str) -> str:
    """Name a tool call's record in the effect ledger."""
    return f"TOOL#{tool_use_id}"


def _escaped(agent: str) -> str:
    # Else the messages of an agent `a#1` would lie among those of the agent `a`.
    return agent.replace("%", "%25").replace("#", "%23")
