"""What is counted in simulated time is what executions do: the same states, one after the other.

Workers here wait for the state that they are to act in: how fast the machine is, changes nothing.
"""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.simulated.aws import Latencies
from bench.simulated.plan import End, Plan, Stretch
from bench.simulated.run import Times, simulate
from runs.answering import Answers
from runs.journal.base import Claim
from runs.run import Status
from statemachine.definition import Pace, render
from tests.support.approvals import POST, ask, yes
from tests.support.chain import Chain, Execution, Script, complete, new_session, now, request

#: Where a worker died, the silence of its heartbeats ends the wait in simulated time. The emulator
#: takes no notice of that, and the time-out ends it: the next state is the same.
PACE = Pace(
    poll_seconds=1,
    work_seconds=4,
    silence_seconds=3,
    waiting_seconds=60,
    parked_seconds=120,
    grace_seconds=3,
    max_turns=500,
)
TIMES = Times(lease=2, redispatch=3, latencies=Latencies(session_start=0.1))


@dataclass(frozen=True)
class Case:
    """The same run, once for a worker in the chain and once planned."""

    script: Script
    plan: Plan


def _hold(chain: Chain, claim: Claim, *, until: str) -> None:
    """Keep the lease until the execution has come to a state."""
    arn = str(claim.run.execution)
    while until not in chain.visited(arn):
        chain.journal.renew(claim.lease, now=now())
        time.sleep(0.1)


def settle_silently(chain: Chain, claim: Claim) -> None:
    _hold(chain, claim, until="AwaitSignal")
    chain.settle(claim, Status.COMPLETED)


def work_on(chain: Chain, claim: Claim) -> None:
    _hold(chain, claim, until="AwaitWork")
    complete(chain, claim)


def die_once(chain: Chain, claim: Claim) -> None:
    if claim.lease.attempt > 1:
        complete(chain, claim)
        return
    _hold(chain, claim, until="AwaitWork")


def ask_once(chain: Chain, claim: Claim) -> None:
    if claim.lease.attempt > 1:
        complete(chain, claim)
        return
    _hold(chain, claim, until="AwaitSignal")
    _, approval = ask(chain.journal, POST, lease=claim.lease, at=now())
    parked = chain.journal.park(
        claim.lease, wake_at=approval.expires_at, waiting_for="an approval", now=now()
    )
    chain.wake(parked)
    chain.wait_until_visited(str(claim.run.execution), "AwaitDays")
    answers = Answers(journal=chain.journal, signal=chain.signal, clock=now)
    answers.decide(approval.callback_id, yes(approval))


CASES = {
    "completes": Case(complete, Plan.of(0.3)),
    "works on": Case(work_on, Plan.of(3)),
    "its signal is lost": Case(
        settle_silently, Plan(stretches=(Stretch(0.3),), are_signals_lost=True)
    ),
    "dies": Case(die_once, Plan(stretches=(Stretch(1.5, End.DIES), Stretch(0.3)))),
    "asks": Case(
        ask_once, Plan(stretches=(Stretch(0.3, End.ASKS), Stretch(0.3)), decides_after=60)
    ),
}


@pytest.fixture(scope="session")
def visited(chain: Chain) -> Mapping[str, tuple[str, ...]]:
    """Which states the executions of all cases entered; they run at the same time."""
    with ThreadPoolExecutor(len(CASES)) as pool:
        running = {name: pool.submit(_executed, chain, case) for name, case in CASES.items()}
        return {name: future.result().visited for name, future in running.items()}


def _executed(chain: Chain, case: Case) -> Execution:
    session_id = new_session()
    chain.scripts[session_id] = case.script
    return chain.wait_for_end(chain.start(request(session_id), pace=PACE))


@pytest.mark.parametrize("name", CASES)
def test_a_simulated_run_enters_the_states_that_an_execution_does(
    visited: Mapping[str, tuple[str, ...]], tmp_path: Path, name: str
) -> None:
    found = simulate(CASES[name].plan, render(PACE), times=TIMES, folder=tmp_path)

    assert found.visited == visited[name]
