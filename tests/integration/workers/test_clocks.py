"""Two workers whose clocks are apart: one of them records, and the run ends once."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent.attempt import Attempt, StopReason
from agent.outcomes import Stopped
from agent.poller import Poller
from agent.runner import Limits
from runs.artifacts.folder import FolderStore
from runs.errors import ClaimLostError, LeaseLostError
from runs.events import EventType
from runs.journal.base import Changes
from runs.journal.sqlite import SqliteJournal
from runs.run import Lease, Status
from tests.support.engine import NOON, Engine, FlakyJournal, StillClock, wait_until
from tests.support.worker import CLOCK_AHEAD, Worker
from tests.support.workflows import noted

MINUTES = 5 * 60.0
HOURS = 3 * 3600.0
APART = [-HOURS, -MINUTES, -1.0, 1.0, MINUTES, HOURS]
LEASE_SECONDS = 6.0
FAR = NOON + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Two:
    """Two workers' parts over one journal, each with a clock of its own."""

    holder: Engine
    taker: Engine
    #: What time it is, for both.
    clock: StillClock

    def claim(self, engine: Engine) -> Attempt:
        """Claim the run by an engine's clock."""
        return engine.claim(f"token of {engine.folder.name}")

    def take_over(self) -> Attempt:
        """Let the other take the run as soon as its own clock allows."""
        lease = self.holder.head().lease
        assert lease is not None
        self.clock.now += max(timedelta(0), lease.expires_at - self.taker.clock())
        return self.claim(self.taker)


def two(folder: Path, *, apart: float) -> Two:
    """Make two workers, the first of whose clocks is so many seconds ahead."""
    clock, artifacts = StillClock(), FolderStore(folder / "artifacts")
    journal = FlakyJournal(artifacts)
    limits = Limits(lease_seconds=LEASE_SECONDS)

    def engine(name: str, ahead: float) -> Engine:
        own = folder / name
        own.mkdir()
        return Engine(journal, artifacts, own, lambda: clock() + timedelta(seconds=ahead), limits)

    return Two(engine("holder", apart), engine("taker", 0.0), clock)


@pytest.mark.parametrize("apart", APART)
def test_a_run_is_taken_over_once_by_the_taker_s_clock(tmp_path: Path, apart: float) -> None:
    workers = two(tmp_path, apart=apart)
    workers.taker.accept("steps", deadline_at=FAR)
    workers.claim(workers.holder)
    lease = workers.holder.head().lease
    assert lease is not None

    # A lease later, and as much more as the holder's clock was ahead: never less than no time.
    due_at = max(NOON, NOON + timedelta(seconds=LEASE_SECONDS + apart))
    workers.clock.now = due_at - timedelta(milliseconds=1)
    if due_at > NOON:
        with pytest.raises(ClaimLostError):
            workers.claim(workers.taker)
    workers.clock.now = due_at
    taken = workers.claim(workers.taker)

    assert taken.lease.attempt == 2


@pytest.mark.parametrize("apart", APART)
def test_the_one_that_was_replaced_writes_nothing_whatever_its_clock_says(
    tmp_path: Path, apart: float
) -> None:
    workers = two(tmp_path, apart=apart)
    workers.taker.accept("steps", deadline_at=FAR)
    stale = workers.claim(workers.holder)
    workers.take_over()
    before, timeline = workers.taker.head(), workers.taker.event_types()

    with pytest.raises(LeaseLostError):
        stale.commit(Changes(events=(stale.event(EventType.STEP_SUCCEEDED, name="late"),)))
    with pytest.raises(LeaseLostError):
        stale.journal.renew(stale.lease, now=stale.clock())
    for reason in StopReason:
        leaving = replace_lease(stale, stale.lease)
        leaving.request_stop(reason, "it must stop")
        workers.holder.runner.settler.conclude(leaving, Stopped())

    assert workers.taker.head() == before
    assert workers.taker.event_types() == timeline
    assert workers.holder.signals.tokens == []


@pytest.mark.parametrize("apart", APART)
def test_a_deadline_passes_for_the_holder_alone(tmp_path: Path, apart: float) -> None:
    workers = two(tmp_path, apart=apart)
    workers.taker.accept("steps", deadline_at=FAR)
    stale = workers.claim(workers.holder)
    workers.take_over()
    stale.clock = lambda: NOON + timedelta(days=2)
    stale.request_stop(StopReason.DEADLINE, "its clock jumped")

    workers.holder.runner.settler.conclude(stale, Stopped())

    assert workers.taker.head().status is Status.BUSY


@pytest.mark.parametrize("apart", APART)
def test_who_looks_for_due_runs_takes_them_by_its_own_clock(tmp_path: Path, apart: float) -> None:
    workers = two(tmp_path, apart=apart)
    # Parked by the one, until five minutes after noon by its clock.
    wake_at = workers.holder.clock() + timedelta(minutes=5)
    workers.taker.accept("steps", deadline_at=FAR)
    attempt = workers.claim(workers.holder)
    workers.holder.journal.park(
        attempt.lease, wake_at=wake_at, waiting_for="a timer", now=workers.holder.clock()
    )
    begun: list[str] = []
    poller = Poller(workers.taker.journal, begin=begun.append, clock=workers.taker.clock)

    poller.look()
    early = list(begun)
    workers.clock.now = max(workers.clock.now, wake_at)
    poller.look()

    assert early == (["run-1"] if wake_at <= NOON else [])
    assert begun[-1:] == ["run-1"]


def replace_lease(attempt: Attempt, lease: Lease) -> Attempt:
    """Give the same attempt, not yet concluded."""
    return Attempt(
        journal=attempt.journal,
        artifacts=attempt.artifacts,
        run=attempt.run,
        lease=replace(lease),
        clock=attempt.clock,
    )


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Worker, Worker]]:
    """Two processes on one file, hours apart; both look for runs that are due."""
    folder = tmp_path_factory.mktemp("apart")
    with ExitStack() as running:
        ahead, behind = (
            running.enter_context(
                Worker(
                    folder,
                    {CLOCK_AHEAD: str(seconds), "ERRAND_LEASE_SECONDS": "2"},
                    name=f"{seconds}",
                )
            )
            for seconds in (HOURS, -HOURS)
        )
        yield ahead, behind


@pytest.mark.parametrize("first", ["ahead", "behind"])
def test_processes_hours_apart_bring_a_run_to_one_end(
    apart: tuple[Worker, Worker], first: str
) -> None:
    worker = apart[0] if first == "ahead" else apart[1]

    worker.start(first, "counts", "6 100", input=str(worker.folder / f"{first}.txt"))
    run = worker.wait_for_end(first)

    events = timeline(worker, first)
    attempts = [number for _, number in events if number]
    assert (run.status, run.result) == (Status.COMPLETED, list(range(6)))
    assert attempts == sorted(attempts)
    assert [kind for kind, _ in events].count(EventType.STEP_SUCCEEDED) == 6
    wait_until(lambda: {each.ping() for each in apart} == {"Healthy"})


def test_a_worker_that_is_behind_is_replaced_and_one_that_is_ahead_is_not(
    apart: tuple[Worker, Worker],
) -> None:
    ahead, behind = apart
    # Longer than the pause between two looks for runs that are due.
    for name, worker in (("kept", ahead), ("lost", behind)):
        worker.start(name, "counts", "15 100", input=str(worker.folder / f"{name}.txt"))
    ended = {name: ahead.wait_for_end(name) for name in ("kept", "lost")}

    # By the clock that is ahead, a lease of the other expired hours before it was taken.
    assert (ended["kept"].attempt, ended["lost"].attempt) == (1, 2)
    assert noted(ahead.folder / "kept.txt") == [f"{at} in attempt 1" for at in range(15)]


def timeline(worker: Worker, session_id: str) -> list[tuple[EventType, int | None]]:
    journal = SqliteJournal(
        worker.folder / "journal.db", artifacts=FolderStore(worker.folder / "artifacts")
    )
    try:
        return [(each.event.type, each.event.attempt) for each in journal.events(session_id)]
    finally:
        journal.close()
