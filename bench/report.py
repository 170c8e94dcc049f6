"""What a measurement comes to: a table in the terminal, a file of record, a table in the docs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.measure import Row, Spread
from local.home import PROJECT
from runs.json_types import Json

RESULTS = PROJECT / "bench" / "results"
PAGE = PROJECT / "docs" / "performance.md"

_BEGIN = "<!-- results: written by `make bench` -->"
_END = "<!-- end of results -->"
_COLUMNS = ("what", "measured", "baseline", "ratio", "bar", "verdict", "baseline is")

_WIDTH = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Rows, and what they depend on besides the code."""

    #: ISO 8601, the day only.
    date: str
    machine: Mapping[str, Json]
    versions: Mapping[str, Json]
    #: The load average before and after.
    load: tuple[float, float]
    rows: Sequence[Row]

    @property
    def is_met(self) -> bool:
        """Say whether every bar holds."""
        return all(row.is_met for row in self.rows)

    def to_json(self) -> dict[str, Json]:
        """Give what a results file holds."""
        return {
            "date": self.date,
            "is_met": self.is_met,
            "machine": self.machine,
            "versions": self.versions,
            "load": self.load,
            "rows": [_to_json(row) for row in self.rows],
        }


def show(rows: Sequence[Row]) -> None:
    """Print rows as a table."""
    table = Table(title="Measured on this machine in this run (in brackets: p10 to p90)")
    for name in _COLUMNS:
        is_text = name in ("what", "baseline is")
        table.add_column(
            name,
            justify="left" if is_text else "right",
            overflow="fold",
            no_wrap=not is_text,
        )
    for row in rows:
        table.add_row(*_cells(row), style=None if row.is_met else "bold red")
    console = Console()
    # Without a terminal rich assumes 80 columns, of which the notes would get a dozen.
    console.width = console.width if console.is_terminal else _WIDTH
    console.print(table)


def keep(report: Report, folder: Path = RESULTS) -> Path:
    """Write a results file; the last of a day stays."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{report.date}.json"
    path.write_text(json.dumps(report.to_json(), indent=2) + "\n", encoding="utf-8")
    return path


def publish(report: Report, page: Path = PAGE) -> None:
    """Replace the results on the page about performance.

    Raises:
        ValueError: The page lacks the marks between which they stand.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        msg = f"{page.name} has no place for results, expected {_BEGIN} and {_END}"
        raise ValueError(msg)
    page.write_text(f"{before}{_BEGIN}\n\n{to_markdown(report)}\n{_END}{after}", encoding="utf-8")


def to_markdown(report: Report) -> str:
    """Give the results as they stand on the page."""
    lines = [
        f"| {' | '.join(_COLUMNS)} |",
        "|---|--:|--:|--:|--:|---|---|",
        *(f"| {' | '.join(_cells(row))} |" for row in report.rows),
        "",
        _colophon(report),
    ]
    return "\n".join(lines) + "\n"


def _colophon(report: Report) -> str:
    machine = ", ".join(
        f"{name.replace('_', ' ')} {value}" for name, value in report.machine.items()
    )
    packages = ", ".join(f"{name} {value}" for name, value in report.versions.items())
    before, after = report.load
    return (
        "In brackets: between which values eight of ten samples lie (p10 to p90). "
        f"Measured on {report.date}. Machine: {machine}; load average {before} before and {after} "
        f"after. Versions: {packages}."
    )


def _to_json(row: Row) -> dict[str, Json]:
    derived = {"ratio": row.ratio, "is_met": None if row.bar is None else row.is_met}
    return asdict(row) | derived


def _cells(row: Row) -> list[str]:
    verdict = "" if row.bar is None else ("met" if row.is_met else "missed")
    return [
        row.what,
        _measured(row.value, row.unit, row.spread),
        "" if row.baseline is None else _measured(row.baseline, row.unit, row.baseline_spread),
        "" if row.ratio is None else _ratio(row.ratio),
        _bar(row),
        verdict,
        row.note,
    ]


def _measured(value: float, unit: str, spread: Spread | None) -> str:
    text = f"{_number(value)} {unit}"
    if spread is None:
        return text
    return f"{text} ({_number(spread.low)}-{_number(spread.high)})"


def _bar(row: Row) -> str:
    if row.bar is None:
        return ""
    return f"≤ {row.bar:g}" if row.ratio is not None else f"< {row.bar:g} {row.unit}"


def _ratio(value: float) -> str:
    """Give two places, and two digits that matter where there is less than that."""
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def _number(value: float) -> str:
    """Give three digits that matter, and whole numbers whole."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"
