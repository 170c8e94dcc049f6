"""What `errand doctor` says: one check, a page of them, and their JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from cli.look import Look
from runs.json_types import Json


class Verdict(StrEnum):
    """What a check came to."""

    #: As it should be.
    FINE = "fine"
    #: Not there, and nothing is wrong with that.
    ABSENT = "absent"
    #: Somebody should look, or nobody was allowed to; it may well work.
    DOUBTFUL = "doubtful"
    #: Something has to be done.
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    verdict: Verdict
    #: What was found.
    found: str
    #: What to do about it; nothing if there is nothing to do.
    advice: str = ""


def checks_to_json(checks: Sequence[Check]) -> Json:
    """Give the JSON object of `errand doctor --json`."""
    return {
        "is_fine": all_fine(checks),
        "checks": [
            {
                "name": check.name,
                "verdict": check.verdict.value,
                "found": check.found,
                "advice": check.advice or None,
            }
            for check in checks
        ],
    }


def all_fine(checks: Sequence[Check]) -> bool:
    """Say whether nothing has to be done."""
    return all(check.verdict is not Verdict.WRONG for check in checks)


def checks_view(checks: Sequence[Check], look: Look) -> RenderableType:
    """Draw one line for each check, and what to do below it."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    for check in checks:
        mark, style = _mark(check.verdict, look)
        grid.add_row(Text(mark, style), check.name, Text(check.found))
        if check.advice:
            grid.add_row("", "", Text(check.advice, style))
    return grid


def _mark(verdict: Verdict, look: Look) -> tuple[str, str]:
    match verdict:
        case Verdict.FINE:
            return look.glyphs.done, "green"
        case Verdict.ABSENT:
            return look.glyphs.given_up, "dim"
        case Verdict.DOUBTFUL:
            return look.glyphs.waiting, "yellow"
        case Verdict.WRONG:
            return look.glyphs.failed, "red"
