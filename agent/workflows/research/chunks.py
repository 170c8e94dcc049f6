"""Blocks as passages: a few paragraphs under one heading each, the same for the same text."""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

from agent.workflows.research.blocks import Block
from agent.workflows.research.passages import Passage

#: Characters. Enough for a thought, and little enough for a citation to point at something.
MAX_PASSAGE = 1_200
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"')\]”’]*\s+")  # noqa: RUF001 - as texts have it


def cut(blocks: Iterable[Block], *, document: str) -> list[Passage]:
    """Cut a document into passages.

    Args:
        blocks: The document's headings and paragraphs.
        document: The document's id.
    """
    passages: list[Passage] = []
    for headings, parts in _sections(blocks):
        for group in _grouped(parts):
            passages.append(
                Passage(
                    id=f"{document}-p{len(passages) + 1}",
                    document=document,
                    headings=headings,
                    text="\n\n".join(block.text for block in group),
                    first_line=group[0].first_line,
                    last_line=max(block.last_line for block in group),
                )
            )
    return passages


def _sections(blocks: Iterable[Block]) -> Iterator[tuple[tuple[str, ...], list[Block]]]:
    trail: list[Block] = []
    texts: list[Block] = []
    for block in blocks:
        if not block.level:
            texts.append(block)
            continue
        if texts:
            yield tuple(heading.text for heading in trail), texts
            texts = []
        trail = [heading for heading in trail if heading.level < block.level] + [block]
    if texts:
        yield tuple(heading.text for heading in trail), texts


def _grouped(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    group: list[Block] = []
    size = 0
    for block in (part for whole in blocks for part in _split(whole)):
        if group and size + len(block.text) > MAX_PASSAGE:
            yield group
            group, size = [], 0
        group.append(block)
        size += len(block.text)
    if group:
        yield group


def _split(block: Block) -> Iterator[Block]:
    """Cut a block that is too long, at the ends of sentences, of lines or where it must be."""
    if len(block.text) <= MAX_PASSAGE:
        yield block
        return
    start = 0
    while start < len(block.text):
        end = _end(block.text, start)
        part = block.text[start:end]
        first = block.first_line + block.text.count("\n", 0, start)
        # A page's block is one line of text, whatever lines its source has.
        first = min(first, block.last_line)
        last = min(first + part.rstrip("\n").count("\n"), block.last_line)
        is_one_line = "\n" not in block.text
        if part.strip():
            yield Block(
                text=part.strip("\n").rstrip(),
                first_line=block.first_line if is_one_line else first,
                last_line=block.last_line if is_one_line else last,
            )
        start = end


def _end(text: str, start: int) -> int:
    limit = start + MAX_PASSAGE
    if limit >= len(text):
        return len(text)
    window = text[start:limit]
    ends = [found.end() for found in _SENTENCE_END.finditer(window)]
    cuts = [at for at in (*ends[-1:], window.rfind("\n") + 1, window.rfind(" ") + 1) if at > 0]
    # The first kind of place that does not leave a crumb.
    return start + next((at for at in cuts if at > MAX_PASSAGE // 4), len(window))


def sentences(text: str) -> list[str]:
    """Give a passage's sentences, word for word; items of a list and lines of code are apart."""
    found: list[str] = []
    for paragraph in text.split("\n\n"):
        for item in re.split(r"\n(?=\s*(?:[-*+•]|\d+[.)]|\|)\s*)", paragraph):
            cuts = [0, *(each.end() for each in _SENTENCE_END.finditer(item)), len(item)]
            found += [item[start:end].strip() for start, end in pairwise(cuts)]
    return [sentence for sentence in found if sentence]
