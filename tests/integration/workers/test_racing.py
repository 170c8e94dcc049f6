"""Two workers, or many, want the same run at the same time: one gets it."""

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from local.clients import local_client
from local.own_emulator import RunningEmulator
from runs.artifacts.folder import FolderStore
from runs.errors import ClaimLostError
from runs.events import EventType
from runs.ids import new_lease_token, new_session_id
from runs.journal.base import Journal
from runs.journal.dynamodb import DynamoJournal
from runs.journal.sqlite import SqliteJournal
from runs.run import Run, Status
from tests.integration.workers.conftest import Pair
from tests.support.engine import wait_until
from tests.support.journals import DynamoStore

CLAIMANTS = 5
_FORK = multiprocessing.get_context("fork")


def a_run(workflow: str = "counts", prompt: str = "", **changes: Any) -> Run:  # noqa: ANN401 - any field
    now = datetime.now(UTC)
    fields: dict[str, Any] = {
        "session_id": new_session_id(),
        "workflow": workflow,
        "prompt": prompt,
        "source": "test",
        "status": Status.QUEUED,
        "wake_at": now,
        "deadline_at": now + timedelta(hours=1),
        "created_at": now,
        "updated_at": now,
    }
    return Run(**fields | changes)


def claims(pair: Pair, session_id: str) -> int:
    kinds = [each.event.type for each in pair.events(session_id)]
    return kinds.count(EventType.LEASE_CLAIMED)


def test_two_dispatches_at_the_same_instant_make_one_attempt(pair: Pair) -> None:
    notes = pair.folder / "dispatched.txt"
    payload = {"workflow": "counts", "prompt": "3 100", "input": str(notes)}
    sessions = [new_session_id() for _ in range(3)]

    with ThreadPoolExecutor(6) as pool:
        for session in sessions:
            for worker in (pair.first, pair.second):
                pool.submit(worker.invoke, payload, session=session)
    for session in sessions:
        pair.wait_for(session, Status.COMPLETED)

    assert [claims(pair, session) for session in sessions] == [1, 1, 1]
    lines = Counter(notes.read_text(encoding="utf-8").splitlines())
    assert lines == {f"{at} in attempt 1": 3 for at in range(3)}
    wait_until(lambda: {pair.first.ping(), pair.second.ping()} == {"Healthy"})


def test_two_processes_that_look_for_due_runs_take_each_once(pair: Pair) -> None:
    notes = pair.folder / "polled.txt"
    runs = [a_run(prompt="2 50", input=str(notes)) for _ in range(8)]

    for run in runs:
        pair.journal.accept(run)
    for run in runs:
        pair.wait_for(run.session_id, Status.COMPLETED)

    assert [claims(pair, run.session_id) for run in runs] == [1] * len(runs)
    lines = Counter(notes.read_text(encoding="utf-8").splitlines())
    assert lines == {"0 in attempt 1": len(runs), "1 in attempt 1": len(runs)}


@pytest.fixture(params=["sqlite", "dynamodb"])
def open_journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Journal]]:
    """Open the journal, in whichever process."""
    artifacts = FolderStore(tmp_path)
    if request.param == "sqlite":
        yield partial(SqliteJournal, tmp_path / "journal.db", artifacts=artifacts)
        return
    emulator: RunningEmulator = request.getfixturevalue("emulator")
    store = DynamoStore(emulator.client("dynamodb"), artifacts=artifacts)

    def open_table() -> Journal:
        client = local_client("dynamodb", emulator.endpoint)
        return DynamoJournal(client, table=store.table, artifacts=artifacts)

    yield open_table
    store.close()


def test_of_many_processes_that_claim_a_run_one_wins(open_journal: Callable[[], Journal]) -> None:
    journal = open_journal()
    expired = datetime.now(UTC) - timedelta(minutes=5)
    sessions = []
    for number in range(6):
        run = a_run(created_at=expired, updated_at=expired, wake_at=expired)
        journal.accept(run)
        sessions.append(run.session_id)
        if number % 2:
            journal.claim(run.session_id, owner="lost", token="lost", now=expired, lease_seconds=1)
    before = {session: _attempt(journal, session) for session in sessions}

    won = _race(open_journal, sessions)

    assert sorted(session for _, session in won) == sorted(sessions)
    for winner, session in won:
        head = journal.get(session)
        assert head is not None
        assert head.lease is not None
        assert (head.attempt, head.lease.owner) == (before[session] + 1, winner)


def _attempt(journal: Journal, session_id: str) -> int:
    run = journal.get(session_id)
    assert run is not None
    return run.attempt


def _race(open_journal: Callable[[], Journal], sessions: list[str]) -> list[tuple[str, str]]:
    """Have all claimants claim each run at the same time, and give who won which."""
    barrier, told = _FORK.Barrier(CLAIMANTS), _FORK.SimpleQueue()
    claimants = [
        _FORK.Process(
            target=_claim_all, args=(f"claimant {n}", open_journal, sessions, barrier, told)
        )
        for n in range(CLAIMANTS)
    ]
    for claimant in claimants:
        claimant.start()
    heard = [told.get() for _ in claimants]
    for claimant in claimants:
        claimant.join()
    return [each for won in heard for each in won]


def _claim_all(
    name: str,
    open_journal: Callable[[], Journal],
    sessions: list[str],
    barrier: Barrier,
    told: Any,  # noqa: ANN401 - a queue
) -> None:
    journal = open_journal()
    won = []
    for session in sessions:
        barrier.wait(timeout=30)
        try:
            journal.claim(
                session,
                owner=name,
                token=new_lease_token(),
                now=datetime.now(UTC),
                lease_seconds=60,
            )
        except ClaimLostError:
            continue
        won.append((name, session))
    told.put(won)
