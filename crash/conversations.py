"""Whether a conversation is one that models take."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_ROLES = ("user", "assistant")


def faults(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say what is wrong with a conversation; nothing if every provider would take it.

    Roles alternate and begin with the user's. Every tool call has an id of its own, and is answered
    once, by the message after it, which answers nothing else.
    """
    asked: list[str] = []
    seen: set[str] = set()
    for at, message in enumerate(messages):
        role, blocks = message["role"], message["content"]
        expected = _ROLES[at % 2]
        if role != expected:
            yield f"message {at} is the {role}'s, expected the {expected}'s"
        if not blocks:
            yield f"message {at} is empty"
        answered = [block["toolResult"]["toolUseId"] for block in blocks if "toolResult" in block]
        yield from _answer_faults(at, asked, answered)
        asked = [block["toolUse"]["toolUseId"] for block in blocks if "toolUse" in block]
        yield from (f"message {at} asks for {use} again" for use in asked if use in seen)
        seen.update(asked)
    yield from (f"nothing answers {use}" for use in asked)


def _answer_faults(at: int, asked: Sequence[str], answered: Sequence[str]) -> Iterator[str]:
    for use in asked:
        if answered.count(use) != 1:
            times = "not" if use not in answered else f"{answered.count(use)} times"
            yield f"message {at} answers {use} {times}"
    yield from (
        f"message {at} answers {use}, which was not asked" for use in set(answered) - set(asked)
    )
