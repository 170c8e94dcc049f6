"""A deployment with runs in flight: parked under the code of before, taken up by that of after."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from aws_durable_execution_sdk_python import DurableContext, durable_execution

from agent.models.select import ModelChoice, Provider
from agent.registry import Handler, Registry
from agent.runner import Limits, Runner
from agent.settling import Settler
from runs.again import Retry
from runs.artifacts.folder import FolderStore
from runs.run import Status
from runs.stepfunctions import StepFunctionsWatcher
from tests.support import versions
from tests.support.chain import PACE, Chain, new_session, now, request
from tests.support.version_pairs import answer

#: Takes the place of the code that the sessions to come have.
Release = Callable[[Handler, str], None]


@pytest.fixture
def release(chain: Chain, tmp_path: Path) -> Iterator[Release]:
    def take_over(handler: Handler, version: str) -> None:
        # The invoker knows the workflows that ship, so ours goes by the name of one.
        registry = Registry({"cost-analysis": handler}, versions={"cost-analysis": version})
        chain.runner = Runner(
            journal=chain.journal,
            artifacts=FolderStore(tmp_path),
            registry=registry,
            settler=Settler(journal=chain.journal, signal=chain.signal),
            limits=Limits(lease_seconds=60, park_after=timedelta(0)),
            model=ModelChoice(provider=Provider.OFFLINE),
            clock=now,
        )

    yield take_over
    chain.join_workers()
    chain.runner = None


class Work:
    """What the steps of all versions have really done."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def version(self, first: str) -> Handler:
        """Make a version of a workflow: a step, a question, and a step that pays."""

        def workflow(_event: object, context: DurableContext) -> str:
            context.step(lambda _: self.done.append(first), name=first)
            versions.ask(context)
            context.step(lambda _: self.done.append("pay"), name="pay")
            return "paid"

        return durable_execution(workflow)


def parked(chain: Chain) -> tuple[str, str]:
    session_id = new_session()
    execution = chain.start(request(session_id))
    chain.wait_for(session_id, Status.WAITING)
    return session_id, execution


def answered(chain: Chain, session_id: str) -> None:
    answer(chain.journal, session_id, now=now())
    run = chain.journal.get(session_id)
    assert run is not None
    chain.wake(run)


def test_a_run_goes_on_under_new_code_that_asks_for_the_same(
    chain: Chain, release: Release
) -> None:
    work = Work()
    release(work.version("load"), "1")
    session_id, execution = parked(chain)

    release(work.version("load"), "2")
    answered(chain, session_id)
    ended = chain.wait_for_end(execution)

    assert ended.status == "SUCCEEDED"
    assert work.done == ["load", "pay"]


def test_a_run_under_new_code_that_differs_ends_and_nothing_more_is_done(
    chain: Chain, release: Release
) -> None:
    work = Work()
    release(work.version("load"), "1")
    session_id, execution = parked(chain)

    release(work.version("fetch"), "2")
    answered(chain, session_id)
    ended = chain.wait_for_end(execution)

    assert (ended.status, ended.error) == ("FAILED", "ReplayMismatch")
    assert ended.cause is not None
    assert "step 'load'" in ended.cause
    assert work.done == ["load"]


def test_a_run_that_ended_for_its_code_goes_on_when_that_is_back(
    chain: Chain, release: Release
) -> None:
    work = Work()
    release(work.version("load"), "1")
    session_id, execution = parked(chain)
    release(work.version("fetch"), "2")
    answered(chain, session_id)
    chain.wait_for_end(execution)

    release(work.version("load"), "1")
    chain.journal.retry(session_id, Retry(by="an operator"), now=now())
    machine = chain.machine(PACE)
    StepFunctionsWatcher(chain.steps, state_machine=machine).watch(session_id, retry=1)

    assert chain.wait_for(session_id, Status.COMPLETED).result == "paid"
    assert work.done == ["load", "pay"]
