"""A run goes on under other code, or ends with the first difference, on every journal."""

from datetime import timedelta

import pytest

from agent.jobs import Jobs
from agent.models.select import ModelChoice, Provider
from agent.registry import Handler, Registry
from agent.rehearsal import Stage, Verdict
from agent.runner import Limits, Runner
from agent.settling import Settler
from runs.journal.base import Journal
from runs.run import Run, Status
from runs.signals import NoSignal
from tests.support import versions as v
from tests.support.engine import StillClock
from tests.support.journals import NOW, accept, claim
from tests.support.version_pairs import answer

OFFLINE = ModelChoice(provider=Provider.OFFLINE)
BEFORE = v.mapped(["a", "b"], "work", asks_first=True)


def registry(handler: Handler, version: str) -> Registry:
    return Registry({"cost-analysis": handler}, versions={"cost-analysis": version})


def run_under(
    journal: Journal, session_id: str, handler: Handler, *, version: str, clock: StillClock
) -> Run:
    """Make an attempt at a run, as a process with that version does."""
    runner = Runner(
        journal=journal,
        artifacts=journal.artifacts,
        registry=registry(handler, version),
        settler=Settler(journal=journal, signal=NoSignal()),
        limits=Limits(lease_seconds=60, park_after=timedelta(0)),
        model=OFFLINE,
        clock=clock,
    )
    job = Jobs(clock).begin(session_id)
    assert job is not None
    runner.run(job)
    run = journal.get(session_id)
    assert run is not None
    return run


@pytest.fixture
def clock() -> StillClock:
    return StillClock(NOW)


@pytest.fixture
def waiting(journal: Journal, clock: StillClock) -> Run:
    """A run that began under version 1, and was answered while it was parked."""
    session_id = accept(journal).session_id
    parked = run_under(journal, session_id, BEFORE, version="1", clock=clock)
    assert parked.status is Status.WAITING
    answer(journal, session_id, now=clock())
    return parked


def test_a_parked_run_ends_with_the_first_difference(
    journal: Journal, waiting: Run, clock: StillClock
) -> None:
    after = v.mapped(["a", "c"], "work", asks_first=True)

    run = run_under(journal, waiting.session_id, after, version="2", clock=clock)

    assert run.error is not None
    assert (run.status, run.error.type) == (Status.FAILED, "ReplayMismatch")
    assert "is recorded as map 'all'" in run.error.message
    assert "version 1), and the code, version 2, gives it another item 2" in run.error.message


def test_a_run_whose_worker_was_killed_ends_with_the_first_difference(
    journal: Journal, waiting: Run, clock: StillClock
) -> None:
    claim(journal, waiting.session_id, now=clock(), version="1")
    clock.advance(61)
    after = v.mapped(["a", "b"], "word", asks_first=True)

    run = run_under(journal, waiting.session_id, after, version="2", clock=clock)

    assert run.error is not None
    assert "is recorded as step 'work' (id " in run.error.message
    assert "by attempt 1, version 1), and the code, version 2, asks for step 'word'" in (
        run.error.message
    )


def test_a_run_whose_code_asks_for_the_same_goes_on(
    journal: Journal, waiting: Run, clock: StillClock
) -> None:
    run = run_under(journal, waiting.session_id, BEFORE, version="2", clock=clock)

    assert (run.status, run.workflow_version) == (Status.COMPLETED, "2")
    assert run.result == [[[["work", "a"], "yes"], [["work", "b"]]], None]


def test_a_rehearsal_finds_the_difference_and_leaves_the_run_as_it_is(
    journal: Journal, waiting: Run, clock: StillClock
) -> None:
    as_it_was = journal.get(waiting.session_id)
    after = v.mapped(["a"], "work", asks_first=True)
    stage = Stage(journal=journal, registry=registry(after, "2"), model=OFFLINE, clock=clock)

    finding = stage.rehearse(waiting)

    assert finding.verdict is Verdict.DIFFERS
    assert "gives it 1 items, not 2" in finding.words
    assert journal.get(waiting.session_id) == as_it_was
