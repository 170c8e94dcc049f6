"""Whoever waits for a run, its parent or its children is woken when the run ends."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from runs.announcing import Announcer
from runs.errors import JournalUnavailableError
from runs.ids import child_session_id
from runs.journal.base import Changes, Journal
from runs.journal.sqlite import SqliteJournal
from runs.lifecycle import Ending
from runs.operations import OperationStatus, OperationType
from runs.run import Run, Status
from tests.support.journals import NOW, accept, an_operation, claim, folder_store, later


@dataclass
class HeardSignals:
    tokens: list[str] = field(default_factory=list)

    def send(self, wake_token: str) -> None:
        self.tokens.append(wake_token)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = SqliteJournal(":memory:", artifacts=folder_store(tmp_path))
    yield journal
    journal.close()


@pytest.fixture
def signals() -> HeardSignals:
    return HeardSignals()


@pytest.fixture
def announcer(journal: Journal, signals: HeardSignals) -> Announcer:
    return Announcer(journal=journal, signal=signals)


def invoking(journal: Journal, run: Run, *, wake_at: datetime | None = None) -> Run:
    """Let a run invoke another, whose state machine waits for it, and park."""
    lease = claim(journal, run.session_id).lease
    invoke = an_operation(
        "inv-1",
        type=OperationType.CHAINED_INVOKE,
        status=OperationStatus.STARTED,
        target="cost-analysis",
        payload=None,
        ended_at=None,
    )
    journal.commit(lease, Changes(operations=(invoke,)), now=NOW)
    child_id = child_session_id(run.session_id, "inv-1")
    child = accept(
        journal, session_id=child_id, parent_session_id=run.session_id, wake_token="child's"
    )
    journal.park(lease, wake_at=wake_at, waiting_for="child", now=NOW)
    return child


def test_a_child_that_was_cancelled_wakes_its_parent(
    journal: Journal, announcer: Announcer, signals: HeardSignals
) -> None:
    child = invoking(journal, accept(journal, wake_token="parent's"))
    ended = journal.cancel(child.session_id, now=later(1), reason="no need")

    announcer.announce(ended)

    assert signals.tokens == ["child's", "parent's"]


def test_a_parent_that_ends_badly_wakes_those_that_end_with_it(
    journal: Journal, announcer: Announcer, signals: HeardSignals
) -> None:
    parent = accept(journal, wake_token="parent's")
    child = invoking(journal, parent)
    grandchild = invoking(journal, child)
    ended = journal.cancel(parent.session_id, now=later(1), reason="no need")

    announcer.announce(ended)

    assert signals.tokens == ["parent's", "child's", "child's"]
    last = journal.get(grandchild.session_id)
    assert last is not None
    assert last.status is Status.CANCELLED


def test_a_parent_that_completes_wakes_nobody_it_left_behind(
    journal: Journal, announcer: Announcer, signals: HeardSignals
) -> None:
    parent = accept(journal, wake_token="parent's")
    invoking(journal, parent, wake_at=later(1))
    lease = claim(journal, parent.session_id, now=later(1)).lease
    ended = journal.settle(lease, Ending(status=Status.COMPLETED, result=1), now=later(2))

    announcer.announce(ended)

    assert signals.tokens == ["parent's"]


def test_who_is_asked_by_the_run_s_own_state_machine_does_not_signal_it(
    journal: Journal, announcer: Announcer, signals: HeardSignals
) -> None:
    child = invoking(journal, accept(journal, wake_token="parent's"))
    ended = journal.expire(child.session_id, now=later(100_000))

    announcer.announce_end(ended)

    assert signals.tokens == ["parent's"]


def test_a_run_that_goes_on_concerns_nobody_but_its_own_state_machine(
    journal: Journal, announcer: Announcer, signals: HeardSignals
) -> None:
    parent = accept(journal, wake_token="parent's")
    child = invoking(journal, parent)

    announcer.announce(child)

    assert signals.tokens == ["child's"]


def test_a_family_that_can_t_be_read_fails_nobody(
    journal: Journal, signals: HeardSignals, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = invoking(journal, accept(journal, wake_token="parent's"))
    ended = journal.cancel(child.session_id, now=later(1), reason="no need")

    def no_answer(_session_id: str) -> Run:
        raise JournalUnavailableError

    monkeypatch.setattr(journal, "get", no_answer)

    Announcer(journal=journal, signal=signals).announce(ended)

    assert signals.tokens == ["child's"]
