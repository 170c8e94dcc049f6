"""Child processes that outlive a terminal, and how to end them without hitting a stranger."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.02
#: How much of a log goes into an error message.
_TAIL_CHARACTERS = 800


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process that is never mistaken for a later one with the same pid."""

    pid: int
    #: When it started, as the system tells it; not meant to be read.
    started: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A process this one started and will wait for."""

    #: What an error message calls it.
    name: str
    popen: subprocess.Popen[bytes]
    log_file: Path

    @property
    def pid(self) -> int:
        """Its process id, and that of its group."""
        return self.popen.pid

    @property
    def id(self) -> ProcessId | None:
        """Who it is; None when it has ended."""
        return identify(self.pid)

    @property
    def has_ended(self) -> bool:
        """Whether it is over."""
        return self.popen.poll() is not None

    def let_go(self) -> None:
        """Leave it running when this process ends, on purpose: `Popen` would warn of that."""
        self.popen.returncode = 0


def spawn(
    name: str,
    command: Sequence[str | Path],
    *,
    environ: Mapping[str, str],
    log_file: Path,
    cwd: Path | None = None,
) -> Child:
    """Start a child in a session of its own, so that Ctrl-C in the terminal is not for it."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("ab") as log:
        popen = subprocess.Popen(  # noqa: S603 - the commands are this package's own
            command,
            env=environ,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Child(name=name, popen=popen, log_file=log_file)


def identify(pid: int) -> ProcessId | None:
    """Tell who has a pid now; None when nobody has, or only a zombie."""
    started = _linux_start(pid) if sys.platform == "linux" else _posix_start(pid)
    return None if started is None else ProcessId(pid, started)


def is_running(process: ProcessId) -> bool:
    """Tell whether that very process still runs."""
    return identify(process.pid) == process


def stop(process: ProcessId, *, grace_seconds: float = 5.0) -> None:
    """End a process that `spawn` started, and all it started; do nothing if it is gone.

    It gets SIGTERM first. Its group is killed in any case: a worker it left behind would be
    nobody's.
    """
    if not is_running(process):
        return
    _send(process.pid, signal.SIGTERM)
    if not _ends_within(process, grace_seconds):
        _kill_group(process.pid)
        _ends_within(process, grace_seconds)
    _kill_group(process.pid)


def stop_child(child: Child, *, grace_seconds: float = 5.0) -> None:
    """End a child and all it started; what one that died by itself left behind, too."""
    if child.popen.poll() is None:
        child.popen.terminate()
        try:
            child.popen.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            logger.warning("killing a process that ignores SIGTERM", extra={"child": child.name})
    # The child leads its group: its number is nobody else's while one of the group lives.
    _kill_group(child.pid)
    child.popen.wait()


def find_marked(name: str, value: str) -> tuple[ProcessId, ...]:
    """Find the processes that have a variable in their environment, this one left out.

    For those nobody wrote down, because their parent died first. Linux only; elsewhere, none.
    """
    mark = f"{name}={value}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        process = identify(pid) if pid != os.getpid() and _has_variable(folder, mark) else None
        if process:
            found.append(process)
    return tuple(found)


def tail(log_file: Path) -> str:
    """Give the end of a log, for an error message."""
    try:
        return log_file.read_text(errors="replace")[-_TAIL_CHARACTERS:].strip()
    except FileNotFoundError:
        return ""


def _has_variable(folder: Path, mark: bytes) -> bool:
    try:
        return mark in (folder / "environ").read_bytes().split(b"\0")
    except OSError:
        return False  # gone, or another user's


def _linux_start(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command name is in parentheses and may hold anything, parentheses too.
    fields = stat.rpartition(")")[2].split()
    state, ticks_since_boot = fields[0], fields[19]
    return None if state in "ZX" else ticks_since_boot


def _posix_start(pid: int) -> str | None:
    command = ["ps", "-p", str(pid), "-o", "stat=,lstart="]
    answer = subprocess.run(  # noqa: S603 - a fixed command
        command, capture_output=True, text=True, check=False
    )
    state, _, started = answer.stdout.strip().partition(" ")
    return None if not started or state.startswith("Z") else started.strip()


def _ends_within(process: ProcessId, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_running(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        # Gone. macOS says "not permitted" of a group that holds only zombies.
        return


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
