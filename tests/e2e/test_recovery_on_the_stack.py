"""Runs on the whole local stack whose agent is killed while it works."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest
import requests

from infra.settings import Settings
from local.agent_server import LEASE_SECONDS
from runs.events import Event, EventType
from runs.ids import new_session_id
from runs.run import Run, Status
from tests.support.cost import SAMPLE
from tests.support.stack import LocalStack

POLL = timedelta(seconds=Settings.from_context({"target": "local"}).pace.poll_seconds)
LEASE = timedelta(seconds=LEASE_SECONDS)


def _wait(
    stack: LocalStack, session_id: str, until: Callable[[Run], bool], *, seconds: float = 60
) -> Run:
    give_up_at = time.monotonic() + seconds
    run: Run | None = None
    while time.monotonic() < give_up_at:
        run = stack.journal.get(session_id)
        if run is not None and until(run):
            return run
        time.sleep(0.02)
    msg = f"the run is {run}, the state {stack.state}"
    raise AssertionError(msg)


def _run(stack: LocalStack, *, kill_when: Callable[[Run], bool] | None = None) -> Run:
    session_id = new_session_id()
    stack.send(
        {
            "session_id": session_id,
            "prompt": "What did we spend, and where can we save?",
            "input": str(SAMPLE),
        }
    )
    if kill_when is not None:
        _wait(stack, session_id, kill_when)
        stack.kill("agent")
    return _wait(stack, session_id, lambda run: run.status.is_terminal)


def _events(stack: LocalStack, run: Run) -> list[Event]:
    return [recorded.event for recorded in stack.journal.events(run.session_id)]


def _files(run: Run) -> dict[str, str]:
    return {artifact.name: artifact.sha256 for artifact in run.artifacts}


@pytest.fixture(scope="module")
def undisturbed(stack: LocalStack) -> Run:
    return _run(stack)


@pytest.mark.parametrize(
    "kill_when",
    [
        pytest.param(lambda run: run.status is Status.BUSY, id="just claimed"),
        pytest.param(lambda run: run.usage.model_calls >= 1, id="after a model call"),
        pytest.param(lambda run: run.usage.model_calls >= 4, id="late in the analysis"),
        pytest.param(lambda run: run.progress.done >= 2, id="while it reports"),
    ],
)
def test_a_run_whose_agent_is_killed_ends_with_the_same_report(
    stack: LocalStack, undisturbed: Run, kill_when: Callable[[Run], bool]
) -> None:
    run = _run(stack, kill_when=kill_when)

    kinds = Counter(event.type for event in _events(stack, run))
    steps = Counter(
        event.name for event in _events(stack, run) if event.type is EventType.STEP_SUCCEEDED
    )
    assert (run.status, run.error) == (Status.COMPLETED, None)
    assert _files(run) == _files(undisturbed)
    assert run.usage == undisturbed.usage
    assert kinds[EventType.MODEL_CALLED] == undisturbed.usage.model_calls
    assert set(steps.values()) == {1}


def test_a_lost_worker_is_noticed_within_a_lease_and_an_interval(stack: LocalStack) -> None:
    run = _run(stack, kill_when=lambda run: run.status is Status.BUSY)

    events = _events(stack, run)
    claims = [event.at for event in events if event.type is EventType.LEASE_CLAIMED]
    lost = [event.at for event in events if event.attempt == 1][-1]
    dispatched = [event.at for event in events if event.type is EventType.DISPATCHED]
    assert len(claims) == 2
    # The promise is about noticing; a second is for the emulator to start the handler.
    assert dispatched[-1] - lost <= LEASE + POLL + timedelta(seconds=1)


def test_a_bare_prompt_to_the_agent_is_recovered_like_any_run(stack: LocalStack) -> None:
    session_id = new_session_id()

    answer = requests.post(
        f"{stack.state.agent_url}/invocations",
        json={"session_id": session_id, "prompt": "Where does it go?", "input": str(SAMPLE)},
        timeout=10,
    )
    _wait(stack, session_id, lambda run: run.usage.model_calls >= 1)
    stack.kill("agent")
    run = _wait(stack, session_id, lambda run: run.status.is_terminal)

    assert answer.json()["status"] == "STARTED"
    assert (run.status, run.attempt) == (Status.COMPLETED, 2)


def test_the_same_request_sent_twenty_times_is_one_run(stack: LocalStack) -> None:
    session_id = new_session_id()
    detail = {"session_id": session_id, "prompt": "Once.", "input": str(SAMPLE)}

    for _ in range(20):
        stack.send(detail)
    run = _wait(stack, session_id, lambda run: run.status.is_terminal)

    executions = _ended_executions(stack, session_id, count=20)
    outputs = Counter("DUPLICATE" in output for output in executions)
    assert (run.status, run.attempt) == (Status.COMPLETED, 1)
    assert outputs == {True: 19, False: 1}


def _ended_executions(stack: LocalStack, session_id: str, *, count: int) -> list[str]:
    """Give the outputs of the executions of a run, once so many have succeeded."""
    client = stack.client("stepfunctions")
    give_up_at = time.monotonic() + 60
    outputs: list[str] = []
    while time.monotonic() < give_up_at and len(outputs) < count:
        time.sleep(0.2)
        listed = client.list_executions(
            stateMachineArn=stack.outputs["StateMachineArn"], statusFilter="SUCCEEDED"
        )["executions"]
        found = [client.describe_execution(executionArn=one["executionArn"]) for one in listed]
        outputs = [one["output"] for one in found if session_id in one["output"]]
    return outputs
