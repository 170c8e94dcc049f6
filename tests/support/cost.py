"""Bills, analysts and whole runs for tests of the cost analysis."""

import csv
import hashlib
import io
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from agent.jobs import Jobs
from agent.models.select import ModelChoice
from agent.registry import Registry
from agent.runner import Limits, Runner
from agent.settling import Settler
from agent.workflows.cost.bill import Bill, Query
from agent.workflows.cost.files import open_table
from agent.workflows.cost.formats import FILE_FORMATS
from agent.workflows.cost.load import LoadedBill, load
from agent.workflows.cost.store import StoredQueries
from agent.workflows.cost.summary import Summary
from runs.artifacts.folder import FolderStore
from runs.journal.base import Changes, Journal
from runs.journal.sqlite import SqliteJournal
from runs.run import Lease, Run, Status
from runs.signals import NoSignal

PROJECT = Path(__file__).parents[2]
SAMPLE = PROJECT / "data" / "sample-bill.csv.gz"
#: The FinOps Foundation's anonymised export, where it is at hand; it is no part of the project.
REAL_EXPORT = PROJECT.parent / "shared" / "data" / "focus_sample.csv"
SESSION_ID = "00000000-0000-4000-8000-0000000000c0"

#: One charge with what FOCUS requires; tests say what differs.
CHARGE: Mapping[str, str] = {
    "BilledCost": "1",
    "BillingCurrency": "USD",
    "ChargeCategory": "Usage",
    "ChargePeriodEnd": "2025-09-02T00:00:00Z",
    "ChargePeriodStart": "2025-09-01T00:00:00Z",
    "ContractedCost": "1",
    "EffectiveCost": "1",
    "ListCost": "1",
    "ProviderName": "AWS",
    "ServiceName": "Storage",
}


@dataclass
class Queries:
    """A query log in memory."""

    asked: dict[str, Query] = field(default_factory=dict)

    def put(self, query: Query) -> None:
        """See `QueryLog.put`."""
        self.asked[query.id] = query

    def get(self, query_id: str) -> Query | None:
        """See `QueryLog.get`."""
        return self.asked.get(query_id)


def csv_text(charges: Iterable[Mapping[str, str]]) -> str:
    """Write charges as CSV, with every column that one of them has."""
    rows = list(charges)
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def focus(*charges: Mapping[str, str]) -> str:
    """Write FOCUS charges as CSV, each an ordinary one but for what is said."""
    return csv_text([{**CHARGE, **charge} for charge in charges])


def on_day(day: int, **charge: str) -> dict[str, str]:
    """Say that a charge is of a day in September 2025."""
    start = datetime(2025, 9, day, tzinfo=UTC)
    return {
        "ChargePeriodStart": start.isoformat(),
        "ChargePeriodEnd": (start + timedelta(days=1)).isoformat(),
        **charge,
    }


def load_path(path: Path, work: Path, *, stop: threading.Event | None = None) -> LoadedBill:
    """Load a bill from a file."""
    work.mkdir(parents=True, exist_ok=True)
    stop = stop or threading.Event()
    table = open_table(str(path), path, work=work, stop=stop)
    return load(table, name=path.name, formats=FILE_FORMATS, work=work, stop=stop)


def load_text(text: str, folder: Path) -> tuple[Bill, Summary]:
    """Load a bill from CSV and open it."""
    path = folder / "bill.csv"
    path.write_text(text, encoding="utf-8")
    return open_path(path, folder)


def open_path(path: Path, folder: Path) -> tuple[Bill, Summary]:
    """Load a bill from a file and open it."""
    loaded = load_path(path, folder / "work")
    opened = folder / "opened.parquet"
    opened.write_bytes(loaded.data)
    summary = loaded.summary
    return Bill(opened, summary.currencies, Queries(), threading.Event()), summary


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.at


@cache
def shipped() -> Registry:
    """Load the workflows that ship, once: finding the version of each reads all of its code."""
    return Registry.load()


@dataclass
class Plant:
    """Runs of the shipped workflows, with the offline model and a journal on disk."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    workflow: str = "cost-analysis"
    prompt: str = "What did we spend, and where can we save?"

    def __post_init__(self) -> None:
        self.artifacts = FolderStore(self.folder / "artifacts")
        self.journal: Journal = SqliteJournal(self.folder / "journal.db", artifacts=self.artifacts)

    def attempt(self, bill: str | None, *, journal: Journal | None = None) -> Run:
        """Make an attempt at the run over a bill, accepted the first time."""
        runner = Runner(
            journal=journal or self.journal,
            artifacts=self.artifacts,
            registry=shipped(),
            settler=Settler(journal=journal or self.journal, signal=NoSignal()),
            limits=Limits(lease_seconds=60, park_after=timedelta(0)),
            model=ModelChoice.parse("offline"),
            clock=self.clock,
        )
        self.clock.at += timedelta(minutes=10)
        job = Jobs(self.clock).begin(SESSION_ID)
        assert job is not None
        runner.run(job, accept=self._request(bill))
        return self.head()

    def head(self) -> Run:
        """Read the head."""
        run = self.journal.get(SESSION_ID)
        assert run is not None
        return run

    def files(self) -> dict[str, bytes]:
        """Read every file of the report."""
        return {
            artifact.name: self.artifacts.get(artifact.key or "")
            for artifact in self.head().artifacts
        }

    def queries(self) -> StoredQueries:
        """Open the run's log of queries."""
        return StoredQueries(self.artifacts, self.head())

    def _request(self, bill: str | None) -> Run:
        now = self.clock()
        return Run(
            session_id=SESSION_ID,
            workflow=self.workflow,
            prompt=self.prompt,
            input=bill,
            source="test",
            status=Status.QUEUED,
            wake_at=now,
            deadline_at=now + timedelta(days=1),
            created_at=now,
            updated_at=now,
        )


class KillingJournal:
    """A journal whose worker is killed right before, or right after, one of its writes."""

    def __init__(self, journal: Journal, *, write: int, is_after: bool) -> None:
        self._journal = journal
        self._left = write
        self._is_after = is_after
        self._lock = threading.Lock()

    def commit(self, lease: Lease, changes: Changes, *, now: datetime) -> None:
        """Commit, or die."""
        with self._lock:
            self._left -= 1
            if self._left >= 0:
                self._journal.commit(lease, changes, now=now)
                return
            if self._is_after:
                self._journal.commit(lease, changes, now=now)
            os.kill(os.getpid(), signal.SIGKILL)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - everything else is the journal's
        return getattr(self._journal, name)


def attempt_in_a_process(folder: Path, bill: str, *, write: int, is_after: bool) -> int | None:
    """Make an attempt in a process of its own that is killed at a write; give its exit code."""
    # Forked from a small server that has imported everything: no import for each process, and no
    # thread of this one in it.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "agent.workflows.cost_analysis"])
    process = context.Process(target=_attempt, args=(folder, bill, write, is_after))
    process.start()
    process.join(60)
    return process.exitcode


def _attempt(folder: Path, bill: str, write: int, is_after: bool) -> None:
    plant = Plant(folder)
    journal: Any = KillingJournal(plant.journal, write=write, is_after=is_after)
    plant.attempt(bill, journal=journal)


def digests(files: Mapping[str, bytes], *, names: Sequence[str] = ()) -> dict[str, str]:
    """Give the hashes of files, of all or of some."""
    chosen = names or sorted(files)
    return {name: hashlib.sha256(files[name]).hexdigest() for name in chosen}
