"""A letter before it is text or HTML: a title, facts, a link, and what is quoted."""

from dataclasses import dataclass

from runs.differences import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Something quoted, below a title of ours."""

    title: str
    lines: tuple[Line, ...] = ()
    #: Says in our words what stands in place of lines.
    note: str = ""
    is_comparison: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What a letter says. Everything in it is on one line, but for the blocks."""

    title: str
    facts: tuple[tuple[str, str], ...]
    #: Where to decide.
    url: str | None
    #: How to decide where there is no page.
    command: str | None
    blocks: tuple[Block, ...]
