"""Every journal lists runs page by page, newest change first."""

import logging
from collections.abc import Iterator

import pytest

from runs.journal.base import Journal
from runs.json_types import Json
from runs.lifecycle import Ending
from runs.run import Run, Status
from tests.support.journals import JournalStore, accept, claim, later


def _pages(
    journal: Journal, *, limit: int, status: Status | None = None
) -> Iterator[tuple[Run, ...]]:
    cursor = None
    while True:
        page = journal.list_runs(status=status, limit=limit, cursor=cursor)
        yield page.runs
        if page.cursor is None:
            return
        cursor = page.cursor


def _accept_some(journal: Journal, n: int, *, same_moment: int = 1) -> list[Run]:
    """Accept runs, the newest last; some of them at the same moment."""
    at = [later(i // same_moment) for i in range(n)]
    return [accept(journal, created_at=now, updated_at=now, wake_at=now) for now in at]


def _ids(runs: tuple[Run, ...] | list[Run]) -> list[str]:
    return [run.session_id for run in runs]


def test_an_empty_journal_lists_nothing(journal: Journal) -> None:
    page = journal.list_runs()

    assert page.runs == ()
    assert page.cursor is None


def test_runs_are_listed_newest_change_first(journal: Journal) -> None:
    runs = _accept_some(journal, 5)
    changed = claim(journal, runs[1].session_id, now=later(60)).run

    page = journal.list_runs()

    assert page.runs == (changed, runs[4], runs[3], runs[2], runs[0])
    assert page.cursor is None


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("status", [None, Status.QUEUED])
def test_pages_show_each_run_once(journal: Journal, limit: int, status: Status | None) -> None:
    runs = _accept_some(journal, 14, same_moment=3)

    pages = list(_pages(journal, limit=limit, status=status))

    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert sorted(_ids([run for page in pages for run in page])) == sorted(_ids(runs))
    moments = [run.updated_at for page in pages for run in page]
    assert moments == sorted(moments, reverse=True)


def test_runs_of_a_status_are_listed(journal: Journal) -> None:
    runs = _accept_some(journal, 9)
    for run in runs[::2]:
        journal.cancel(run.session_id, now=later(100), reason="no longer needed")
    busy = claim(journal, runs[1].session_id, now=later(100)).run

    cancelled = [run for page in _pages(journal, limit=2, status=Status.CANCELLED) for run in page]

    assert sorted(_ids(cancelled)) == sorted(_ids(runs[::2]))
    assert journal.list_runs(status=Status.BUSY).runs == (busy,)
    assert journal.list_runs(status=Status.COMPLETED).runs == ()


def test_a_listing_of_all_statuses_is_one_order(journal: Journal) -> None:
    runs = _accept_some(journal, 12)
    for i, run in enumerate(runs):
        if i % 3 == 0:
            lease = claim(journal, run.session_id, now=later(100 + i)).lease
            if i % 2 == 0:
                journal.settle(lease, Ending(status=Status.COMPLETED), now=later(100 + i))

    listed = [run for page in _pages(journal, limit=2) for run in page]

    assert _ids(listed) == [
        *_ids([runs[9], runs[6], runs[3], runs[0]]),
        *_ids([run for i, run in reversed(list(enumerate(runs))) if i % 3]),
    ]


def test_runs_that_change_between_pages_disturb_no_other(journal: Journal) -> None:
    runs = _accept_some(journal, 10)
    first = journal.list_runs(limit=4)
    journal.cancel(runs[9].session_id, now=later(100), reason="shown already")
    journal.cancel(runs[2].session_id, now=later(101), reason="not shown yet")
    claim(journal, runs[6].session_id, now=later(102))
    accept(journal, created_at=later(103), updated_at=later(103))

    second = journal.list_runs(limit=4, cursor=first.cursor)
    third = journal.list_runs(limit=4, cursor=second.cursor)

    assert _ids(first.runs) == _ids(runs[:5:-1])
    assert _ids(second.runs + third.runs) == _ids([runs[i] for i in (5, 4, 3, 1, 0)])
    assert third.cursor is None


def test_a_heartbeat_does_not_move_a_run(journal: Journal) -> None:
    runs = _accept_some(journal, 2)
    lease = claim(journal, runs[0].session_id, now=later(0)).lease

    journal.renew(lease, now=later(50))

    assert _ids(journal.list_runs().runs) == _ids([runs[1], runs[0]])


@pytest.mark.parametrize("cursor", ["", "x", "né", "bm90IGpzb24", "WzEsMl0", "W10", "bnVsbA"])
def test_a_cursor_of_another_maker_is_refused(journal: Journal, cursor: str) -> None:
    with pytest.raises(ValueError, match="not one of this listing"):
        journal.list_runs(cursor=cursor)


def test_a_cursor_is_opaque_and_safe_in_a_url(journal: Journal) -> None:
    _accept_some(journal, 2)

    cursor = journal.list_runs(limit=1).cursor

    assert cursor is not None
    assert cursor.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_page_of_no_or_too_many_runs_is_refused(journal: Journal, limit: int) -> None:
    with pytest.raises(ValueError, match=f"limit is {limit}, expected 1 to 1000"):
        journal.list_runs(limit=limit)


def test_a_run_that_can_not_be_read_is_left_out_and_logged(
    store: JournalStore, caplog: pytest.LogCaptureFixture
) -> None:
    journal = store.journal()
    runs = _accept_some(journal, 3)

    def damage(head: dict[str, Json]) -> None:
        head["deadline_at"] = "tomorrow"

    store.alter(runs[1].session_id, "SESSION", damage)

    with caplog.at_level(logging.WARNING):
        listed = journal.list_runs()

    assert _ids(listed.runs) == _ids([runs[2], runs[0]])
    assert [record.__dict__["session_id"] for record in caplog.records] == [runs[1].session_id]


def test_a_run_of_an_unknown_status_is_left_out(store: JournalStore) -> None:
    journal = store.journal()
    runs = _accept_some(journal, 2)

    def damage(head: dict[str, Json]) -> None:
        head["status"] = "SLEEPING"

    store.alter(runs[0].session_id, "SESSION", damage)

    assert _ids(journal.list_runs().runs) == _ids([runs[1]])
