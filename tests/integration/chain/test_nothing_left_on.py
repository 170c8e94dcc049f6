"""Whatever ends or parks a run, its session is stopped; and a sweep finds what was left on."""

import json
import time
from collections.abc import Mapping
from datetime import timedelta

import pytest

from invoker.stopping import SessionStopper
from invoker.transport import AgentRuntime
from local.clients import local_client
from runs.again import Retry
from runs.events import EventType
from runs.journal.base import Claim
from runs.run import Run, Status
from runs.stepfunctions import StepFunctionsExecutions, StepFunctionsWatcher
from runs.sweeper import Sweeper, Swept
from runs.sweeping import Mend, Problem
from tests.integration.chain import scenarios
from tests.support.chain import (
    END_SECONDS,
    PACE,
    Chain,
    Execution,
    complete,
    die,
    hold,
    new_session,
    now,
    park_once,
    request,
)
from tests.support.data_plane import RUNTIME_ARN, Reply

ENDED = (
    "agent_down",
    "asked_and_died",
    "asked_and_expired",
    "cancelled_while_busy",
    "cancelled_while_waiting",
    "completed",
    "deadline_passed",
    "expired_while_all_was_down",
    "failed",
    "handed_over_to_the_end",
    "signal_lost",
    "waited",
    "worker_lost",
    "workers_lost",
)


def session_of(chain: Chain, execution: Execution) -> str:
    found = chain.steps.describe_execution(executionArn=execution.arn)
    return str(json.loads(found["input"])["session_id"])


def head(chain: Chain, session_id: str) -> Run:
    run = chain.journal.get(session_id)
    assert run is not None
    return run


def stops(chain: Chain, session_id: str) -> int:
    events = [each.event.type for each in chain.journal.events(session_id)]
    return events.count(EventType.SESSION_STOPPED)


@pytest.mark.parametrize("name", ENDED)
def test_a_run_that_has_ended_left_nothing_on_and_was_announced(
    ended: Mapping[str, Execution], chain: Chain, name: str
) -> None:
    session_id = session_of(chain, ended[name])
    run = head(chain, session_id)

    assert run.status.is_terminal
    assert not run.has_session
    assert run.announced_at is not None
    assert chain.actions[session_id][-1] == "stop"
    assert stops(chain, session_id) >= 1


def test_a_run_that_is_cancelled_before_a_worker_took_it_leaves_nothing_on(chain: Chain) -> None:
    session_id = new_session()
    # The session was called and works on nothing.
    chain.faults[session_id] = [Reply({"status": "STARTED"})]
    arn = chain.start(request(session_id))
    chain.wait_until_visited(arn, "AwaitSignal")

    chain.invoke(action="cancel", session_id=session_id, reason="no longer wanted")
    chain.wait_for_end(arn)

    assert chain.actions[session_id] == ["start", "stop"]
    assert not head(chain, session_id).has_session


def test_a_run_that_is_paused_before_a_worker_took_it_leaves_nothing_on(chain: Chain) -> None:
    session_id = new_session()
    chain.faults[session_id] = [Reply({"status": "STARTED"})]
    arn = chain.start(request(session_id))
    chain.wait_until_visited(arn, "AwaitSignal")

    chain.invoke(action="pause", session_id=session_id, by="ada")
    chain.wait_until_visited(arn, "StopParked")
    wait_until_stopped(chain, session_id)
    chain.invoke(action="resume", session_id=session_id, by="ada")
    chain.wait_for_end(arn)

    # Resumed it has another session, which is stopped like the first.
    assert chain.actions[session_id] == ["start", "stop", "start", "stop"]
    assert not head(chain, session_id).has_session


def test_a_run_that_is_retried_is_stopped_for_each_of_its_ends(chain: Chain) -> None:
    session_id = new_session()

    def die_twice(chain: Chain, claim: Claim) -> None:
        (die if claim.run.retries == 0 else complete)(chain, claim)

    chain.scripts[session_id] = die_twice
    chain.wait_for_end(chain.start(request(session_id, max_attempts=1)))
    chain.journal.retry(session_id, Retry(by="ops"), now=now())
    watcher = StepFunctionsWatcher(chain.steps, state_machine=chain.machine(PACE))
    watcher.watch(session_id, retry=1)
    wait_until_announced(chain, session_id, retries=1)

    run = head(chain, session_id)
    assert run.status is Status.COMPLETED
    assert not run.has_session
    assert stops(chain, session_id) == 2


def wait_until_stopped(chain: Chain, session_id: str) -> None:
    deadline = time.monotonic() + END_SECONDS
    while head(chain, session_id).has_session:
        assert time.monotonic() < deadline, f"session {session_id} is still on"
        time.sleep(0.05)


def wait_until_announced(chain: Chain, session_id: str, *, retries: int = 0) -> None:
    deadline = time.monotonic() + END_SECONDS
    while True:
        run = head(chain, session_id)
        if run.retries == retries and run.announced_at is not None:
            return
        assert time.monotonic() < deadline, f"the end of {session_id} is not announced"
        time.sleep(0.05)


@pytest.fixture
def sweeper(chain: Chain) -> Sweeper:
    """A sweep with no patience, of the machine that the tests' executions are of."""
    client = local_client("bedrock-agentcore", chain.plane.url)
    return Sweeper(
        journal=chain.journal,
        signal=chain.signal,
        clock=now,
        patience=timedelta(0),
        executions=StepFunctionsExecutions(chain.steps, state_machine=chain.machine(PACE)),
        stopper=SessionStopper(
            journal=chain.journal, sessions=AgentRuntime(client, arn=RUNTIME_ARN), clock=now
        ),
    )


def swept(sweeper: Sweeper, session_id: str) -> list[tuple[Problem, Mend | None]]:
    found: Swept = sweeper.sweep(is_dry=False)
    return [(each.problem, each.mend) for each in found.found if each.run.session_id == session_id]


def stop_by_hand(chain: Chain, arn: str) -> None:
    chain.steps.stop_execution(executionArn=arn, cause="a slip of a person")


def test_a_run_whose_execution_was_stopped_by_hand_is_watched_again(
    chain: Chain, sweeper: Sweeper
) -> None:
    session_id = new_session()
    chain.scripts[session_id] = park_once(None)
    arn = chain.start(request(session_id))
    chain.wait_until_visited(arn, "AwaitDays")
    stop_by_hand(chain, arn)

    assert swept(sweeper, session_id) == [(Problem.UNWATCHED, Mend.WATCH)]
    chain.invoke(action="cancel", session_id=session_id, reason="enough")
    wait_until_announced(chain, session_id)

    assert not head(chain, session_id).has_session
    assert swept(sweeper, session_id) == []


def test_an_end_that_no_execution_saw_is_stopped_and_announced(
    chain: Chain, sweeper: Sweeper
) -> None:
    session_id = new_session()
    chain.scripts[session_id] = hold(2)
    arn = chain.start(request(session_id))
    chain.wait_for(session_id, Status.BUSY)
    stop_by_hand(chain, arn)
    chain.wait_for(session_id, Status.COMPLETED)
    time.sleep(0.01)

    assert swept(sweeper, session_id) == [(Problem.UNANNOUNCED, Mend.WATCH)]
    wait_until_announced(chain, session_id)

    assert chain.actions[session_id] == ["start", "stop"]
    assert not head(chain, session_id).has_session


def test_a_session_that_could_not_be_stopped_is_stopped_by_the_sweep(
    chain: Chain, sweeper: Sweeper
) -> None:
    # A run of its own: those of the other tests are swept by whichever comes first.
    session_id = session_of(chain, scenarios.stop_refused(chain))
    before = head(chain, session_id)

    assert swept(sweeper, session_id) == [(Problem.LEFT_ON, Mend.STOP)]

    assert before.has_session
    assert not head(chain, session_id).has_session
    assert swept(sweeper, session_id) == []


def test_the_deployed_function_sweeps(chain: Chain) -> None:
    function = chain.emulator.client("lambda")

    answer = function.invoke(FunctionName=chain.outputs["SweepName"], Payload=b"{}")
    said = json.loads(answer["Payload"].read())

    assert "FunctionError" not in answer, said
    assert said.keys() == {"looked_at", "is_whole", "found"}
    assert chain.journal.bookmark() is not None
