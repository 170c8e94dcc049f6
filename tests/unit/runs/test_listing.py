"""Going through the runs of a journal."""

from pathlib import Path

from runs.journal.sqlite import SqliteJournal
from runs.lifecycle import Ending
from runs.listing import open_runs
from runs.run import Status
from tests.support.journals import NOW, a_run, folder_store


def test_open_runs_are_those_of_every_status_that_is_no_end(tmp_path: Path) -> None:
    journal = SqliteJournal(":memory:", artifacts=folder_store(tmp_path))
    for session_id in ("queued", "busy", "waiting", "ended"):
        journal.accept(a_run(session_id=session_id))
    leases = {
        session_id: journal.claim(
            session_id, owner="test", token=session_id, now=NOW, lease_seconds=60
        ).lease
        for session_id in ("busy", "waiting", "ended")
    }
    journal.park(leases["waiting"], wake_at=None, waiting_for="an answer", now=NOW)
    journal.settle(leases["ended"], Ending(status=Status.COMPLETED), now=NOW)

    found = {run.session_id for run in open_runs(journal)}

    assert found == {"queued", "busy", "waiting"}
