"""Anybody's text made fit to stand among our own words: whole, and without effect."""

import re

#: Controls but tab and newline, lone surrogates, which no encoding takes, and what Unicode keeps
#: from being characters, which no page takes.
_NONE = "".join(chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF))
_CONTROL = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef{_NONE}]")
#: What makes the words that follow run the other way: in a line of ours that could hide some.
_TURNING = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_PICTURES = 0x2400
_DELETE = 0x7F


def inert(text: str) -> str:
    """Give a text with each control in it made visible; its lines stay lines."""
    return _CONTROL.sub(_picture, text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str, limit: int) -> str:
    """Give a text on one line, for a place where it must not be taken for what is around it.

    Args:
        text: Anybody's.
        limit: Characters that it may have; what is left out is told by an ellipsis.
    """
    line = " ".join(_TURNING.sub("", inert(text)).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _picture(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code < 0x20:
        return chr(_PICTURES + code)
    return "\u2421" if code == _DELETE else "\ufffd"
