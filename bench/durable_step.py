"""What a durable step costs on the embedded journal, against the least it can cost.

The least is what the durable SDK itself takes for a step when its store does nothing, and one
synced commit of as many bytes. The steps are trivial: only what surrounds them is measured.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution

from agent.registry import Handler
from bench.engine import BenchEngine, invoke
from bench.idle_store import FittedStore, IdleStore
from bench.measure import Row, interleaved, mean, median, percentile, spread, timed_ms

#: Of one run.
STEPS = 100
_ROUNDS = 12
_BAR = 1.2

Statistic = Callable[[list[float]], float]
#: Each with the bar of the ratio, where one is promised: a p99 is the neighbours' as well.
_STATISTICS: dict[str, tuple[Statistic, float | None]] = {
    "p50": (median, _BAR),
    "mean": (mean, _BAR),
    "p99": (partial(percentile, percent=99), None),
}


def measure(folder: Path) -> list[Row]:
    """Measure the time from one step to the next: p50, mean and p99."""
    engine = _Engine(folder)
    engine.step_times()
    bare = _BareCommits(folder / "bare.db", size=engine.bytes_per_step())
    works = (
        engine.step_times,
        lambda: engine.step_times_on(IdleStore(bare.commit)),
        lambda: engine.step_times_on(IdleStore()),
        bare.commit_times,
        lambda: engine.step_times_on(FittedStore(bare.commit)),
    )
    try:
        taken = _Taken(*map(flat, interleaved(works, rounds=_ROUNDS)))
    finally:
        engine.close()
        bare.close()
    commit = f"one WAL/FULL commit of {bare.size} bytes"
    return [
        *(_row(name, of, taken, bar, commit) for name, (of, bar) in _STATISTICS.items()),
        _separate_row(taken, commit=commit),
        _fitted_row(taken, commit=commit),
        _bytes_row(bare.size),
    ]


def _row(name: str, of: Statistic, taken: "_Taken", bar: float | None, commit: str) -> Row:
    return Row(
        what=f"durable step on SQLite, {name}",
        value=of(taken.ours),
        baseline=of(taken.commit_in_place),
        note=f"the SDK on a store that does nothing but {commit}",
        bar=bar,
        samples=len(taken.ours),
        spread=spread(taken.ours),
        baseline_spread=spread(taken.commit_in_place),
    )


def _separate_row(taken: "_Taken", *, commit: str) -> Row:
    idle, commits = median(taken.idle), median(taken.commits)
    return Row(
        what="the same p50, against its parts measured apart",
        value=median(taken.ours),
        baseline=idle + commits,
        note=f"the SDK on a store that does nothing ({idle:.2f} ms), and {commit}, "
        f"one after the other ({commits:.2f} ms)",
        bar=_BAR,
        samples=len(taken.ours),
        spread=spread(taken.ours),
    )


def _fitted_row(taken: "_Taken", *, commit: str) -> Row:
    return Row(
        what="the same p50, against the SDK without its pauses",
        value=median(taken.ours),
        baseline=median(taken.fitted),
        note=f"the SDK, fitted as ours is, on a store that does nothing but {commit}",
        samples=len(taken.ours),
        spread=spread(taken.ours),
        baseline_spread=spread(taken.fitted),
    )


def _bytes_row(size: int) -> Row:
    return Row(
        what="bytes that a durable step leaves in the journal",
        value=size,
        note="its operation, its two events and their keys, without the indexes",
        unit="bytes",
        samples=STEPS,
    )


@dataclass(frozen=True, slots=True)
class _Taken:
    """Milliseconds per step."""

    ours: list[float]
    #: A commit costs more between other work than in a row: disk and caches have gone quiet. So
    #: the baseline's commit is made where ours is, in the SDK's thread after the SDK's pause.
    commit_in_place: list[float]
    idle: list[float]
    commits: list[float]
    #: As `commit_in_place`, with the SDK's pauses left out as they are for us.
    fitted: list[float]


@durable_execution
def _workflow(_event: Any, context: DurableContext) -> list[float]:  # noqa: ANN401 - the SDK's
    """Do trivial steps, and give when each was entered."""
    return [context.step(lambda _: time.perf_counter(), name=f"s{n}") for n in range(STEPS)]


#: The runner knows handlers by this type: the context it passes is not quite Lambda's.
HANDLER: Handler = _workflow


class _Engine:
    """The engine with the workflow of trivial steps."""

    def __init__(self, folder: Path) -> None:
        self._engine = BenchEngine(folder)
        self._unused = self._engine.attempt()

    def close(self) -> None:
        self._engine.close()

    def step_times(self) -> list[float]:
        """Execute a run and give the milliseconds each step took."""
        return gaps(self._engine.invoke(HANDLER, self._engine.attempt()))

    def step_times_on(self, store: IdleStore) -> list[float]:
        """Do the same on another store."""
        return gaps(invoke(HANDLER, store.open(), self._unused))

    def bytes_per_step(self) -> int:
        """Give how much the journal has written for each step, its indexes left out."""
        with closing(sqlite3.connect(self._engine.file)) as db:
            (written,) = db.execute(
                "SELECT sum(length(session_id) + length(key) + length(body)) FROM records"
            ).fetchone()
        return int(written) // STEPS


class _BareCommits:
    """One durable transaction after the other, on the same disk, with nothing around them."""

    def __init__(self, path: Path, *, size: int) -> None:
        self.size = size
        # The SDK calls its store from a thread of its own, a new one for each invocation.
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("CREATE TABLE records (position INTEGER PRIMARY KEY, body TEXT)")
        self._body = "x" * size

    def close(self) -> None:
        self._db.close()

    def commit_times(self) -> list[float]:
        """Commit a row for each step, and give the milliseconds each commit took."""
        return [timed_ms(self.commit) for _ in range(STEPS)]

    def commit(self) -> None:
        """Commit one row."""
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute("INSERT INTO records (body) VALUES (?)", (self._body,))
        self._db.execute("COMMIT")


def gaps(answer: Mapping[str, Any]) -> list[float]:
    """Give the milliseconds from one step to the next, of what the handler answered."""
    entered = json.loads(answer["Result"])
    return [(later - earlier) * 1000 for earlier, later in pairwise(entered)]


def flat(taken: Iterable[Iterable[float]]) -> list[float]:
    """Give the samples of all rounds in one."""
    return list(chain.from_iterable(taken))
