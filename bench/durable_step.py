"""What a durable step costs on the embedded journal, against the least it can cost.

The least is one synced commit of as many bytes, and what the durable SDK itself takes for a step
when its store does nothing. The steps are trivial: only what surrounds them is measured.
"""

import json
import sqlite3
import time
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.execution import DurableExecutionInvocationInputWithClient

from agent.attempt import Attempt
from agent.durable.client import JournalClient
from agent.models.select import ModelChoice
from agent.registry import Handler
from agent.services import InvocationContext, Services
from bench.idle_store import IdleStore
from bench.measure import Row, interleaved, mean, percentile, timed_ms
from runs.artifacts.folder import FolderStore
from runs.journal.sqlite import SqliteJournal
from runs.run import Run, Status

_STEPS = 100
_ROUNDS = 12
_BAR = 1.2


def measure(folder: Path) -> list[Row]:
    """Measure the time from one step to the next: p50 and mean."""
    engine = _Engine(folder)
    engine.step_times()
    size = engine.bytes_per_step()
    bare = _BareCommits(folder / "bare.db", size=size)
    try:
        works = (engine.step_times, engine.step_times_without_journal, bare.commit_times)
        ours, idle, commits = map(_flat, interleaved(works, rounds=_ROUNDS))
    finally:
        engine.close()
        bare.close()
    return [
        _row(name, of(ours), idle=of(idle), commit=of(commits), size=size)
        for name, of in (("p50", lambda taken: percentile(taken, 50)), ("mean", mean))
    ]


def _row(name: str, value: float, *, idle: float, commit: float, size: int) -> Row:
    return Row(
        what=f"durable step on SQLite, {name}",
        value=value,
        baseline=idle + commit,
        note=f"the SDK on a store that does nothing ({idle:.2f} ms) "
        f"+ one WAL/FULL commit of {size} bytes ({commit:.2f} ms)",
        bar=_BAR,
        samples=(_STEPS - 1) * _ROUNDS,
    )


@durable_execution
def _workflow(_event: Any, context: DurableContext) -> list[float]:  # noqa: ANN401 - the SDK's
    """Do trivial steps, and give when each was entered."""
    return [context.step(lambda _: time.perf_counter(), name=f"s{n}") for n in range(_STEPS)]


#: The runner knows handlers by this type: the context it passes is not quite Lambda's.
_HANDLER: Handler = _workflow


class _Engine:
    """What executes runs in the agent, on a journal in a file."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "journal.db"
        self._artifacts = FolderStore(folder / "artifacts")
        self._journal = SqliteJournal(self._file, artifacts=self._artifacts)
        self._unused = self._attempt()

    def close(self) -> None:
        self._journal.close()

    def step_times(self) -> list[float]:
        """Execute a run and give the milliseconds each step took."""
        attempt = self._attempt()
        return _execute(JournalClient(attempt).open(), attempt)

    def step_times_without_journal(self) -> list[float]:
        """Do the same on a store that does nothing."""
        return _execute(IdleStore().open(), self._unused)

    def bytes_per_step(self) -> int:
        """Give how much the journal has written for each step, its indexes left out."""
        with sqlite3.connect(self._file) as db:
            (written,) = db.execute(
                "SELECT sum(length(session_id) + length(key) + length(body)) FROM records"
            ).fetchone()
        db.close()
        return int(written) // _STEPS

    def _attempt(self) -> Attempt:
        now = datetime.now(UTC)
        run = _new_run(now)
        self._journal.accept(run)
        claim = self._journal.claim(
            run.session_id, owner="bench", token=str(uuid.uuid4()), now=now, lease_seconds=60
        )
        return Attempt(
            journal=self._journal,
            artifacts=self._artifacts,
            run=claim.run,
            lease=claim.lease,
            clock=lambda: datetime.now(UTC),
        )


class _BareCommits:
    """One durable transaction after the other, on the same disk, with nothing around them."""

    def __init__(self, path: Path, *, size: int) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("CREATE TABLE records (position INTEGER PRIMARY KEY, body TEXT)")
        self._body = "x" * size

    def close(self) -> None:
        self._db.close()

    def commit_times(self) -> list[float]:
        """Commit a row for each step, and give the milliseconds each commit took."""
        return [timed_ms(self._commit) for _ in range(_STEPS)]

    def _commit(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute("INSERT INTO records (body) VALUES (?)", (self._body,))
        self._db.execute("COMMIT")


def _execute(given: DurableExecutionInvocationInputWithClient, attempt: Attempt) -> list[float]:
    services = Services(attempt=attempt, model=ModelChoice.parse("offline"))
    context = InvocationContext(aws_request_id=attempt.session_id, services=services)
    answer = _HANDLER(given, context)
    entered = json.loads(answer["Result"])
    return [(later - earlier) * 1000 for earlier, later in pairwise(entered)]


def _new_run(now: datetime) -> Run:
    return Run(
        session_id=str(uuid.uuid4()),
        workflow="bench",
        prompt="do nothing, many times",
        source="bench",
        status=Status.QUEUED,
        wake_at=now,
        deadline_at=now + timedelta(hours=1),
        created_at=now,
        updated_at=now,
    )


def _flat(taken: Iterable[Iterable[float]]) -> list[float]:
    return list(chain.from_iterable(taken))
