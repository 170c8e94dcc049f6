"""How many runs one agent process can work on, until its pings or its heartbeats suffer.

The runs are agents that call a tool between two answers of a model that thinks, as most agents do
most of the time; all of a level begin at once. What is measured is what others see of the process:
its answers to pings, and in the journal how old each lease became before it was renewed.
"""

import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.engine import new_run
from bench.keep_alive import KeepAlive, get, post
from bench.measure import Row, percentile, spread, timed_ms
from bench.memory import memory_of, slope
from bench.peers.errand_app import LEASE_SECONDS, journal_in
from bench.servers import environment
from local.agentcore import SESSION_HEADER
from local.health import wait_until_healthy
from local.home import PROJECT
from local.ports import free_port
from local.processes import Child, spawn, stop_child
from runs.events import EventType
from runs.journal.sqlite import SqliteJournal
from runs.run import Run, Status

#: How many runs are at work at once, and of how many something is promised.
_LEVELS = (1, 10, 25, 50, 100)
_PROMISED = 50
_PING_BAR_MS = 100.0
_QUEUED = 1_000
_WORKFLOW = "bench-three-agents"
#: How long the model thinks, and how often each of three agents calls it.
_MODEL = "offline:1"
_CALLS = "3 3 3"
#: Of queued runs: they are to be many, not long.
_FEW_CALLS = "1 1 1"
_IDLE_SECONDS = 3.0
_PING_EVERY_SECONDS = 0.01
_LOOK_EVERY_SECONDS = 0.2
_GIVE_UP_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What others saw of a process while it worked on some runs."""

    runs: int
    seconds: float
    ping_ms: Sequence[float]
    #: By how much the oldest lease had missed its renewal, at each look.
    late_seconds: Sequence[float]
    leases_lost: int
    #: The most it had in memory, all in all and as its own share.
    rss_mb: float
    pss_mb: float


def measure(folder: Path) -> list[Row]:
    """Let a process work on more and more runs at once, and another on a long queue."""
    with _process(folder / "levels") as process:
        idle = process.observe(())
        levels = [process.observe(process.start(count)) for count in _LEVELS]
    with _process(folder / "queue", queued=_QUEUED) as process:
        queue = process.observe(process.queued)
    return [
        *(row for level in levels for row in _level_rows(level, idle)),
        *_memory_rows(levels),
        *_queue_rows(queue),
    ]


def _level_rows(level: Observed, idle: Observed) -> list[Row]:
    is_promised = level.runs == _PROMISED
    many = f"{level.runs} runs at once" if level.runs > 1 else "one run"
    return [
        Row(
            what=f"ping with {many}, p50",
            value=percentile(level.ping_ms, 50),
            baseline=percentile(idle.ping_ms, 50),
            note="the same process with nothing to do",
            samples=len(level.ping_ms),
            spread=spread(level.ping_ms),
            baseline_spread=spread(idle.ping_ms),
        ),
        Row(
            what=f"ping with {many}, p99",
            value=percentile(level.ping_ms, 99),
            note=f"with nothing to do: {percentile(idle.ping_ms, 99):.2f} ms",
            bar=_PING_BAR_MS if is_promised else None,
            samples=len(level.ping_ms),
            spread=spread(level.ping_ms),
        ),
        Row(
            what=f"renewal of a lease with {many}, latest",
            value=max(level.late_seconds),
            note=f"how late; after {_slack():g} s the lease of {LEASE_SECONDS:g} s is lost",
            bar=_slack() if is_promised else None,
            unit="s",
            samples=len(level.late_seconds),
            spread=spread(level.late_seconds),
        ),
        Row(
            what=f"leases lost with {many}",
            value=level.leases_lost,
            note="claims in the journal beyond one for each run",
            bar=1 if is_promised else None,
            unit="leases",
            samples=level.runs,
        ),
    ]


def _memory_rows(levels: Sequence[Observed]) -> list[Row]:
    note = f"slope from {_LEVELS[0]} to {_LEVELS[-1]} runs at once, three agents each"
    return [
        Row(
            what=f"memory of a run, {name}",
            value=slope(points),
            note=f"{note}; {points[-1][1]:.0f} MB with {_LEVELS[-1]}",
            unit="MB",
            samples=len(levels),
        )
        for name, points in (
            ("RSS", [(each.runs, each.rss_mb) for each in levels]),
            ("PSS", [(each.runs, each.pss_mb) for each in levels]),
        )
    ]


def _queue_rows(queue: Observed) -> list[Row]:
    what = f"{queue.runs:,} runs queued at once"
    return [
        Row(
            what=f"{what}, until all were completed",
            value=queue.seconds,
            note="from the first ping; three model calls of 1 s each, one after the other",
            unit="s",
            samples=queue.runs,
        ),
        Row(
            what=f"{what}, claimed more than once",
            value=queue.leases_lost,
            note="claims in the journal beyond one for each run",
            bar=1,
            unit="runs",
            samples=queue.runs,
        ),
        Row(
            what=f"{what}, runs per second",
            value=queue.runs / queue.seconds,
            note="as above",
            unit="/s",
            samples=queue.runs,
        ),
        Row(
            what=f"{what}, ping p99",
            value=percentile(queue.ping_ms, 99),
            note="as above",
            bar=_PING_BAR_MS,
            samples=len(queue.ping_ms),
            spread=spread(queue.ping_ms),
        ),
        Row(
            what=f"{what}, memory of the process, PSS",
            value=queue.pss_mb,
            note="at its most",
            unit="MB",
            samples=queue.runs,
        ),
    ]


def _slack() -> float:
    """Give how late a renewal may be: heartbeats come three times in a lease."""
    return LEASE_SECONDS * 2 / 3


class _Process:
    """An agent's process, and its journal."""

    def __init__(
        self, child: Child, journal: SqliteJournal, *, port: int, queued: Sequence[str]
    ) -> None:
        self.queued = queued
        self._child = child
        self._journal = journal
        self._port = port

    def start(self, count: int) -> list[str]:
        """Ask for runs, one after the other, and give their sessions."""
        sessions = [str(uuid.uuid4()) for _ in range(count)]
        asked = {"workflow": _WORKFLOW, "prompt": _CALLS}
        with KeepAlive(self._port) as connection:
            for session in sessions:
                connection.send(post("/invocations", asked, headers={SESSION_HEADER: session}))
        return sessions

    def observe(self, sessions: Sequence[str]) -> Observed:
        """Watch the process until some runs have ended, or for a while if there are none."""
        began = time.monotonic()
        late, memory = [0.0], [memory_of(self._child.pid)]
        with self._pinged() as ping_ms:
            while self._is_at_work(sessions, since=began, late=late):
                memory.append(memory_of(self._child.pid))
                time.sleep(_LOOK_EVERY_SECONDS)
        return Observed(
            runs=len(sessions),
            seconds=time.monotonic() - began,
            ping_ms=ping_ms,
            late_seconds=late,
            leases_lost=sum(self._claims(session) - 1 for session in sessions),
            rss_mb=max(rss for rss, _ in memory),
            pss_mb=max(pss for _, pss in memory),
        )

    def _is_at_work(self, sessions: Sequence[str], *, since: float, late: list[float]) -> bool:
        spent = time.monotonic() - since
        if not sessions:
            return spent < _IDLE_SECONDS
        if spent > _GIVE_UP_SECONDS:
            msg = f"{len(sessions)} runs did not end within {_GIVE_UP_SECONDS:g} s"
            raise RuntimeError(msg)
        busy = self._journal.list_runs(status=Status.BUSY, limit=_LEVELS[-1]).runs
        late.append(lateness(busy, now=datetime.now(UTC)))
        # Counted, not read: what watches a thousand runs must not be what is measured.
        count = self._journal.census()
        if count.queued or count.busy or count.waiting:
            return True
        # What is asked for is in the journal a moment after the answer.
        return any(self._journal.get(session) is None for session in sessions)

    def _claims(self, session: str) -> int:
        run = self._journal.get(session)
        if run is None or run.status is not Status.COMPLETED:
            msg = f"run {session!r} is {run and run.status}, expected COMPLETED"
            raise RuntimeError(msg)
        kinds = Counter(each.event.type for each in self._journal.events(session))
        return kinds[EventType.LEASE_CLAIMED]

    @contextmanager
    def _pinged(self) -> Iterator[list[float]]:
        samples: list[float] = []
        is_over = threading.Event()

        def ping() -> None:
            with KeepAlive(self._port) as connection:
                while not is_over.wait(_PING_EVERY_SECONDS):
                    samples.append(timed_ms(lambda: connection.send(get("/ping"))))

        thread = threading.Thread(target=ping)
        thread.start()
        try:
            yield samples
        finally:
            is_over.set()
            thread.join()


def lateness(runs: Sequence[Run], *, now: datetime) -> float:
    """Give by how many seconds the oldest lease has missed its renewal; 0 if none has."""
    left = ((run.lease.expires_at - now).total_seconds() for run in runs if run.lease is not None)
    return max(0.0, *(_slack() - each for each in left), 0.0)


@contextmanager
def _process(folder: Path, *, queued: int = 0) -> Iterator[_Process]:
    folder.mkdir()
    journal = journal_in(folder)
    asked = [new_run(_WORKFLOW, _FEW_CALLS) for _ in range(queued)]
    for run in asked:
        journal.accept(run)
    port = free_port()
    environ: Mapping[str, str] = environment(folder, port=port) | {"ERRAND_MODEL": _MODEL}
    command = [sys.executable, "-m", "bench.peers.errand_app", "serve", str(folder)]
    child = spawn("agent", command, environ=environ, log_file=folder / "agent.log", cwd=PROJECT)
    try:
        wait_until_healthy(child, port=port, path="/ping")
        sessions = [run.session_id for run in asked]
        yield _Process(child, journal, port=port, queued=sessions)
    finally:
        stop_child(child)
        journal.close()
