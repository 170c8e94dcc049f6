"""A letter as HTML: no script, no picture, nothing that is fetched."""

from collections.abc import Iterator
from html import escape

from runs.differences import Line, Sort
from runs.sheets import Block, Sheet

# Mail programs drop style sheets: styles stand where they apply.
_BODY = "font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:0 auto;padding:1rem"
_LABEL = "text-align:left;vertical-align:top;padding:.1rem 1rem .1rem 0;font-weight:normal"
_BUTTON = (
    "display:inline-block;padding:.75rem 1.25rem;background:#1a5fb4;color:#fff;"
    "border-radius:.4rem;text-decoration:none"
)
_QUOTE = "border-left:4px solid #888;padding:.25rem .75rem;margin:0;overflow-wrap:anywhere"
# Each line's direction is its own, and ends with it.
_LINE = "white-space:pre-wrap;unicode-bidi:plaintext;font-family:ui-monospace,monospace"
_COLOURS = {
    Sort.KEPT: "",
    Sort.REMOVED: ";background:#ffd7d5;color:#000",
    Sort.ADDED: ";background:#d1f5d3;color:#000",
    Sort.LEFT_OUT: ";color:#777",
}
_MARKS = {Sort.KEPT: " ", Sort.REMOVED: "-", Sort.ADDED: "+"}


def to_html(sheet: Sheet) -> str:
    """Write a letter; whatever is quoted is escaped."""
    return "\n".join(_parts(sheet)) + "\n"


def as_html(text: str) -> str:
    """Give a letter's text as HTML."""
    return f'<!doctype html>\n<meta charset="utf-8"><pre style="{_LINE}">{escape(text)}</pre>\n'


def _parts(sheet: Sheet) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    yield f"<title>{escape(sheet.title)}</title></head>"
    yield f'<body style="{_BODY}">'
    yield f'<h1 style="font-size:1.25rem"><bdi>{escape(sheet.title)}</bdi></h1>'
    yield "<table>"
    for label, value in sheet.facts:
        cell = f'<td style="overflow-wrap:anywhere"><bdi>{escape(value)}</bdi></td>'
        yield f'<tr><th style="{_LABEL}">{escape(label)}</th>{cell}</tr>'
    yield "</table>"
    if sheet.url is not None:
        link = f'href="{escape(sheet.url)}" target="_blank" rel="noopener noreferrer"'
        yield f'<p><a style="{_BUTTON}" {link}>Look at it and decide</a></p>'
    if sheet.command is not None:
        yield f"<p>Look at it and decide: <code>{escape(sheet.command)}</code></p>"
    for block in sheet.blocks:
        yield from _block(block)
    yield "</body></html>"


def _block(block: Block) -> Iterator[str]:
    yield f'<h2 style="font-size:1rem">{escape(block.title)}</h2>'
    if block.note:
        yield f"<p>{escape(block.note)}</p>"
    if block.lines:
        yield f'<blockquote style="{_QUOTE}">'
        for line in block.lines:
            yield _line(line, is_comparison=block.is_comparison)
        yield "</blockquote>"


def _line(line: Line, *, is_comparison: bool) -> str:
    style = f"{_LINE}{_COLOURS[line.sort]}"
    if line.sort is Sort.LEFT_OUT:
        return f'<div style="{style}">… {escape(line.text)}</div>'
    mark = f"{_MARKS[line.sort]} " if is_comparison else ""
    # An empty line keeps its height.
    text = escape(line.text, quote=False) or "<br>"
    return f'<div dir="auto" style="{style}">{mark}{text}</div>'
