"""The commands while the stack under them comes and goes, and runs that take their time."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.home import Home
from local.processes import is_running
from local.stack import down
from local.stack import status as status_of
from local.state import Phase
from runs.run import Run, Status
from tests.support.cli import SlowStack, errand, errand_running, in_terminal, slow_stack
from tests.support.stack import LocalStack


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlowStack]:
    """A stack that each test leaves up."""
    with slow_stack(tmp_path_factory.mktemp("slow")) as running:
        yield running


def status(stack: SlowStack, session_id: str) -> Status | None:
    run = stack.journal.get(session_id)
    return None if run is None else run.status


def test_a_watcher_can_leave_and_a_cancelled_run_ends_with_3(slow: SlowStack) -> None:
    session_id = slow.send_and_wait()

    with in_terminal("watch", session_id, environ=slow.environ) as terminal:
        terminal.read_until(lambda text: "BUSY" in text)
        terminal.press_ctrl_c()
        left = terminal.end()
    after_leaving = status(slow, session_id)
    with errand_running("watch", session_id, environ=slow.environ) as watching:
        cancelled = errand("cancel", session_id, "--reason", "enough", environ=slow.environ)
        said, _ = watching.communicate(timeout=30)

    assert left == 130
    assert f"`errand watch {session_id}` comes back to it" in terminal.text.replace("\r\n", "")
    assert after_leaving is Status.BUSY
    assert cancelled.returncode == 0
    assert watching.returncode == 3
    assert "cancellation requested: enough" in said
    assert "CANCELLED" in said
    assert errand("result", session_id, environ=slow.environ).returncode == 3


def test_a_watcher_outlives_the_restart_of_its_stack(slow: SlowStack) -> None:
    session_id = slow.send_and_wait()
    early = errand("result", session_id, environ=slow.environ)

    with errand_running("watch", session_id, environ=slow.environ) as watching:
        stopped = errand("down", "--keep", "--json", environ=slow.environ)
        while_down = errand("list", environ=slow.environ)
        up = errand("up", environ=slow.environ)
        errand("cancel", session_id, environ=slow.environ)
        said, _ = watching.communicate(timeout=40)

    assert early.returncode == 5
    assert (stopped.returncode, json.loads(stopped.stdout)) == (0, {"was_up": True})
    assert while_down.returncode == 4
    assert "the local stack is down; `errand up` starts it" in while_down.stderr
    assert up.returncode == 0
    assert "starting the agent …" in up.stderr
    assert watching.returncode == 3
    assert "the local stack is down; `errand up` starts it; trying again" in said
    assert "the journal answers again" in said


def test_a_dead_emulator_ends_every_command_with_what_to_do(tmp_path: Path) -> None:
    with slow_stack(tmp_path) as own:
        session_id = own.send_and_wait()
        with errand_running("watch", session_id, environ=own.environ) as watching:
            assert watching.stdout is not None
            watching.stdout.readline()
            own.kill("emulator")
            _, said = watching.communicate(timeout=20)
        listed = errand("list", environ=own.environ)
        doctor = errand("doctor", environ=own.environ)

    for answer in (watching.returncode, listed.returncode):
        assert answer == 4
    for text in (said, listed.stderr):
        assert "the AWS emulator ended with code -9" in text
        assert "start again with `errand up`" in text
    assert doctor.returncode == 1
    assert "✗ stack" in doctor.stdout
    assert "`errand up` starts a new one" in doctor.stdout


def test_a_run_without_a_stack_starts_one_and_says_how_to_stop_it(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    environ = LocalStack(home).environ

    try:
        ran = errand("run", environ=environ)
        left = LocalStack(home).state
        stopped = errand("down", environ=environ)
    finally:
        down(home)

    assert ran.returncode == 0
    assert "deploying the stack …" in ran.stderr
    assert ran.stderr.splitlines()[-1] == "the local stack is still up; `errand down` stops it"
    assert left.phase is Phase.UP
    assert stopped.returncode == 0
    assert [name for name, process in left.processes.items() if is_running(process)] == []


def test_interrupting_a_start_leaves_nothing_behind(tmp_path: Path) -> None:
    home = Home.at(tmp_path)

    with in_terminal("up", environ=LocalStack(home).environ) as terminal:
        terminal.read_until(lambda text: "✓ starting the AWS emulator" in text)
        terminal.press_ctrl_c()
        code = terminal.end()

    assert code == 130
    assert "interrupted; nothing of the local stack is left running" in terminal.text
    assert status_of(home) is None


def test_a_paused_run_finishes_its_model_call_and_heeds_what_it_is_told(slow: SlowStack) -> None:
    session_id = slow.send_and_wait()
    paused = errand("pause", session_id, "--by", "ada", environ=slow.environ)
    told = errand("tell", session_id, "In euros, please.", environ=slow.environ)
    before = len(slow.model.requests)
    slow.model.may_answer.set()
    with errand_running("watch", session_id, "--plain", environ=slow.environ) as watching:
        parked = wait_until_paused(slow, session_id)
        slow.model.may_answer.clear()
        slow.model.is_asked.clear()
        resumed = errand("resume", session_id, environ=slow.environ)
        assert slow.model.is_asked.wait(30), "the run did not go on"
        asked = slow.model.requests[before:]
        errand("cancel", session_id, environ=slow.environ)
        said, _ = watching.communicate(timeout=30)

    assert "asked the worker of run" in paused.stderr
    assert "when the run, paused by ada, is resumed" in told.stderr
    # What was in flight is paid for and kept, and nothing was asked while the run was paused.
    assert (parked.usage.model_calls, parked.waiting_for) == (1, "paused by ada")
    assert resumed.returncode == 0, resumed.stderr
    assert len(asked) == 1
    assert "In euros, please." in str(asked[0]["messages"][-1])
    assert [each.delivered_to is not None for each in slow.journal.tells(session_id)] == [True]
    assert "pause requested: by ada" in said
    assert "told: message 1" in said


def wait_until_paused(stack: SlowStack, session_id: str) -> Run:
    deadline = time.monotonic() + 30
    while (run := stack.journal.get(session_id)) is None or run.status is not Status.WAITING:
        assert time.monotonic() < deadline, f"still {run}"
        time.sleep(0.05)
    return run
