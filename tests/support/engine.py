"""A runner over an embedded journal, and what tests do to it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.attempt import Attempt
from agent.jobs import Job, Jobs
from agent.models.select import ModelChoice, Provider
from agent.poller import Poller
from agent.registry import Registry
from agent.runner import Limits, Runner
from agent.settling import Settler
from runs.artifacts.folder import FolderStore
from runs.errors import JournalUnavailableError
from runs.events import EventType
from runs.journal.base import Changes
from runs.journal.sqlite import SqliteJournal
from runs.run import Lease, Run, Status
from tests.support.workflows import REGISTRY

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class StillClock:
    """A clock that moves only when told to."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        """Move on."""
        self.now += timedelta(seconds=seconds)


class FlakyJournal(SqliteJournal):
    """A journal in memory whose store can be made to not answer."""

    def __init__(self, artifacts: FolderStore) -> None:
        super().__init__(":memory:", artifacts=artifacts)
        #: How many of the next writes are not answered.
        self.failures = 0
        #: Whether what is not answered was written all the same.
        self.loses_answers = False

    def commit(self, lease: Lease, changes: Changes, *, now: datetime) -> None:
        """Commit, or not."""
        self._fail(lambda: super(FlakyJournal, self).commit(lease, changes, now=now))
        super().commit(lease, changes, now=now)

    def renew(self, lease: Lease, *, now: datetime) -> Run:
        """Renew, or not."""
        self._fail(lambda: super(FlakyJournal, self).renew(lease, now=now))
        return super().renew(lease, now=now)

    def _fail(self, write: Callable[[], object]) -> None:
        if not self.failures:
            return
        self.failures -= 1
        if self.loses_answers:
            write()
        msg = "the store is throttling"
        raise JournalUnavailableError(msg)


@dataclass
class HeardSignals:
    """A signal that remembers what was sent."""

    tokens: list[str] = field(default_factory=list)

    def send(self, wake_token: str) -> None:
        """See `runs.signals.Signal.send`."""
        self.tokens.append(wake_token)


@dataclass
class Engine:
    """One worker process's parts, over a journal that several may share."""

    journal: FlakyJournal
    artifacts: FolderStore
    folder: Path
    clock: Callable[[], datetime]
    limits: Limits
    signals: HeardSignals = field(default_factory=HeardSignals)
    registry: Registry = REGISTRY

    @property
    def runner(self) -> Runner:
        """Build the runner."""
        return Runner(
            journal=self.journal,
            artifacts=self.artifacts,
            registry=self.registry,
            settler=Settler(journal=self.journal, signal=self.signals),
            limits=self.limits,
            model=ModelChoice(provider=Provider.OFFLINE),
            clock=self.clock,
        )

    @property
    def notes(self) -> Path:
        """Give the file into which workflows write what they do."""
        return self.folder / "notes.txt"

    def accept(self, workflow: str, prompt: str = "", **changes: object) -> Run:
        """Accept a run."""
        now = self.clock()
        values: dict[str, object] = {
            "session_id": "run-1",
            "workflow": workflow,
            "prompt": prompt,
            "input": str(self.notes),
            "source": "test",
            "status": Status.QUEUED,
            "wake_at": now,
            "deadline_at": now + timedelta(hours=1),
            "created_at": now,
            "updated_at": now,
        }
        run = Run(**(values | changes))  # type: ignore[arg-type]
        return self.journal.accept(run).run

    def attempt(self, workflow: str = "steps", prompt: str = "", **changes: object) -> Attempt:
        """Accept and claim a run."""
        self.accept(workflow, prompt, **changes)
        return self.claim("token")

    def claim(self, token: str) -> Attempt:
        """Claim the run."""
        claim = self.journal.claim(
            "run-1", owner="test", token=token, now=self.clock(), lease_seconds=6
        )
        return Attempt(
            journal=self.journal,
            artifacts=self.artifacts,
            run=claim.run,
            lease=claim.lease,
            clock=self.clock,
        )

    def job(self, session_id: str = "run-1") -> Job:
        """Begin a job for a run."""
        job = Jobs(self.clock).begin(session_id)
        assert job is not None
        return job

    def execute(self, workflow: str, prompt: str = "", **changes: object) -> Run:
        """Accept a run, make an attempt at it, and give its head afterwards."""
        self.accept(workflow, prompt, **changes)
        return self.resume()

    def resume(self) -> Run:
        """Make another attempt at the run."""
        self.runner.run(self.job())
        return self.head()

    def look(self) -> None:
        """Make an attempt at each run that is due now, as the poller of a process does."""
        begin = lambda session_id: self.runner.run(self.job(session_id))  # noqa: E731 - an argument
        Poller(self.journal, begin=begin, clock=self.clock).look()

    @contextmanager
    def executing(self, workflow: str, prompt: str = "", **changes: object) -> Iterator[Job]:
        """Make an attempt in the background while the block runs, and wait for it at the end."""
        self.accept(workflow, prompt, **changes)
        job = self.job()
        thread = threading.Thread(target=self.runner.run, args=(job,), daemon=True)
        thread.start()
        yield job
        thread.join(20)
        assert job.wait(0), "the job did not end"

    def head(self, session_id: str = "run-1") -> Run:
        """Read a head."""
        run = self.journal.get(session_id)
        assert run is not None
        return run

    def event_types(self) -> list[EventType]:
        """Read the timeline's types, in order."""
        return [recorded.event.type for recorded in self.journal.events("run-1")]


def wait_until(condition: Callable[[], object], *, seconds: float = 20) -> None:
    """Wait for something that other threads or processes do."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        pause.wait(0.02)
    msg = "it did not come about"
    raise AssertionError(msg)
