"""A workflow invokes another through the whole chain: two runs, two executions, two sessions."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent.models.select import ModelChoice, Provider
from agent.registry import Registry
from agent.runner import Limits, Runner
from agent.settling import Settler
from runs.artifacts.folder import FolderStore
from runs.journal.base import Journal
from runs.run import Run, Status
from runs.stepfunctions import StepFunctionsWatcher
from tests.support.chain import END_SECONDS, PACE, Chain, new_session, now, request
from tests.support.durable_workflows import breaks, echo, invokes, sleeps

#: Whoever waits for an interval and not for a signal does not end within a test.
SIGNALS_ONLY = replace(
    PACE, poll_seconds=300, work_seconds=300, waiting_seconds=300, parked_seconds=300
)
#: The invoker knows the workflows that ship, so the parent goes by the name of one.
REGISTRY = Registry({"cost-analysis": invokes, "echo": echo, "breaks": breaks, "sleeps": sleeps})

Start = Callable[[str], tuple[str, str]]


@pytest.fixture
def start(chain: Chain, tmp_path: Path) -> Iterator[Start]:
    """Start an execution of a parent that invokes a workflow, and give both their names."""
    watcher = StepFunctionsWatcher(chain.steps, state_machine=chain.machine(SIGNALS_ONLY))
    chain.runner = Runner(
        journal=chain.journal,
        artifacts=FolderStore(tmp_path),
        registry=REGISTRY,
        settler=Settler(journal=chain.journal, signal=chain.signal),
        limits=Limits(lease_seconds=60, park_after=timedelta(0)),
        model=ModelChoice(provider=Provider.OFFLINE),
        clock=now,
        watcher=watcher,
    )

    def begin(workflow: str) -> tuple[str, str]:
        session_id = new_session()
        prompt = json.dumps({"workflow": workflow, "payload": {"n": 1}})
        return session_id, chain.start(request(session_id, prompt=prompt), pace=SIGNALS_ONLY)

    yield begin
    chain.join_workers()
    chain.runner = None


def child_of(journal: Journal, session_id: str) -> Run:
    (child,) = [
        run for run in journal.list_runs(limit=1000).runs if run.parent_session_id == session_id
    ]
    return child


def waiting_child(chain: Chain, session_id: str) -> Run:
    chain.wait_for(session_id, Status.WAITING)
    return chain.wait_for(child_of(chain.journal, session_id).session_id, Status.WAITING)


def test_a_parent_goes_on_when_its_child_has_ended(chain: Chain, start: Start) -> None:
    session_id, execution = start("echo")

    ended = chain.wait_for_end(execution)

    parent, child = chain.journal.get(session_id), child_of(chain.journal, session_id)
    assert ended.status == "SUCCEEDED"
    assert parent is not None
    assert (parent.status, parent.result) == (Status.COMPLETED, {"from child": {"n": 1}})
    assert (child.status, child.workflow, child.source) == (Status.COMPLETED, "echo", "workflow")
    assert chain.actions[child.session_id][0] == "start"


def test_the_sessions_of_parent_and_child_are_both_stopped(chain: Chain, start: Start) -> None:
    session_id, execution = start("echo")
    chain.wait_for_end(execution)
    child = child_of(chain.journal, session_id)

    ended = [wait_until_stopped(chain, each) for each in (session_id, child.session_id)]

    assert all(run.announced_at is not None for run in ended)
    assert chain.actions[session_id][-1] == chain.actions[child.session_id][-1] == "stop"


def test_a_child_that_fails_fails_its_parent_s_execution(chain: Chain, start: Start) -> None:
    _, execution = start("breaks")

    ended = chain.wait_for_end(execution)

    assert (ended.status, ended.error) == ("FAILED", "ValueError")


def test_a_child_that_is_cancelled_wakes_its_parent(chain: Chain, start: Start) -> None:
    session_id, execution = start("sleeps")
    child = waiting_child(chain, session_id)

    chain.invoke(action="cancel", session_id=child.session_id, reason="no need")

    assert chain.wait_for_end(execution).status == "FAILED"
    parent = chain.wait_for(session_id, Status.FAILED)
    assert parent.error is not None
    assert parent.error.message == "no need"


def test_a_parent_that_is_cancelled_ends_its_child_s_execution(chain: Chain, start: Start) -> None:
    session_id, execution = start("sleeps")
    child = waiting_child(chain, session_id)
    watching = execution.replace(execution.rpartition(":")[2], f"watch-{child.session_id}")

    chain.invoke(action="cancel", session_id=session_id, reason="no need")

    assert chain.wait_for_end(watching).status == "FAILED"
    assert chain.wait_for(child.session_id, Status.CANCELLED).error is not None


def wait_until_stopped(chain: Chain, session_id: str) -> Run:
    """Wait until a run's own execution has done what is left to do after its end."""
    deadline = time.monotonic() + END_SECONDS
    while True:
        run = chain.journal.get(session_id)
        assert run is not None
        if run.announced_at is not None and not run.has_session:
            return run
        assert time.monotonic() < deadline, f"session {session_id} is still on"
        time.sleep(0.05)
