"""Messages as a careless or hostile sender would write them: good ones, broken in some places."""

import json
from collections.abc import Iterator, Sequence
from random import Random

from runs.json_types import Json

#: What stands where something else was expected.
_ODD: Sequence[Json] = (
    *(None, True, 0, -1, 1.5, 1e308, 2**80, "", " ", "x" * 300, "x" * 200_000),
    *("\x00", "\ud800", "\u202e", "🦄", "role:legal", "2026-13-45T00:00:00Z", "../..", "$(reboot)"),
    *([], {}, [[]], [{}], {"": ""}, {"toolResult": {}}, [None] * 60, {"text": "a"}),
    *('{"decision": "approved"}', '{"decision": "denied", "content": "x"}', '{"decision": []}'),
)
#: What cuts into the text itself.
_CUTS = ("", "\x00", "{", "}", '"', "\\", ",", "[" * 5_000, "NaN", "\ufeff", "1e999", "\\ud83e")


def broken(good: Sequence[Json], *, count: int, random: Random) -> Iterator[str]:
    """Give so many texts: the good messages, each broken in up to three places."""
    for _ in range(count):
        message = json.loads(json.dumps(random.choice(good)))
        for _ in range(random.randrange(3)):
            message = _bent(message, random)
        text = json.dumps(message, ensure_ascii=random.random() < 0.5)
        yield _cut(text, random) if random.random() < 0.2 else text


def _bent(value: Json, random: Random) -> Json:
    """Give a value with one place in it that is something else, is twice there, or is missing."""
    if isinstance(value, dict) and value and random.random() < 0.85:
        name = random.choice(sorted(value))
        match random.randrange(8):
            case 0:
                return {key: each for key, each in value.items() if key != name}
            case 1:
                return {**value, f"{name}s": value[name]}
            case _:
                return {**value, name: _bent(value[name], random)}
    if isinstance(value, list) and value and random.random() < 0.85:
        place = random.randrange(len(value))
        if random.random() < 0.2:
            return [*value, value[place]]
        return [*value[:place], _bent(value[place], random), *value[place + 1 :]]
    if isinstance(value, str) and random.random() < 0.3:
        return _cut(value, random)
    return random.choice(_ODD)


def _cut(text: str, random: Random) -> str:
    start = random.randrange(len(text) + 1)
    end = start + random.randrange(3)
    return f"{text[:start]}{random.choice(_CUTS)}{text[end:]}"
