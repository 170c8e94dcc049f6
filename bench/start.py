"""How soon a run is under way: the answer to many callers at once, and the first journal event.

The chain before the agent is measured by `accepting`.
"""

import select
import sqlite3
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from bench import committing_app
from bench.entrypoint import wait_until_idle
from bench.keep_alive import KeepAlive, post
from bench.measure import Row, interleaved, percentile, spread
from bench.servers import AGENT, serving
from local.agentcore import SESSION_HEADER
from runs.artifacts.folder import FolderStore
from runs.events import EventType
from runs.journal.sqlite import SqliteJournal

#: Callers at once, and how often they all call.
_CALLERS = {1: 300, 10: 40, 50: 12}
_STARTS = 100
_BASELINE = "bench.baseline_app"
_COMMITTING = "bench.committing_app"
_LOOK_EVERY_SECONDS = 0.0005
_GIVE_UP_SECONDS = 30.0


def measure(folder: Path) -> list[Row]:
    """Measure the agent and the least an SDK app can do, in turns."""
    committing_app.make(folder)
    with (
        serving(AGENT, folder) as agent,
        serving(_BASELINE, folder) as bare,
        serving(_COMMITTING, folder) as committing,
    ):
        return [
            *(row for callers in _CALLERS for row in _callers_rows(folder, callers, agent, bare)),
            *_first_event_rows(folder, agent, committing),
        ]


def _callers_rows(folder: Path, callers: int, agent: int, bare: int) -> list[Row]:
    with ExitStack() as stack:
        works = [
            partial(
                _call_at_once,
                [stack.enter_context(KeepAlive(port)) for _ in range(callers)],
                folder,
            )
            for port in (agent, bare)
        ]
        rounds = interleaved(works, rounds=_CALLERS[callers])
    ours, baseline = ([each for measured in work for each in measured] for work in rounds)
    many = f"{callers} callers at once" if callers > 1 else "one caller"
    return [
        Row(
            what=f"entrypoint with {many}, p{percent}",
            value=percentile(ours, percent),
            baseline=percentile(baseline, percent),
            note="an SDK app whose entrypoint only registers a task and starts a thread",
            samples=len(ours),
            spread=spread(ours),
            baseline_spread=spread(baseline),
        )
        for percent in (50, 99)
    ]


def _call_at_once(callers: Sequence[KeepAlive], folder: Path) -> list[float]:
    """Send a request on each connection, and give the milliseconds until each was answered."""
    wait_until_idle(callers[0])
    began = {}
    for caller in callers:
        began[caller] = time.perf_counter()
        caller.begin(_request(str(uuid.uuid4()), folder))
    measured = []
    while began:
        readable, _, _ = select.select(list(began), [], [], _GIVE_UP_SECONDS)
        if not readable:
            msg = f"{len(began)} callers got no answer within {_GIVE_UP_SECONDS:g} s"
            raise TimeoutError(msg)
        for caller in readable:
            caller.finish()
            measured.append((time.perf_counter() - began.pop(caller)) * 1000)
    return measured


def _first_event_rows(folder: Path, agent: int, committing: int) -> list[Row]:
    with (
        closing(_journal(folder)) as journal,
        closing(sqlite3.connect(folder / committing_app.FILE)) as starts,
        KeepAlive(agent) as ours,
        KeepAlive(committing) as theirs,
    ):
        works = [
            partial(_until_ms, ours, folder, lambda session: bool(journal.events(session))),
            partial(_until_ms, ours, folder, partial(_is_claimed, journal)),
            partial(_until_ms, theirs, folder, partial(_is_recorded, starts)),
        ]
        accepted, claimed, recorded = interleaved(works, rounds=_STARTS)
    return [
        Row(
            what=f"request sent to {what}, p{percent}",
            value=percentile(samples, percent),
            baseline=percentile(recorded, percent),
            note="the bare app, whose thread makes one WAL/FULL commit: until another can read it",
            samples=_STARTS,
            spread=spread(samples),
            baseline_spread=spread(recorded),
        )
        for what, samples in (
            ("the run's first event in the journal", accepted),
            ("its lease claimed, the second commit", claimed),
        )
        for percent in (50, 99)
    ]


def _until_ms(server: KeepAlive, folder: Path, is_there: Callable[[str], bool]) -> float:
    wait_until_idle(server)
    session = str(uuid.uuid4())
    began = time.perf_counter()
    server.send(_request(session, folder))
    while not is_there(session):
        if time.perf_counter() - began > _GIVE_UP_SECONDS:
            msg = f"session {session} recorded nothing within {_GIVE_UP_SECONDS:g} s"
            raise TimeoutError(msg)
        time.sleep(_LOOK_EVERY_SECONDS)
    return (time.perf_counter() - began) * 1000


def _is_claimed(journal: SqliteJournal, session: str) -> bool:
    return any(each.event.type is EventType.LEASE_CLAIMED for each in journal.events(session))


def _is_recorded(starts: sqlite3.Connection, session: str) -> bool:
    query = "SELECT 1 FROM starts WHERE session_id = ?"
    return starts.execute(query, (session,)).fetchone() is not None


def _journal(folder: Path) -> SqliteJournal:
    return SqliteJournal(folder / "journal.db", artifacts=FolderStore(folder / "artifacts"))


def _request(session: str, folder: Path) -> bytes:
    """Ask for a run that ends at once, because its bill is missing."""
    asked = {"prompt": "Where can we save?", "input": str(folder / "missing.csv")}
    return post("/invocations", asked, headers={SESSION_HEADER: session})
