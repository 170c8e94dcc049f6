"""The text of an HTML page, as blocks with the lines of its source."""

from collections.abc import Iterator
from html.parser import HTMLParser

from agent.workflows.research.blocks import Block

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
#: What is inside is no text of the page.
_HIDDEN = frozenset({"script", "style", "template", "noscript", "svg", "math", "head", "iframe"})
#: What stands around the text on every page of a site.
_CHROME = frozenset({"nav", "footer", "aside", "button", "select"})
#: These have no end tag: what follows is not inside them.
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)
_INLINE = frozenset(
    {
        "a",
        "abbr",
        "b",
        "bdi",
        "cite",
        "code",
        "del",
        "dfn",
        "em",
        "font",
        "i",
        "img",
        "ins",
        "kbd",
        "label",
        "mark",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strong",
        "sub",
        "sup",
        "time",
        "u",
        "var",
        "wbr",
    }
)


def of_html(text: str) -> Iterator[Block]:
    """Give a page's headings and paragraphs, without scripts, menus and footers."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    reader.end_block()
    yield from reader.blocks


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self._level = 0
        #: The tags, from the outermost, inside which nothing is read.
        self._skipped: list[str] = []
        self._parts: list[str] = []
        self._first = self._last = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._skipped:
            # Only tags of the kind that began it count: others may lack their end.
            if tag == self._skipped[0]:
                self._skipped.append(tag)
            # A head may lack its end, too.
            elif tag == "body" and self._skipped[0] == "head":
                self._skipped.clear()
            return
        if tag in _HIDDEN or tag in _CHROME:
            self.end_block()
            self._skipped.append(tag)
        elif tag not in _INLINE:
            self.end_block()
            self._level = _HEADINGS.get(tag, 0)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._skipped:
            if tag == self._skipped[0]:
                self._skipped.pop()
            return
        if tag not in _INLINE:
            self.end_block()
            self._level = 0

    def handle_data(self, data: str) -> None:
        if self._skipped:
            return
        line = self.getpos()[0]
        text = data.strip()
        if not text:
            # White space between two inline tags parts two words.
            if self._parts:
                self._parts.append(" ")
            return
        start = line + data[: len(data) - len(data.lstrip())].count("\n")
        if not self._parts:
            self._first = start
        self._parts.append(data)
        self._last = start + text.count("\n")

    def end_block(self) -> None:
        text = " ".join("".join(self._parts).split())
        if text:
            self.blocks.append(
                Block(text=text, first_line=self._first, last_line=self._last, level=self._level)
            )
        self._parts = []
