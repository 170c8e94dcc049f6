"""Showing a run while it goes on: a live view, plain lines, or JSON lines."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from rich.console import Console, RenderableType
from rich.text import Text

from cli import text
from cli.facts import fact
from cli.live_view import live_view
from cli.run_json import run_to_json
from cli.scene import Scene
from cli.screen import Screen, is_alive, look_of
from runs.events import EventType
from runs.run import Run

#: Consumes scenes up to the last one.
Follow = Callable[[Iterator[Scene]], None]

_FRAMES_PER_SECOND = 8
#: What groups of steps are for: noise without a view that indents them.
_QUIET = frozenset({EventType.CONTEXT_STARTED, EventType.CONTEXT_SUCCEEDED})


def follow_on(console: Console, *, is_plain: bool) -> Follow:
    """Choose how to show a run on a console."""
    return _Live(console).follow if is_alive(console) and not is_plain else _Plain(console).follow


def follow_as_json(screen: Screen) -> Follow:
    """Write one JSON object a line: each event, and the run whenever its status changes."""

    def follow(scenes: Iterator[Scene]) -> None:
        told, ids = _Told(), count(1)
        for scene in scenes:
            _say_trouble(screen.err, scene, told)
            for recorded in scene.news:
                screen.show_json({"event": recorded.event.to_json(next(ids))}, is_line=True)
            if scene.run is not None and told.is_news((scene.run.status, scene.run.attempt)):
                screen.show_json({"run": run_to_json(scene.run)}, is_line=True)

    return follow


@dataclass(slots=True)
class _Told:
    """Remembers what was told last."""

    last: object = None
    trouble: str | None = None
    #: The approvals for which the commands were named.
    asks: set[str] = field(default_factory=set)

    def is_news(self, what: object) -> bool:
        is_news, self.last = what != self.last, what
        return is_news


class _Live:
    """A view that is drawn over itself. Between two looks its clocks and spinners go on."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._scene: Scene | None = None

    def follow(self, scenes: Iterator[Scene]) -> None:
        from rich.live import Live  # noqa: PLC0415 - most commands draw nothing alive

        with Live(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=_FRAMES_PER_SECOND,
            redirect_stdout=False,
            redirect_stderr=False,
        ) as live:
            for self._scene in scenes:
                live.refresh()

    def _draw(self) -> RenderableType:
        if self._scene is None:
            return Text("")
        return live_view(self._scene, look_of(self._console))


class _Plain:
    """A line for each thing that happens, for files, pipes and terminals that can't be drawn on."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def follow(self, scenes: Iterator[Scene]) -> None:
        told = _Told()
        for scene in scenes:
            _say_trouble(self._console, scene, told)
            if scene.run is not None and told.is_news("opened"):
                self._line(_opening(scene.run))
            for recorded in scene.news:
                if recorded.event.type not in _QUIET:
                    self._line(_fact_line(recorded.event.at, fact(recorded.event).line))
            self._say_how_to_answer(scene, told)

    def _say_how_to_answer(self, scene: Scene, told: "_Told") -> None:
        for ask in scene.timeline.asks.values():
            if ask.approval_id not in told.asks:
                told.asks.add(ask.approval_id)
                self._line(
                    f"         `errand approve {ask.approval_id}` or "
                    f"`errand deny {ask.approval_id} --comment TEXT` answers"
                )

    def _line(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)


def _say_trouble(console: Console, scene: Scene, told: _Told) -> None:
    if scene.trouble == told.trouble:
        return
    told.trouble = scene.trouble
    console.print(Text(scene.trouble or "the journal answers again"), soft_wrap=True)


def _opening(run: Run) -> str:
    at = text.moment(run.created_at, None)
    return f"run {run.session_id} ({run.workflow}), accepted {at}"


def _fact_line(at: datetime, line: str) -> str:
    return f"{text.clock_time(at, None)} {line}"
