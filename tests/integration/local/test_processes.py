"""Starting, recognising and ending processes."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.agent_server import AgentKeeper
from local.processes import (
    Child,
    ProcessId,
    find_marked,
    identify,
    is_running,
    spawn,
    stop,
    stop_child,
)

STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True)"
PARENT = "import subprocess, sys; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True)"
WAIT = "; import time; time.sleep(60)"


class Spawner:
    """Starts Python processes that are ended with the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.children: list[Child] = []

    def __call__(self, code: str, **environ: str) -> Child:
        log_file = self.folder / f"{len(self.children)}.log"
        child = spawn(
            "a child",
            [sys.executable, "-c", code],
            environ={**os.environ, **environ},
            log_file=log_file,
        )
        self.children.append(child)
        return child


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Spawner]:
    spawner = Spawner(tmp_path)
    yield spawner
    for child in spawner.children:
        child.popen.kill()
        child.popen.wait()


def wait_for_line(child: Child) -> str:
    deadline = time.monotonic() + 20
    while not child.log_file.read_text().endswith("\n"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return child.log_file.read_text().strip()


def identity(child: Child) -> ProcessId:
    process = child.id
    assert process is not None
    return process


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 20
    while identify(pid):
        assert time.monotonic() < deadline, f"process {pid} still runs"
        time.sleep(0.01)


def test_a_process_is_stopped_with_what_it_started(start: Spawner) -> None:
    child = start(PARENT + WAIT)
    grandchild = int(wait_for_line(child))

    stop(identity(child))

    wait_until_gone(child.pid)
    wait_until_gone(grandchild)


def test_a_child_that_ended_leaves_no_grandchild(start: Spawner) -> None:
    child = start(PARENT)
    grandchild = int(wait_for_line(child))
    # Waited for, as the supervisor does when it looks whether its children live.
    child.popen.wait()

    stop_child(child)

    wait_until_gone(grandchild)


@pytest.mark.parametrize("how", ["child", "stranger"])
def test_a_process_that_ignores_sigterm_is_killed(start: Spawner, how: str) -> None:
    child = start(STUBBORN + WAIT)
    wait_for_line(child)

    if how == "child":
        stop_child(child, grace_seconds=0.1)
    else:
        stop(identity(child), grace_seconds=0.1)

    wait_until_gone(child.pid)


def test_a_later_process_with_the_same_pid_is_left_alone(start: Spawner) -> None:
    child = start("import time; time.sleep(60)")
    earlier = ProcessId(child.pid, "an hour ago")

    stop(earlier)

    assert not is_running(earlier)
    assert is_running(identity(child))


def test_a_process_that_ended_and_was_not_waited_for_is_not_running(start: Spawner) -> None:
    child = start("print('done')")

    wait_until_gone(child.pid)

    assert child.has_ended


@pytest.mark.skipif(sys.platform != "linux", reason="environments are read from /proc")
def test_a_process_nobody_wrote_down_is_found_by_its_mark(start: Spawner) -> None:
    child = start("print(1, flush=True)" + WAIT, ERRAND_TEST_MARK="/a/b")
    wait_for_line(child)

    assert [each.pid for each in find_marked("ERRAND_TEST_MARK", "/a/b")] == [child.pid]
    assert find_marked("ERRAND_TEST_MARK", "/a") == ()


class Keeping:
    """A keeper of children that end at once, with a clock that stands still."""

    def __init__(self, start: Spawner) -> None:
        self.now = 0.0
        self.is_healthy = False
        self.keeper = AgentKeeper(
            start("pass"),
            start=lambda: start("pass"),
            is_healthy=lambda: self.is_healthy,
            clock=lambda: self.now,
        )

    def seconds_to_restart(self) -> float:
        """Let the child end, and tell for how long the keeper leaves it at that."""
        self.keeper.child.popen.wait()
        died_at = self.now
        while not self.keeper.look():
            self.now += 0.05
        return round(self.now - died_at, 2)


def test_an_agent_that_worked_is_started_again_at_once(start: Spawner) -> None:
    keeping = Keeping(start)

    assert keeping.seconds_to_restart() == 0.1
    assert keeping.keeper.restarts == 1


def test_an_agent_that_never_answers_is_started_ever_later(start: Spawner) -> None:
    keeping = Keeping(start)

    waits = [keeping.seconds_to_restart() for _ in range(8)]

    assert waits == sorted(waits)
    assert waits[0] == 0.1
    assert waits[-1] == 5.0


def test_an_agent_that_answered_again_is_started_at_once_again(start: Spawner) -> None:
    keeping = Keeping(start)
    for _ in range(4):
        keeping.seconds_to_restart()
    working = start("import time; time.sleep(60)")
    keeping.keeper.child = working

    keeping.is_healthy = True
    keeping.keeper.look()
    working.popen.kill()

    assert keeping.seconds_to_restart() == 0.1
