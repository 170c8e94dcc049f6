"""The live view of one run: pure, from what is known of it to something Rich can draw."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli import text
from cli.asks_view import ask_lines
from cli.facts import fact
from cli.look import STATUS_STYLES, Look
from cli.scene import Scene
from cli.timeline import Step, Timeline
from runs.events import Event, EventType
from runs.run import Run, Status, Usage

#: Lines of the view that are neither steps nor events; the counters may take three of them.
_FRAME = 7
_MOST_EVENTS = 5
_FEWEST_STEPS = 3

#: What the steps and the counters say already.
_SHOWN_ELSEWHERE = frozenset(
    {
        EventType.CONTEXT_STARTED,
        EventType.CONTEXT_SUCCEEDED,
        EventType.STEP_STARTED,
        EventType.STEP_SUCCEEDED,
        EventType.PROGRESS_REPORTED,
    }
)


def live_view(scene: Scene, look: Look) -> RenderableType:
    """Draw a run as it is now, no higher than the terminal until it has ended."""
    run = scene.run
    if run is None:
        return Group(*_before_acceptance(scene, look), *_trouble(scene))
    asks = [_cut(line, look) for line in ask_lines(run, scene.timeline.asks, look, scene.pages)]
    events = [] if scene.is_over else _last_events(scene.timeline, look, taken=len(asks))
    return Group(
        _headline(run, look),
        _steps(scene, look, room=look.height - _FRAME - len(events) - len(asks)),
        *asks,
        *_progress(run, look),
        *_counters(scene, look),
        *events,
        *_trouble(scene),
    )


def counters(run: Run, timeline: Timeline | None = None, *, dot: str) -> str:
    """Sum up what a run used."""
    usage = run.usage
    parts = [
        text.count(usage.model_calls, "model call"),
        f"{text.tokens(usage.input_tokens)} tokens in, {text.tokens(usage.output_tokens)} out",
        _cost(usage),
    ]
    if timeline is not None:
        parts.insert(0, text.count(timeline.tool_calls, "tool call"))
    return f" {dot} ".join(parts)


def _cost(usage: Usage) -> str:
    words = text.cost(usage.cost_usd, unpriced_calls=usage.unpriced_calls)
    return f"cost {words}" if usage.unpriced_calls else words


def elapsed(run: Run, now: datetime) -> str:
    """Write how long a run has taken, from its acceptance on."""
    if run.finished_at is None:
        return text.clock((now - run.created_at).total_seconds())
    return text.between(run.created_at, run.finished_at)


def _before_acceptance(scene: Scene, look: Look) -> list[RenderableType]:
    waited = text.clock((look.now - scene.watched_since).total_seconds())
    line = Text.assemble(
        (f"{look.spinner} ", "cyan"), f"run {scene.session_id[:8]} is on its way, {waited}"
    )
    return [_cut(line, look)]


def _headline(run: Run, look: Look) -> RenderableType:
    left = Text.assemble(
        (run.workflow, "bold"), " ", (run.session_id[:8], "dim"), " ", _status(run, look)
    )
    if run.attempt > 1:
        left.append(f" attempt {run.attempt}", "yellow")
    if run.cancel_requested and not run.status.is_terminal:
        left.append(" cancelling", "yellow")
    return _sides(left, Text(elapsed(run, look.now), "bold"), look)


def _status(run: Run, look: Look) -> Text:
    if run.status is Status.BUSY and run.lease is not None and run.lease.expires_at < look.now:
        # The worker missed its heartbeats; a watcher should not believe it is still at work.
        label = f"{run.status.value}, lease expired"
        return Text(label, STATUS_STYLES[run.status])
    return Text(standing(run), STATUS_STYLES[run.status])


def standing(run: Run) -> str:
    """Say how a run stands: what it waits for, and who paused it."""
    if run.pause is not None:
        pausing = "to be " if run.status is Status.BUSY else ""
        return f"{run.status.value}, {pausing}{text.one_line(run.pause.words)}"
    if run.status is Status.WAITING and run.waiting_for:
        return f"{run.status.value} for {text.one_line(run.waiting_for)}"
    return run.status.value


def _steps(scene: Scene, look: Look, *, room: int) -> RenderableType:
    # The last ones that were begun as long as there are more to come; then all, in their places.
    timeline = scene.timeline
    steps = list(timeline.in_tree() if scene.is_over else timeline.steps.values())
    shown = steps if scene.is_over else steps[-max(room, _FEWEST_STEPS) :]
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(width=len(look.spinner), no_wrap=True)
    grid.add_column(ratio=1, no_wrap=True, overflow=look.overflow)
    grid.add_column(justify="right", no_wrap=True)
    if hidden := len(steps) - len(shown):
        grid.add_row("", Text(f"{look.glyphs.more} {text.count(hidden, 'earlier step')}", "dim"))
    for step in shown:
        mark, style = look.step_mark(step.state)
        grid.add_row(Text(mark, style), _step_name(step), _step_time(step, scene, look))
    return grid


def _step_name(step: Step) -> Text:
    name = Text("  " * step.depth + text.one_line(step.name))
    if step.tries > 1:
        name.append(f" (try {step.tries})", "yellow")
    if step.error:
        name.append(f" {text.one_line(step.error)}", "red")
    return name


def _step_time(step: Step, scene: Scene, look: Look) -> str:
    ended = step.ended_at or (scene.run.finished_at if scene.run else None)
    if ended is None:
        return text.clock((look.now - step.started_at).total_seconds())
    return text.between(step.started_at, ended)


def _progress(run: Run, look: Look) -> list[RenderableType]:
    progress = run.progress
    if run.status.is_terminal or not (progress.message or progress.total):
        return []
    share = f"{progress.done:,} of {progress.total:,} " if progress.total else ""
    return [
        _cut(Text(f"{look.glyphs.more} {share}{text.one_line(progress.message)}", "italic"), look)
    ]


def _counters(scene: Scene, look: Look) -> list[RenderableType]:
    if scene.run is None or scene.is_over:
        # What it came to is said below the view.
        return []
    # Not cut: what a run costs is to be seen on a narrow terminal, too.
    return [Text(counters(scene.run, scene.timeline, dot=look.glyphs.dot), "dim")]


def _last_events(timeline: Timeline, look: Look, *, taken: int) -> list[RenderableType]:
    told = [event for event in timeline.recent if event.type not in _SHOWN_ELSEWHERE]
    room = min(_MOST_EVENTS, max(look.height - _FRAME - _FEWEST_STEPS - taken, 0))
    return [_event_line(event, look) for event in told[len(told) - room :]] if room else []


def _event_line(event: Event, look: Look) -> Text:
    told = fact(event)
    at = text.clock_time(event.at, look.zone)
    return _cut(Text.assemble((f"{at} ", "dim"), (told.line, told.tone.value)), look)


def _trouble(scene: Scene) -> Sequence[RenderableType]:
    return [Text(scene.trouble, "yellow")] if scene.trouble else []


def _sides(left: Text, right: Text, look: Look) -> RenderableType:
    grid = Table.grid(padding=(0, 1), expand=True)
    grid.add_column(ratio=1, no_wrap=True, overflow=look.overflow)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_row(left, right)
    return grid


def _cut(line: Text, look: Look) -> Text:
    line.no_wrap = True
    line.overflow = look.overflow
    return line
