"""The topics of a question: those it lists itself, or those a planner names, in good order."""

import re
from collections.abc import Iterable

MAX_TOPICS = 8
MAX_TOPIC = 200

_ITEM = re.compile(r"^\s*(?:[-*+•]|\d{1,2}[.)])\s+(.+?)\s*$")


def listed(question: str) -> tuple[str, ...]:
    """Give the topics a question lists, one a line with a dash or a number; none if it doesn't.

    One item alone is no list.
    """
    found = [match[1] for line in question.splitlines() if (match := _ITEM.match(line))]
    return tidy(found) if len(found) > 1 else ()


def tidy(topics: Iterable[str]) -> tuple[str, ...]:
    """Give topics without repetitions and empty ones, and no more than can be researched."""
    kept: dict[str, str] = {}
    for topic in topics:
        plain = " ".join(topic.split())[:MAX_TOPIC].rstrip()
        if plain:
            kept.setdefault(plain.casefold(), plain)
    return tuple(kept.values())[:MAX_TOPICS]
