"""What every journal keeps for those who look after runs: sessions, repairs, counts, a bookmark."""

import pytest

from runs.errors import RunNotFoundError
from runs.events import EventType
from runs.ids import new_session_id
from runs.journal.base import Journal
from runs.run import Run, Status
from runs.sweeping import Mend, Problem, Repair
from tests.support.journals import NOW, accept, claim, later


def parked(journal: Journal) -> Run:
    run = accept(journal, hand_overs=1)
    lease = claim(journal, run.session_id).lease
    return journal.park(lease, wake_at=later(600), waiting_for="a test", now=NOW)


def kinds(journal: Journal, run: Run) -> list[EventType]:
    return [each.event.type for each in journal.events(run.session_id)]


def test_of_two_who_stop_a_session_one_begins(journal: Journal) -> None:
    run = parked(journal)

    first = journal.begin_stop(run.session_id, now=NOW, until=later(60))
    second = journal.begin_stop(run.session_id, now=later(1), until=later(61))

    assert first is not None
    assert second is None
    assert journal.get(run.session_id) == first


def test_a_stop_is_recorded_with_its_fact(journal: Journal) -> None:
    run = parked(journal)
    journal.begin_stop(run.session_id, now=NOW, until=later(60))

    stopped = journal.end_stop(run.session_id, hand_overs=1, is_stopped=True, now=later(1))

    assert stopped == journal.get(run.session_id)
    assert not stopped.has_session
    assert kinds(journal, run)[-1] is EventType.SESSION_STOPPED
    # A listing is of what runs do.
    assert stopped.updated_at == run.updated_at


def test_there_is_no_stop_without_a_run(journal: Journal) -> None:
    with pytest.raises(RunNotFoundError):
        journal.begin_stop(new_session_id(), now=NOW, until=later(60))


def test_a_repair_is_noted_once(journal: Journal) -> None:
    run = accept(journal)
    repair = Repair(
        problem=Problem.UNWATCHED, mend=Mend.WATCH, since=NOW, watcher="arn:of:an:execution:next"
    )

    first = journal.note_repair(run.session_id, repair, now=later(1))
    second = journal.note_repair(run.session_id, repair, now=later(2))

    assert first == second == journal.get(run.session_id)
    assert first.watcher == "arn:of:an:execution:next"
    assert kinds(journal, run).count(EventType.RUN_REPAIRED) == 1


def test_what_a_sweep_keeps_is_what_the_next_one_reads(journal: Journal) -> None:
    before = journal.bookmark()
    for cursor in ("a", "b"):
        journal.keep_bookmark({"status": "BUSY", "cursor": cursor}, now=NOW)

    assert before is None
    assert journal.bookmark() == {"status": "BUSY", "cursor": "b"}
    assert journal.list_runs().runs == ()


def test_runs_are_counted_where_they_are(journal: Journal) -> None:
    for seconds in (0, 0, 0):
        accept(journal, updated_at=later(seconds))
    claim(journal, accept(journal).session_id)
    accept(journal, status=Status.WAITING, updated_at=later(-60))
    accept(journal, status=Status.WAITING, updated_at=later(-30))
    accept(journal, status=Status.FAILED, updated_at=later(-90))

    found = journal.census()

    assert (found.queued, found.busy, found.waiting) == (3, 1, 2)
    assert found.oldest_wait_at == later(-60)


def test_an_empty_journal_has_nothing_to_count(journal: Journal) -> None:
    found = journal.census()

    assert (found.queued, found.busy, found.waiting, found.oldest_wait_at) == (0, 0, 0, None)
