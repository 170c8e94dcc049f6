"""A letter as plain text."""

from collections.abc import Iterator

from runs.differences import Line, Sort
from runs.sheets import Block, Sheet

_MARKS = {Sort.KEPT: " ", Sort.REMOVED: "-", Sort.ADDED: "+"}


def to_text(sheet: Sheet) -> str:
    """Write a letter; every line that is quoted begins with a bar."""
    return "\n".join(_lines(sheet)) + "\n"


def _lines(sheet: Sheet) -> Iterator[str]:
    yield sheet.title
    yield ""
    for label, value in sheet.facts:
        yield f"{label}: {value}"
    if sheet.url is not None:
        yield from ("", "Look at it and decide:", sheet.url)
    if sheet.command is not None:
        yield from ("", f"Look at it and decide: {sheet.command}")
    for block in sheet.blocks:
        yield from ("", f"{block.title}:", *_quoted(block))


def _quoted(block: Block) -> Iterator[str]:
    if block.note:
        yield block.note
    for line in block.lines:
        yield f"  | {_marked(line, is_comparison=block.is_comparison)}".rstrip()


def _marked(line: Line, *, is_comparison: bool) -> str:
    if line.sort is Sort.LEFT_OUT:
        return f"… {line.text}"
    return f"{_MARKS[line.sort]} {line.text}" if is_comparison else line.text
