"""The local stack as a whole: up, down, and what happens when a part of it dies."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local.errors import PortInUseError, StackFailedError
from local.health import answers
from local.home import Home
from local.processes import find_marked, is_running
from local.stack import down, status, up
from local.state import Phase
from runs.request import RunRequest
from runs.run import Run
from tests.support.stack import LocalStack, running_stack

SESSION = "0b9f6c1e-local-stack-0000-000000000001"
OTHER_SESSION = "0b9f6c1e-local-stack-0000-000000000002"
NO_SUCH_BILL = "/no/such/bill.csv"

#: Brings a stack up as the command line does, telling each step.
_UP = """
import os, sys
from pathlib import Path
from local.home import Home
from local.stack import up
up(
    Home.at(Path(sys.argv[1])), environ=os.environ, agent_port=0,
    report=lambda step: print(step, flush=True),
)
"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalStack]:
    """A stack for one test to break."""
    with running_stack(tmp_path) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Where a test brings a stack up itself; whatever comes of it, nothing is left running."""
    where = Home.at(tmp_path)
    yield where
    # Waits for an `up` that is still at it.
    down(where)


def marked(home: Home) -> list[int]:
    return [process.pid for process in find_marked("ERRAND_STACK_HOME", str(home.root))]


def run_on_its_way() -> Run:
    request = RunRequest.from_json(
        {"prompt": "analyse", "input": NO_SUCH_BILL},
        source="test",
        workflows=["cost-analysis"],
        session_id=OTHER_SESSION,
    )
    return request.to_run(datetime.now(UTC))


def wait_for_end(stack: LocalStack, session_id: str) -> Run:
    deadline = time.monotonic() + 40
    while True:
        run = stack.journal.get(session_id)
        if run and run.status.is_terminal:
            return run
        assert time.monotonic() < deadline, f"the run is still {run}"
        time.sleep(0.1)


def wait_until_announced(stack: LocalStack, session_id: str) -> Run:
    """Wait until nobody writes to a run any more: its session is stopped, its end is told."""
    deadline = time.monotonic() + 40
    while True:
        run = wait_for_end(stack, session_id)
        if run.announced_at is not None:
            return run
        assert time.monotonic() < deadline, f"the end of {run} is not announced"
        time.sleep(0.1)


def test_two_ups_at_once_bring_up_one_stack_and_down_leaves_nothing(home: Home) -> None:
    steps: list[str] = []

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(
            lambda _: up(home, environ=os.environ, agent_port=0, report=steps.append), range(2)
        )
    is_answering = answers(first.ports.agent, "/ping")
    downs = (down(home), down(home))

    assert first == second
    assert is_answering
    assert steps.count("waiting for another command on this stack") == 1
    assert downs == (True, False)
    assert [each for each in first.processes.values() if is_running(each)] == []
    assert marked(home) == []
    assert status(home) is None
    assert not home.emulator_state.exists()


def test_an_event_reaches_the_agent_and_its_run_ends_in_the_journal(stack: LocalStack) -> None:
    stack.send({"session_id": SESSION, "prompt": "analyse", "input": NO_SUCH_BILL})

    run = wait_for_end(stack, SESSION)

    assert run.error is not None
    assert NO_SUCH_BILL in run.error.message


def test_a_killed_agent_is_started_again(stack: LocalStack) -> None:
    before = stack.state.agent_restarts

    killed = stack.kill("agent")
    after = stack.wait_until(lambda state: state.agent not in (None, killed))
    stack.wait_until(lambda state: answers(state.ports.agent, "/ping"))

    assert after.agent_restarts == before + 1
    assert stack.state.phase is Phase.UP


def test_up_reports_its_steps_and_a_second_up_has_none(stack: LocalStack) -> None:
    steps: list[str] = []

    state = up(stack.home, environ=os.environ, agent_port=0, report=steps.append)

    assert state == stack.state
    assert steps == []


def test_kept_runs_are_there_after_down_and_up_and_go_on(own: LocalStack) -> None:
    own.send({"session_id": SESSION, "prompt": "analyse", "input": NO_SUCH_BILL})
    before = wait_until_announced(own, SESSION)
    # As if it had been on its way: nothing watches it, and an execution would not survive anyway.
    own.journal.accept(run_on_its_way())
    port = own.state.ports.emulator

    down(own.home, keep=True)
    up(own.home, environ=os.environ, agent_port=0)

    assert own.journal.get(SESSION) == before
    assert own.state.ports.emulator == port
    assert wait_for_end(own, OTHER_SESSION).status.is_terminal


def test_an_up_that_is_interrupted_leaves_kept_runs_to_the_next(own: LocalStack) -> None:
    def interrupt(step: str) -> None:
        if step == "starting the agent":
            raise KeyboardInterrupt

    own.journal.accept(run_on_its_way())
    down(own.home, keep=True)

    with pytest.raises(KeyboardInterrupt):
        up(own.home, environ=os.environ, agent_port=0, report=interrupt)
    up(own.home, environ=os.environ, agent_port=0)

    assert wait_for_end(own, OTHER_SESSION).status.is_terminal


def test_a_stack_whose_supervisor_was_killed_says_so_and_the_next_up_replaces_it(
    own: LocalStack,
) -> None:
    left = dict(own.state.processes)
    killed = own.kill("supervisor")
    broken = own.wait_until(lambda state: state.phase is Phase.FAILED)

    state = up(own.home, environ=os.environ, agent_port=0)

    assert broken.error is not None
    assert f"pid {killed.pid}" in broken.error
    assert [name for name, process in left.items() if is_running(process)] == []
    assert state.phase is Phase.UP


def test_down_ends_what_a_killed_supervisor_left(own: LocalStack) -> None:
    own.kill("supervisor")
    # As if it had been killed before it could write anything down.
    own.home.state_file.unlink()

    was_up = down(own.home)

    assert was_up
    assert marked(own.home) == []


def test_when_the_emulator_dies_the_stack_says_that_its_journal_is_gone(own: LocalStack) -> None:
    processes = own.state.processes

    own.kill("emulator")
    state = own.wait_until(lambda state: state.phase is Phase.FAILED)
    own.wait_until(lambda _: not is_running(processes["supervisor"]))

    assert state.error is not None
    assert "the AWS emulator ended with code -9, and the journal went with it" in state.error
    assert not is_running(processes["agent"])
    assert marked(own.home) == []


def test_interrupting_up_leaves_nothing_running(home: Home) -> None:
    process = subprocess.Popen(  # noqa: S603 - this interpreter, and the text above
        [sys.executable, "-c", _UP, str(home.root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout as steps:
        while "starting the agent" not in steps.readline():
            assert process.poll() is None, "up ended before it started the agent"
        process.send_signal(signal.SIGINT)
        process.wait(60)

    assert process.returncode == -signal.SIGINT
    assert marked(home) == []
    assert status(home) is None


def test_a_port_in_use_is_named_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        with pytest.raises(PortInUseError, match=f"port {port} is in use.* --port {port + 10}"):
            up(Home.at(tmp_path), environ=os.environ, agent_port=port)


def test_an_agent_that_cannot_start_fails_up_with_its_own_words(home: Home) -> None:
    with pytest.raises(StackFailedError, match="ERRAND_PARK_AFTER"):
        up(home, environ={**os.environ, "ERRAND_PARK_AFTER": "soon"}, agent_port=0)

    assert marked(home) == []
    state = status(home)
    assert state is not None
    assert state.phase is Phase.FAILED
