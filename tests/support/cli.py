"""The `errand` command in a process of its own, in a terminal of its own, and its views as text."""

import fcntl
import io
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType

from cli.look import Look
from local.home import Home
from local.stack import down, up
from runs.events import Event
from runs.journal.base import Recorded
from tests.support.journals import NOW, later
from tests.support.model_server import ModelServer, serving
from tests.support.stack import LocalStack

ERRAND = (sys.executable, "-m", "cli")

#: What `docs/cli.md` promises to be there, whatever comes to it.
PROMISED = {
    "session_id",
    "workflow",
    "status",
    "attempt",
    "result",
    "artifacts",
    "usage",
    "cost_usd",
    "started_at",
    "finished_at",
    "error",
}

#: What a terminal obeys and does not show.
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-_]")


def errand(
    *arguments: str,
    environ: Mapping[str, str],
    cwd: Path | None = None,
    seconds: float = 60,
    standard_input: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(  # noqa: S603 - this interpreter, and a test's arguments
        [*ERRAND, *arguments],
        env=environ,
        cwd=cwd,
        input=standard_input,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


@contextmanager
def errand_running(*arguments: str, environ: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run the command beside the block; it is killed if it is still there after it."""
    process = subprocess.Popen(  # noqa: S603 - as above
        [*ERRAND, *arguments],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


@dataclass
class Terminal:
    """A terminal with the command in it."""

    process: subprocess.Popen[bytes]
    master: int
    #: Everything that was written to it, escape sequences too.
    raw: str = ""

    @property
    def text(self) -> str:
        """What was written to it, each frame of a live view after the other."""
        return _CONTROL.sub("", self.raw)

    def read_until(self, check: Callable[[str], object], *, seconds: float = 30) -> None:
        """Read on until what was written is as wanted."""
        deadline = time.monotonic() + seconds
        while not check(self.text):
            assert time.monotonic() < deadline, f"still: {self.text}"
            assert self._read(), f"the command ended with: {self.text}"

    def press_ctrl_c(self) -> None:
        """Interrupt the command as its user would."""
        os.write(self.master, b"\x03")

    def end(self, *, seconds: float = 60) -> int:
        """Read to the end, and give the exit code."""
        deadline = time.monotonic() + seconds
        while self._read():
            assert time.monotonic() < deadline, f"still running: {self.text}"
        return self.process.wait(10)

    def _read(self) -> bool:
        if not select.select([self.master], [], [], 0.1)[0]:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:
            # Linux's word for "the other side is closed".
            return False
        self.raw += data.decode(errors="replace")
        return bool(data)


@contextmanager
def in_terminal(
    *arguments: str, environ: Mapping[str, str], columns: int = 80, rows: int = 24
) -> Iterator[Terminal]:
    """Run the command in a terminal of some size beside the block."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    plain = {name: value for name, value in environ.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(  # noqa: S603 - as above
        [*ERRAND, *arguments],
        env={**plain, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        # Its own session, with the terminal as its own: Ctrl-C in it is for the command alone.
        start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509 - nothing else tells a child its terminal
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def a_look(**changes: Any) -> Look:  # noqa: ANN401 - any field of a look
    """Make a look half a minute after `NOW`, in UTC."""
    fields: dict[str, Any] = {"now": later(30), "zone": UTC}
    return Look(**fields | changes)


def drawn(what: RenderableType, *, width: int = 80) -> str:
    """Draw a view as text."""
    console = Console(
        file=io.StringIO(), width=width, height=24, highlight=False, markup=False, emoji=False
    )
    with console.capture() as text:
        console.print(what)
    return text.get()


def recorded(*events: Event) -> list[Recorded]:
    """Give events the ids of a journal, in order."""
    return [Recorded(event_id=f"{number:026}", event=event) for number, event in enumerate(events)]


@dataclass
class StillClock:
    """A clock that only moves when it is told to, as a pause does."""

    at: datetime = NOW
    pauses: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.at

    def pause(self, seconds: float) -> None:
        """Let time go by."""
        self.pauses.append(seconds)
        self.at = later((self.at - NOW).total_seconds() + seconds)


@dataclass(frozen=True)
class SlowStack(LocalStack):
    """A local stack whose agent asks a model that answers when the test lets it."""

    model: ModelServer

    @property
    def environ(self) -> dict[str, str]:
        """See `LocalStack.environ`. Brought up again, the agent asks the same model."""
        return {**super().environ, "ERRAND_MODEL": f"openai:{self.model.url}#slow"}

    def send_and_wait(self) -> str:
        """Send a request, and give its run's id once a worker waits for the model's answer."""
        self.model.is_asked.clear()
        sent = errand("send", environ=self.environ)
        assert sent.returncode == 0, sent.stderr
        assert self.model.is_asked.wait(30), "the model was never asked"
        return sent.stdout.strip()


@contextmanager
def slow_stack(folder: Path) -> Iterator[SlowStack]:
    """Run a stack for the block whose runs take as long as the test likes."""
    home = Home.at(folder)
    with serving() as model:
        model.may_answer.clear()
        stack = SlowStack(home, model)
        try:
            up(home, environ=stack.environ, agent_port=0)
            yield stack
        finally:
            model.may_answer.set()
            down(home)
