"""Texts as blocks: headings and paragraphs, each with the lines of the source it stands on."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HEADING = re.compile(r" {0,3}(#{1,6})\s+(.*?)(?:\s+#+)?\s*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})\s*$")
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_RULE = re.compile(r" {0,3}([-*_])(?:\s*\1){2,}\s*$")
_FRONT_MATTER = "---"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A heading, or a paragraph of text."""

    text: str
    first_line: int
    last_line: int
    #: 1 to 6 for a heading, 0 for text.
    level: int = 0


def of_plain_text(text: str) -> Iterator[Block]:
    """Cut a plain text at its empty lines."""
    yield from _paragraphs(list(enumerate(text.splitlines(), start=1)))


def of_markdown(text: str) -> Iterator[Block]:
    """Cut a Markdown text into headings and paragraphs; code is kept together."""
    waiting: list[tuple[int, str]] = []
    fence = ""
    for number, line in _without_front_matter(text):
        marker = _FENCE.match(line)
        if fence or marker:
            # Inside code a line that looks like a heading or is empty means nothing.
            waiting.append((number, line or " "))
            if fence and line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
            elif not fence and marker:
                fence = marker[1]
            continue
        if heading := _heading(number, line, waiting):
            yield from _paragraphs(waiting)
            waiting.clear()
            yield heading
        elif _RULE.match(line):
            waiting.append((number, ""))
        else:
            waiting.append((number, line))
    yield from _paragraphs(waiting)


def _heading(number: int, line: str, before: list[tuple[int, str]]) -> Block | None:
    """Read a heading; one that is underlined takes its text back from the lines before."""
    if found := _HEADING.match(line):
        return _level(found[2], number, number, len(found[1]))
    is_single = len(before) == 1 or (len(before) > 1 and not before[-2][1].strip())
    if not (is_single and before[-1][1].strip() and (found := _UNDERLINE.match(line))):
        return None
    first, text = before.pop()
    return _level(text, first, number, 1 if found[1][0] == "=" else 2)


def _level(text: str, first: int, last: int, level: int) -> Block | None:
    plain = plain_text(text)
    return Block(text=plain, first_line=first, last_line=last, level=level) if plain else None


def _without_front_matter(text: str) -> Iterator[tuple[int, str]]:
    lines = text.splitlines()
    start = 0
    if lines and lines[0].strip() == _FRONT_MATTER:
        ends = [at for at, line in enumerate(lines[1:], start=1) if line.strip() == _FRONT_MATTER]
        start = ends[0] + 1 if ends else 0
    yield from enumerate(lines[start:], start=start + 1)


def _paragraphs(lines: list[tuple[int, str]]) -> Iterator[Block]:
    part: list[tuple[int, str]] = []
    for number, line in [*lines, (0, "")]:
        # A form feed or a tab alone is an empty line; the space stands for one inside code.
        if line.strip() or line == " ":
            part.append((number, line.rstrip()))
        elif part:
            text = "\n".join(each for _, each in part)
            if text.strip():
                yield Block(text=text, first_line=part[0][0], last_line=part[-1][0])
            part = []


def plain_text(text: str) -> str:
    """Take Markdown's marks out of a line: what a reader of the finished page sees."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"(?<!\w)_+(\S(?:.*?\S)?)_+(?!\w)", r"\1", text)
    return " ".join(re.sub(r"[`*]", "", text).split())
