"""How things are drawn here: characters the terminal has, the time zone, the present moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from rich.console import OverflowMethod

from cli.timeline import StepState
from runs.run import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyphs:
    """The few characters beyond letters that views use."""

    done: str
    failed: str
    waiting: str
    given_up: str
    dot: str
    more: str
    spinner: Sequence[str]


UNICODE = Glyphs(
    done="✓", failed="✗", waiting="◷", given_up="-", dot="·", more="…", spinner="⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
)
ASCII = Glyphs(
    done="+", failed="x", waiting="o", given_up="-", dot="|", more="...", spinner="|/-\\"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Everything a view needs besides what it shows, so that views are pure functions."""

    now: datetime
    #: None is the machine's own zone.
    zone: tzinfo | None = None
    glyphs: Glyphs = UNICODE
    width: int = 80
    height: int = 24

    @property
    def overflow(self) -> OverflowMethod:
        """Say how a line that is too long is cut: Rich's ellipsis is no ASCII."""
        return "ellipsis" if self.glyphs.more == UNICODE.more else "crop"

    @property
    def spinner(self) -> str:
        """Give the picture of the spinner that belongs to this moment."""
        frames = self.glyphs.spinner
        return frames[int(self.now.timestamp() * 10) % len(frames)]

    def step_mark(self, state: StepState) -> tuple[str, str]:
        """Give a step's mark and its style."""
        return {
            StepState.RUNNING: (self.spinner, "cyan"),
            StepState.WAITING: (self.glyphs.waiting, "yellow"),
            StepState.DONE: (self.glyphs.done, "green"),
            StepState.FAILED: (self.glyphs.failed, "red"),
            StepState.GIVEN_UP: (self.glyphs.given_up, "yellow"),
        }[state]


STATUS_STYLES = {
    Status.QUEUED: "cyan",
    Status.BUSY: "cyan",
    Status.WAITING: "yellow",
    Status.COMPLETED: "green",
    Status.FAILED: "red",
    Status.CANCELLED: "yellow",
    Status.TIMED_OUT: "red",
}
