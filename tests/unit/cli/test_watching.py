"""Watching a run, whatever its stack goes through."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest

from cli.desk import ApprovalDesk
from cli.errors import LostError, NotAcceptedError, RunGoneError, UnreachableError
from cli.helm import Helm, JournalHelm
from cli.operating import Operator
from cli.reader import RunReader
from cli.scene import Scene
from cli.watching import Watcher
from runs.answering import Answers
from runs.artifacts.folder import FolderStore
from runs.events import EventType
from runs.journal.base import Changes, Journal, Recorded
from runs.journal.sqlite import SqliteJournal
from runs.run import Run, Status
from runs.signals import NoSignal
from runs.sweeper import Sweeper, Swept
from runs.watch import PolledJournal
from tests.support.cli import StillClock
from tests.support.journals import NOW, accept, an_event, claim

SESSION = "0b9f6c1e-watching-0000-0000-000000000001"


@dataclass
class Counting(RunReader):
    """A reader that counts how often it read a timeline, and can lose its journal."""

    journal: Journal
    reads: int = 0
    loss: Exception | None = None

    def __post_init__(self) -> None:
        super().__init__(self.journal, where="the test", translated=nullcontext)

    def get(self, session_id: str) -> Run | None:
        if self.loss:
            raise self.loss
        return self.journal.get(session_id)

    def events(self, session_id: str, *, after: str | None = None) -> list[Recorded]:
        self.reads += 1
        return super().events(session_id, after=after)


@dataclass
class ThisPlace:
    """A place that can be out of reach."""

    journal: Journal
    name: str = "the test"
    is_usual: bool = True
    is_remote: bool = False
    #: What the next readers raise instead.
    troubles: list[Exception] = field(default_factory=list)
    readers: list[Counting] = field(default_factory=list)

    def reader(self) -> Counting:
        if self.troubles:
            raise self.troubles.pop(0)
        self.readers.append(Counting(self.journal))
        return self.readers[-1]

    def cancel(self, session_id: str, *, reason: str) -> None:
        self.journal.cancel(session_id, now=NOW, reason=reason)

    def operator(self) -> Operator:
        return Operator(
            self.journal,
            watcher=PolledJournal(),
            where=self.name,
            clock=lambda: NOW,
            translated=nullcontext,
        )

    def desk(self) -> ApprovalDesk:
        answers = Answers(journal=self.journal, signal=NoSignal(), clock=lambda: NOW)
        return ApprovalDesk(answers, where=self.name, translated=nullcontext)

    def helm(self) -> Helm:
        return JournalHelm(self.journal, clock=lambda: NOW, translated=nullcontext)

    def sweep(self, *, is_dry: bool) -> Swept:
        sweeper = Sweeper(
            journal=self.journal,
            signal=NoSignal(),
            clock=lambda: NOW,
            patience=timedelta(minutes=1),
            executions=None,
            stopper=None,
        )
        return sweeper.sweep(is_dry=is_dry)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    opened = SqliteJournal(":memory:", artifacts=FolderStore(tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def place(journal: SqliteJournal) -> ThisPlace:
    return ThisPlace(journal)


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def scenes(place: ThisPlace, clock: StillClock) -> Iterator[Scene]:
    return Watcher(place=place, session_id=SESSION, clock=clock, pause=clock.pause).scenes()


def test_it_ends_with_the_run(place: ThisPlace, scenes: Iterator[Scene]) -> None:
    accept(place.journal, session_id=SESSION)
    first = next(scenes)
    place.cancel(SESSION, reason="enough")

    [last] = scenes

    assert [scene.run.status for scene in (first, last) if scene.run] == [
        Status.QUEUED,
        Status.CANCELLED,
    ]
    assert last.is_over


def test_each_event_is_told_once(place: ThisPlace, scenes: Iterator[Scene]) -> None:
    accept(place.journal, session_id=SESSION)
    told = [recorded.event.type for recorded in next(scenes).news]
    lease = claim(place.journal, SESSION).lease
    told += [recorded.event.type for recorded in next(scenes).news]
    place.journal.commit(lease, Changes(events=[an_event(EventType.TOOL_CALLED)]), now=NOW)
    told += [recorded.event.type for recorded in next(scenes).news]

    assert told == [EventType.EXECUTION_STARTED, EventType.LEASE_CLAIMED, EventType.TOOL_CALLED]


def test_a_timeline_is_read_only_when_the_head_has_changed(
    place: ThisPlace, scenes: Iterator[Scene]
) -> None:
    accept(place.journal, session_id=SESSION)

    list(islice(scenes, 5))

    assert [reader.reads for reader in place.readers] == [1]


def test_a_request_may_take_a_while_to_become_a_run(
    place: ThisPlace, scenes: Iterator[Scene]
) -> None:
    before = next(scenes)
    accept(place.journal, session_id=SESSION)
    after = next(scenes)

    assert before.run is None
    assert after.run is not None


def test_a_request_that_no_run_comes_of_is_given_up_with_advice(
    place: ThisPlace, clock: StillClock
) -> None:
    watcher = Watcher(
        place=place, session_id=SESSION, clock=clock, pause=clock.pause, advice="look at the log"
    )

    with pytest.raises(NotAcceptedError, match=r"after waiting 60 s .*; look at"):
        list(watcher.scenes())


def test_a_stack_that_restarts_is_waited_for_and_looked_up_anew(
    place: ThisPlace, scenes: Iterator[Scene]
) -> None:
    accept(place.journal, session_id=SESSION)
    next(scenes)
    place.readers[0].loss = UnreachableError("it is down")
    place.troubles = [UnreachableError("it is coming up")]

    told = [scene.trouble for scene in islice(scenes, 3)]

    assert told == ["it is down; trying again", "it is coming up; trying again", None]
    assert len(place.readers) == 2


def test_what_is_known_of_a_run_stays_while_its_journal_is_away(
    place: ThisPlace, scenes: Iterator[Scene]
) -> None:
    accept(place.journal, session_id=SESSION)
    known = next(scenes)
    place.readers[0].loss = UnreachableError("it is down")

    scene = next(scenes)

    assert (scene.run, scene.timeline, scene.news) == (known.run, known.timeline, ())


def test_a_stack_that_stays_away_is_given_up_with_how_to_go_on(
    place: ThisPlace, scenes: Iterator[Scene]
) -> None:
    place.troubles = [UnreachableError("it is down")] * 1_000

    with pytest.raises(UnreachableError, match=f"it is down. `errand watch {SESSION}` goes on"):
        list(scenes)


def test_each_trouble_has_its_own_time(place: ThisPlace, scenes: Iterator[Scene]) -> None:
    accept(place.journal, session_id=SESSION)
    away = [UnreachableError("it is down")] * 100
    ends = []

    for _ in range(3):
        place.troubles = list(away)
        ends.append(list(islice(scenes, len(away) + 2))[-1].trouble)
        place.readers[-1].loss = UnreachableError("down again")

    assert ends == [None, None, None]


def test_a_stack_that_has_failed_is_not_waited_for(
    place: ThisPlace, scenes: Iterator[Scene], clock: StillClock
) -> None:
    place.troubles = [LostError("its journal is gone")]

    with pytest.raises(LostError, match="its journal is gone"):
        next(scenes)

    assert clock.at == NOW


def test_a_run_that_is_no_longer_in_its_journal_is_given_up_soon(
    tmp_path: Path, place: ThisPlace, scenes: Iterator[Scene]
) -> None:
    accept(place.journal, session_id=SESSION)
    next(scenes)
    afresh = SqliteJournal(":memory:", artifacts=FolderStore(tmp_path))
    place.journal = afresh
    place.readers[0].loss = UnreachableError("it is down")

    with pytest.raises(RunGoneError, match=f"run {SESSION} is no longer in the test"):
        list(scenes)
    afresh.close()


def test_a_journal_that_is_empty_while_its_stack_comes_up_is_no_loss_yet(
    tmp_path: Path, place: ThisPlace, scenes: Iterator[Scene]
) -> None:
    kept = place.journal
    accept(kept, session_id=SESSION)
    next(scenes)
    empty = SqliteJournal(":memory:", artifacts=FolderStore(tmp_path))
    place.readers[0].loss = UnreachableError("it is down")
    place.troubles = [UnreachableError("it is down")] * 100
    place.journal = empty

    before = list(islice(scenes, 105))
    place.readers[-1].journal = kept
    after = next(scenes)

    assert before[-1].trouble is None
    assert after.run is not None
    empty.close()
