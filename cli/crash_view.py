"""How a crash test is shown: a line that moves while it goes on, a table, what is wrong."""

import shlex
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from rich.console import Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed
from rich.table import Table
from rich.text import Text

from cli.screen import Screen, is_alive, look_of
from cli.text import clean, count, duration
from crash import kit
from crash.points import Where
from crash.report import Outcome, Report, Undisturbed
from crash.words import told_outcome, told_undisturbed

_STAGES = {
    "undisturbed": "undisturbed runs",
    "points": "runs killed at a point",
    "kills": "kills at random moments",
}
_WHERE = {
    Where.BEFORE: "before a write",
    Where.AFTER: "after a write",
    Where.START: "after a start",
    Where.MODEL: "in a model call",
    Where.TOOL: "in a tool call",
    Where.RANDOM: "at random",
}
#: Without a terminal, how often it is told how far a stage is.
_TOLD_TIMES = 10


class Watch:
    """Tells how far a test is: a bar on a terminal, else some lines; bad runs at once."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._bar = _bar(screen) if is_alive(screen.err) else None
        self._task: TaskID | None = None
        self._stage = ""

    def __enter__(self) -> Self:
        """Begin to draw."""
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, progress: kit.Progress) -> None:
        """Tell of a run that was made."""
        if progress.outcome is not None and not progress.outcome.is_fine:
            self._screen.say(f"{progress.outcome.name} differs", style="red")
        what = _STAGES[progress.stage]
        if self._bar is not None:
            self._draw(progress, what)
        elif progress.done * _TOLD_TIMES // progress.total != (
            (progress.done - 1) * _TOLD_TIMES // progress.total
        ):
            self._screen.say(f"{progress.done} of {progress.total} {what}", style="dim")

    def _draw(self, progress: kit.Progress, what: str) -> None:
        if self._bar is None:
            return
        if self._stage != progress.stage or self._task is None:
            self._stage = progress.stage
            self._task = self._bar.add_task(what, total=progress.total)
        self._bar.update(self._task, completed=progress.done)


def report_view(report: Report) -> RenderableType:
    """Draw what was tested, and a table of what came of it."""
    heading = Text(f"{report.workflow} on {report.journal}", style="bold", no_wrap=True)
    parts: list[RenderableType] = [heading, _undisturbed(report.undisturbed)]
    if report.outcomes:
        parts.append(_table(report))
    return Group(*parts)


def telling(report: Report, *, command: str) -> Iterator[RenderableType]:
    """Say what is wrong, with the command that repeats each; and what it comes to."""
    for line in told_undisturbed(report.undisturbed):
        yield Text(clean(line), style="red")
    for outcome in report.failures:
        for line in told_outcome(outcome):
            yield Text(clean(line), style="red" if not line.startswith(" ") else "")
        yield Text(f"  repeat: {command} {_again(outcome, report)}", style="dim")
    if report.undisturbed.is_fine:
        yield _verdict(report)


def _verdict(report: Report) -> Text:
    runs = count(len(report.outcomes), "run")
    took = f"{count(report.kills, 'kill')} in {duration(report.seconds)}"
    if report.is_fine:
        return Text(f"{runs} ended as if nobody had killed them; {took}", style="green")
    return Text(f"{len(report.failures)} of {runs} ended otherwise; {took}", style="red")


def _again(outcome: Outcome, report: Report) -> str:
    if outcome.where is Where.RANDOM:
        return f"--points 0 --kills {outcome.kills} --seed {report.seed}"
    return shlex.join(["--point", outcome.name])


def _undisturbed(undisturbed: Undisturbed) -> Text:
    done = [
        count(undisturbed.writes, "write"),
        count(undisturbed.model_calls, "model call"),
        count(undisturbed.tool_calls, "tool call"),
    ]
    text = f"undisturbed: {undisturbed.status}, {', '.join(done)}, {duration(undisturbed.seconds)}"
    return Text(text, style="dim")


def _table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("killed")
    for name in ("runs", "ok", "kills", "calls made again", "in doubt", "time"):
        table.add_column(name, justify="right")
    rows = report.rows()
    for row in rows:
        # A run that was over before it came to the point shows as a kill that is missing.
        table.add_row(
            _WHERE[row.where],
            *map(str, (row.points, row.ok, row.kills, row.repeated_calls, row.in_doubt)),
            duration(row.seconds),
            style="" if row.ok == row.points else "red",
        )
    return table


def _bar(screen: Screen) -> Progress:
    look = look_of(screen.err)
    bar = BarColumn(bar_width=min(30, max(5, look.width - 50)))
    columns = (TextColumn("{task.description}"), bar, MofNCompleteColumn(), Elapsed())
    return Progress(*columns, console=screen.err)
