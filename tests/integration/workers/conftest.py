"""A worker that is paused in many places at once, and the one that takes its runs over."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from signal import SIGCONT
from typing import Any

import pytest

from runs.artifacts.folder import FolderStore
from runs.journal.base import Recorded
from runs.journal.sqlite import SqliteJournal
from runs.run import Run, Status
from tests.support import holding
from tests.support.engine import wait_until
from tests.support.fencing import Service, running_service
from tests.support.worker import Worker

#: What the first worker is at when it is paused: by run, its workflow and the point.
PLACES = {
    "in-a-model-call": ("works", "model"),
    "in-a-tool": ("works", "tool"),
    "at-a-tool-s-end": ("works", "tool's end"),
    "between-steps": ("works", "between"),
    "before-a-commit": ("works", "commit StepSucceeded"),
    "before-a-file": ("works", "put"),
    "after-a-file": ("works", "commit ArtifactSaved"),
    "before-settling": ("works", "settle"),
    "before-its-child": ("invokes", "accept a child"),
    "before-a-time-out": ("asks", "time_out_callback"),
    "in-a-heartbeat": ("counts", "renew"),
}
#: Paused between two steps; the second worker is still at it when the first one goes on.
MIDDLE = "while-the-other-works"

Rows = Mapping[str, list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """What was there before the first worker went on, and what after."""

    before: Rows
    after: Rows
    #: The attempt that held the run in the middle of the second worker's work, after all that.
    holder: int | None
    pings: tuple[str, str]
    #: What the first worker says it works on.
    still_at: list[Any]


class Pair:
    """Two workers on one file, each of which looks for runs that are due."""

    def __init__(self, folder: Path, first: Worker, second: Worker, service: Service) -> None:
        self.folder = folder
        self.first = first
        self.second = second
        self.service = service
        self.artifacts = FolderStore(folder / "artifacts")
        self.journal = SqliteJournal(folder / "journal.db", artifacts=self.artifacts)

    def head(self, session_id: str) -> Run:
        run = self.journal.get(session_id)
        assert run is not None, session_id
        return run

    def events(self, session_id: str) -> list[Recorded]:
        return self.journal.events(session_id)

    def rows(self) -> Rows:
        """Read all that the file holds, as it stands in it, by table."""
        with closing(sqlite3.connect(self.folder / "journal.db")) as db:
            return {
                table: db.execute(f"SELECT * FROM {table} ORDER BY session_id, {key}").fetchall()  # noqa: S608 - our own names
                for table, key in (("runs", "status"), ("records", "key"))
            }

    def wait_for(self, session_id: str, status: Status) -> Run:
        def has_it() -> bool:
            # Workers answer before they accept the run: it may not be there yet.
            run = self.journal.get(session_id)
            return run is not None and run.status is status

        wait_until(has_it)
        return self.head(session_id)


@pytest.fixture(scope="package")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    (folder / "holding").mkdir()
    # A lease that lasts while the machine is busy with other tests.
    environ = {"ERRAND_MODEL": "offline:0.05", "ERRAND_LEASE_SECONDS": "2"}
    held = {holding.FOLDER: str(folder / "holding")}
    first = Worker(folder, environ | held, name="first")
    second = Worker(folder, environ, name="second")
    with running_service() as service, first, second:
        yield Pair(folder, first, second, service)


@pytest.fixture(scope="module")
def aftermath(pair: Pair) -> Aftermath:
    """Pause the first worker everywhere, let the second take over, and let the first go on."""
    place = pair.folder / "holding"
    finish = pair.folder / "finish"
    # The heartbeat last: without it, its run is taken over while the others are being begun.
    others = [each for each in PLACES if each != "in-a-heartbeat"]
    _begin(pair, MIDDLE, "works", "between", until=finish)
    for session_id in others:
        _begin(pair, session_id, *PLACES[session_id])
    for session_id in (MIDDLE, *others):
        wait_until((place / f"{session_id}.held").exists)
    _begin(pair, "in-a-heartbeat", *PLACES["in-a-heartbeat"])
    wait_until((place / "in-a-heartbeat.held").exists)
    (place / holding.STOP).touch()
    wait_until(pair.first.is_stopped)

    for session_id in PLACES:
        pair.wait_for(session_id, Status.COMPLETED)
    wait_until(lambda: pair.head(MIDDLE).attempt == 2)
    wait_until(lambda: _has_begun(pair, MIDDLE, "second"))
    before, busy = pair.rows(), pair.second.ping()
    (place / holding.GO).touch()
    pair.first.process.send_signal(SIGCONT)
    wait_until(lambda: pair.first.ping() == "Healthy")
    after, holder = pair.rows(), pair.head(MIDDLE).attempt
    still_at = pair.first.invoke({"action": "status"}, session=MIDDLE)[1]["runs"]
    finish.touch()
    pair.wait_for(MIDDLE, Status.COMPLETED)
    return Aftermath(
        before=before,
        after=after,
        holder=holder,
        pings=(busy, pair.first.ping()),
        still_at=still_at,
    )


def _begin(
    pair: Pair, session_id: str, workflow: str, point: str, *, until: object = "nothing"
) -> None:
    (pair.folder / "holding" / session_id).write_text(point, encoding="utf-8")
    prompt, where = pair.service.url, until
    if workflow == "counts":
        # Long enough for a heartbeat.
        prompt, where = "10 150", pair.folder / "counted.txt"
    pair.first.start(session_id, workflow, prompt, input=str(where))


def _has_begun(pair: Pair, session_id: str, step: str) -> bool:
    return any(each.event.name == step for each in pair.events(session_id)[-2:])
