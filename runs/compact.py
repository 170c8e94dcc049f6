"""JSON in little room."""

import json

from runs.json_types import Json

#: Made once: `json.dumps` makes one for each text. Escapes take twice the room of the characters
#: they stand for, and more where a text is within another.
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_ASCII_ENCODER = json.JSONEncoder(separators=(",", ":"))


def compact(value: Json) -> str:
    """Write a value as JSON text that every store can hold, in little room."""
    text = _ENCODER.encode(value)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        # A lone surrogate, of a file's name or a model's output: no UTF-8 has it.
        return _ASCII_ENCODER.encode(value)
    return text
