"""The clocks of worker, invoker and state machine are apart: the run is made once all the same."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agent.models.select import ModelChoice, Provider
from agent.registry import Registry
from agent.runner import Limits, Runner
from agent.settling import Settler
from runs.artifacts.folder import FolderStore
from runs.events import EventType
from runs.run import Status
from tests.support.chain import Chain, new_session, now, request
from tests.support.workflows import noted, steps, waits

#: The invoker knows the workflows that ship, so they go by the names of those.
REGISTRY = Registry({"cost-analysis": steps, "research-report": waits})
LEASE_SECONDS = 2.0

SetAhead = Callable[[timedelta], None]


@pytest.fixture
def set_ahead(chain: Chain, tmp_path: Path) -> Iterator[SetAhead]:
    """Have workers of the chain whose clock is ahead of all others, or behind."""

    def begin(ahead: timedelta) -> None:
        chain.runner = Runner(
            journal=chain.journal,
            artifacts=FolderStore(tmp_path),
            registry=REGISTRY,
            settler=Settler(journal=chain.journal, signal=chain.signal),
            limits=Limits(lease_seconds=LEASE_SECONDS, park_after=timedelta(0)),
            model=ModelChoice(provider=Provider.OFFLINE),
            clock=lambda: now() + ahead,
        )

    yield begin
    chain.join_workers()
    chain.runner = None


def test_a_worker_behind_is_handed_its_run_again_and_keeps_it(
    chain: Chain, set_ahead: SetAhead, tmp_path: Path
) -> None:
    set_ahead(-timedelta(minutes=5))
    session_id, notes = new_session(), tmp_path / "notes.txt"

    wish = request(session_id, prompt="6 700", input=str(notes))
    ended = chain.wait_for_end(chain.start(wish))

    # By the clock of the state machine the lease has expired whenever it looks. Whoever is handed
    # the run has the worker's clock, by which it has not.
    run = chain.journal.get(session_id)
    kinds = [each.event.type for each in chain.journal.events(session_id)]
    assert run is not None
    assert (ended.status, run.status, run.attempt) == ("SUCCEEDED", Status.COMPLETED, 1)
    assert EventType.DISPATCHED in kinds[2:]
    assert [line for line in noted(notes) if "end" in line] == [f"end {n}" for n in range(6)]


def test_a_worker_ahead_is_left_alone_and_wakes_by_the_clock_of_who_looks(
    chain: Chain, set_ahead: SetAhead, tmp_path: Path
) -> None:
    set_ahead(timedelta(seconds=2))
    session_id, notes = new_session(), tmp_path / "notes.txt"

    wish = request(session_id, prompt="1", workflow="research-report", input=str(notes))
    ended = chain.wait_for_end(chain.start(wish))

    # Parked for a second by its own clock, which is three by that of the state machine.
    run = chain.journal.get(session_id)
    assert run is not None
    assert (ended.status, run.status, run.attempt) == ("SUCCEEDED", Status.COMPLETED, 2)
    assert noted(notes) == ["before", "after"]
    assert ended.seconds > 3
