"""Runs on paper: the list, one run in full, and how a run ended."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli import text
from cli.asks_view import ask_lines
from cli.facts import fact
from cli.live_view import counters, elapsed, standing
from cli.look import STATUS_STYLES, Look
from cli.receipt_view import infrastructure_words, receipt_lines, saved_words
from cli.run_json import artifact_path, owner_pid
from cli.timeline import Step, Timeline
from cli.told_view import told_lines, undelivered_line
from runs.journal.base import Recorded
from runs.json_types import Json
from runs.operations import Operation
from runs.receipt import Receipt, receipt
from runs.run import Artifact, Lease, Run, Status
from runs.told import Tell

if TYPE_CHECKING:
    from cli.infrastructure import Infrastructure

#: Below this width a list shows the beginnings of ids: they are ids, too.
_WIDE = 110
_MEDIUM = 64
_SHORT_ID = 8


def list_view(runs: Sequence[Run], look: Look) -> RenderableType:
    """Draw a list of runs, with as many columns as the width allows."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in _titles(look.width):
        right = title in {"TOOK", "COST"}
        table.add_column(title, justify="right" if right else "left", no_wrap=True)
    for run in runs:
        table.add_row(*_cells(run, look))
    return table


def show_view(  # noqa: PLR0913 - four of them are what is known of the run
    run: Run,
    events: Sequence[Recorded],
    look: Look,
    *,
    operations: Sequence[Operation] | None = None,
    tells: Sequence[Tell] = (),
    pages: Mapping[str, str] = MappingProxyType({}),
    infrastructure: "Infrastructure | None" = None,
) -> RenderableType:
    """Draw one run with its timeline.

    Args:
        run: The run.
        events: Its timeline.
        look: How things are drawn.
        operations: Its operations, where events alone do not tell which there are.
        tells: What its agents were told.
        pages: Where what it asks is decided, by the approval's id.
        infrastructure: What it costs besides models.
    """
    timeline = Timeline().extended(events)
    if operations is not None:
        timeline = timeline.as_of(operations)
    bill = receipt(run, (recorded.event for recorded in events))
    sections: list[RenderableType] = [_facts(run, bill, infrastructure, look)]
    if asks := list(ask_lines(run, timeline.asks, look, pages)):
        sections += ["", *asks]
    if tells:
        sections += ["", Text("Told", "bold"), *told_lines(run, tells, look)]
    if timeline.steps:
        sections += ["", Text("Steps", "bold"), _steps(timeline, run, look)]
    sections += ["", Text(f"Timeline ({_zone(run, look)})", "bold"), _events(events, run, look)]
    return Group(*sections)


def outcome_lines(
    run: Run, look: Look, bill: Receipt | None = None, *, tells: Sequence[Tell] = ()
) -> Iterator[Text]:
    """Say how a run ended, what it found and where its files are; one line each."""
    yield _verdict(run, look)
    if bill is not None and (words := saved_words(bill, look)):
        yield Text(f"replay saved {words}", "dim")
    if run.error is not None:
        yield Text(text.clean(f"{run.error.type}: {run.error.message}"), "red")
    if (undelivered := undelivered_line(run, tells)) is not None:
        yield undelivered
    if found := headline(run.result):
        yield Text(found, "bold")
    yield from _files(run.artifacts)


def headline(result: Json) -> str:
    """Give the one sentence a result says about itself, or its first line."""
    if isinstance(result, str):
        return text.one_line(result.strip().partition("\n")[0])
    if isinstance(result, Mapping):
        for key in ("headline", "summary", "title", "message"):
            if isinstance(said := result.get(key), str) and said.strip():
                return headline(said)
    return ""


def worker_name(lease: Lease) -> str:
    """Say who executes a run: the process and its machine, where the owner tells."""
    pid, host = owner_pid(lease.owner), lease.owner.rpartition(":")[0]
    return lease.owner if pid is None else f"pid {pid} on {host}"


def location(artifact: Artifact) -> str:
    """Say where a file is: its path on this machine, else its URI."""
    return str(artifact_path(artifact) or artifact.uri)


def _files(artifacts: Sequence[Artifact]) -> Iterator[Text]:
    """Name the report where it can't be overlooked, and what lies beside it in few words."""
    first, *others = _report_first(artifacts) or (None,)
    if first is None:
        return
    folder = location(first).removesuffix(first.name)
    beside = [each for each in others if location(each) == f"{folder}{each.name}"]
    for each in others:
        if each not in beside:
            yield _file_line(each)
    if beside:
        names = ", ".join(each.name for each in beside)
        yield Text(f"in the same folder: {names}", "dim")
    yield _file_line(first)


def _file_line(artifact: Artifact) -> Text:
    line = Text.assemble(f"{artifact.name}: ", (location(artifact), "bold"))
    line.no_wrap = True
    return line


def _verdict(run: Run, look: Look) -> Text:
    mark = look.glyphs.done if run.status is Status.COMPLETED else look.glyphs.failed
    attempts = text.count(run.attempt, "attempt")
    words = f"{mark} {run.status.value} after {elapsed(run, look.now)}, {attempts}"
    used = counters(run, dot=look.glyphs.dot)
    return Text.assemble((words, STATUS_STYLES[run.status]), f" {look.glyphs.dot} {used}")


def _report_first(artifacts: Sequence[Artifact]) -> list[Artifact]:
    return sorted(artifacts, key=lambda artifact: (artifact.name != "report.md", artifact.name))


def _titles(width: int) -> tuple[str, ...]:
    if width >= _WIDE:
        return ("ID", "STATUS", "WORKFLOW", "ACCEPTED", "TOOK", "COST")
    if width >= _MEDIUM:
        return ("ID", "STATUS", "WORKFLOW", "TOOK", "COST")
    return ("ID", "STATUS", "WORKFLOW")


def _cells(run: Run, look: Look) -> list[Text]:
    short = look.width < _WIDE
    cells = {
        "ID": Text(run.session_id[:_SHORT_ID] if short else run.session_id),
        "STATUS": Text(run.status.value, STATUS_STYLES[run.status]),
        "WORKFLOW": Text(run.workflow),
        "ACCEPTED": Text(text.moment(run.created_at, look.zone)),
        "TOOK": Text(elapsed(run, look.now)),
        "COST": Text(text.cost(run.usage.cost_usd, unpriced_calls=run.usage.unpriced_calls)),
    }
    return [cells[title] for title in _titles(look.width)]


def _facts(run: Run, bill: Receipt, infra: "Infrastructure | None", look: Look) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in _labelled(run, bill, infra, look):
        grid.add_row(label, value)
    return grid


def _labelled(
    run: Run, bill: Receipt, infra: "Infrastructure | None", look: Look
) -> Iterator[tuple[str, Text]]:
    yield "run", Text(run.session_id, "bold")
    yield "workflow", Text(_workflow_words(run))
    yield "status", Text(_status_words(run), STATUS_STYLES[run.status])
    yield "prompt", Text(text.clean(run.prompt))
    if run.input is not None:
        yield "input", Text(text.clean(run.input))
    if run.parent_session_id is not None:
        holder = f"; held to the budget of run {run.root_session_id}"
        yield (
            "child of",
            Text(f"run {run.parent_session_id}{holder if run.root_session_id else ''}"),
        )
    yield from _worker(run, look)
    yield (
        "attempt",
        Text(f"{run.attempt} ({run.lost_attempts} of {run.max_attempts} lost in a row)"),
    )
    yield "accepted", Text(f"{text.moment(run.created_at, look.zone)}, from {run.source}")
    yield from _before(run, look)
    if run.finished_at is not None:
        yield "finished", Text(text.moment(run.finished_at, look.zone))
    else:
        yield "deadline", Text(text.moment(run.deadline_at, look.zone))
    yield "took" if run.finished_at else "so far", Text(elapsed(run, look.now))
    yield "used", Text(counters(run, dot=look.glyphs.dot))
    yield from receipt_lines(run, bill, look)
    if infra is not None:
        yield "infra", Text(infrastructure_words(infra, look))
    if run.error is not None:
        yield "error", Text(text.clean(f"{run.error.type}: {run.error.message}"), "red")
    if found := headline(run.result):
        yield "result", Text(found)
    for artifact in _report_first(run.artifacts):
        yield "file", Text(f"{location(artifact)} ({text.size(artifact.size)})")


def _workflow_words(run: Run) -> str:
    if run.workflow_version is None:
        return run.workflow
    return f"{run.workflow}, version {text.one_line(run.workflow_version)}"


def _before(run: Run, look: Look) -> Iterator[tuple[str, Text]]:
    """Say what a run goes on from, if it did not begin at its beginning."""
    if (origin := run.forked_from) is not None:
        edited = f", with other {', '.join(origin.edited)}" if origin.edited else ""
        yield "forked", Text(f"from {origin.session_id} at {text.one_line(origin.step)}{edited}")
    if run.retried_at is not None:
        times = text.count(run.retries, "time")
        yield "retried", Text(f"{times}, last {text.moment(run.retried_at, look.zone)}")


def _status_words(run: Run) -> str:
    if run.cancel_requested and not run.status.is_terminal:
        return (
            f"{run.status.value}, cancellation requested: {text.one_line(run.cancel_reason or '')}"
        )
    return standing(run)


def _worker(run: Run, look: Look) -> Iterator[tuple[str, Text]]:
    if run.lease is None:
        return
    ends = run.lease.expires_at
    is_alive = ends > look.now
    until = f"lease {'until' if is_alive else 'expired at'} {text.clock_time(ends, look.zone)}"
    yield "worker", Text(f"{worker_name(run.lease)}, {until}", "" if is_alive else "yellow")


def _steps(timeline: Timeline, run: Run, look: Look) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_column(justify="right", no_wrap=True)
    for step in timeline.in_tree():
        mark, style = look.step_mark(step.state)
        ended = step.ended_at or run.finished_at or look.now
        grid.add_row(Text(mark, style), _step_words(step), text.between(step.started_at, ended))
    return grid


def _step_words(step: Step) -> Text:
    words = Text("  " * step.depth + text.one_line(step.name))
    if step.tries > 1:
        words.append(f" ({step.tries} tries)", "yellow")
    if step.error:
        words.append(f" {text.one_line(step.error)}", "red")
    return words


def _events(events: Sequence[Recorded], run: Run, look: Look) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(style="dim", justify="right", no_wrap=True)
    grid.add_column(overflow="fold")
    for recorded in events:
        event, told = recorded.event, fact(recorded.event)
        grid.add_row(
            text.clock_time(event.at, look.zone),
            f"+{text.between(run.created_at, event.at)}",
            Text(told.line, told.tone.value),
        )
    return grid


def _zone(run: Run, look: Look) -> str:
    day = f"{run.created_at.astimezone(look.zone):%Y-%m-%d}"
    return f"{day}, {text.zone_name(run.created_at, look.zone)}"
