"""What only the embedded journal has to stand: processes that die, locks, strange files."""

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from multiprocessing.pool import Pool
from pathlib import Path

import pytest

from runs.errors import CorruptRecordError, JournalFormatError, JournalUnavailableError
from runs.journal.base import Changes
from runs.journal.sqlite import SqliteJournal
from runs.journal.sqlite_approvals import SELECT_APPROVALS, approvals_values
from runs.journal.sqlite_file import SCHEMA_VERSION
from runs.run import RETENTION, Run, Status
from tests.support.approvals import ask
from tests.support.journals import (
    NOW,
    a_run,
    accept,
    an_event,
    an_operation,
    claim,
    folder_store,
    later,
)

ROOT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[SqliteJournal]:
    made = _open(path)
    yield made
    made.close()


def _open(path: Path, *, busy_seconds: float = 10.0) -> SqliteJournal:
    artifacts = folder_store(path.parent)
    return SqliteJournal(path, artifacts=artifacts, busy_seconds=busy_seconds)


def test_a_journal_makes_its_folder(tmp_path: Path) -> None:
    journal = _open(tmp_path / "deep" / "er" / "journal.db")

    assert journal.list_runs().runs == ()
    journal.close()


def test_runs_are_there_after_closing(path: Path, journal: SqliteJournal) -> None:
    run = accept(journal)
    journal.close()

    reopened = _open(path)

    assert reopened.get(run.session_id) == run
    reopened.close()


def test_a_write_is_synced_to_disk_before_it_is_answered(journal: SqliteJournal) -> None:
    pragmas = [
        journal._db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous")
    ]

    assert pragmas == ["wal", 2]


def test_a_commit_is_one_transaction(journal: SqliteJournal) -> None:
    lease = claim(journal, accept(journal).session_id).lease
    statements: list[str] = []
    journal._db.set_trace_callback(statements.append)

    journal.commit(lease, Changes(operations=(an_operation(),), events=(an_event(),)), now=later(1))

    kinds = [statement.split()[0] for statement in statements]
    assert kinds == ["BEGIN", "UPDATE", "PRAGMA", "INSERT", "INSERT", "COMMIT"]


_WRITER = """
    import sys
    from pathlib import Path
    from runs.journal.base import Changes
    from runs.journal.sqlite import SqliteJournal
    from runs.run import Usage
    from tests.support.journals import accept, an_event, an_operation, claim, folder_store, later

    path = Path(sys.argv[1])
    journal = SqliteJournal(path, artifacts=folder_store(path.parent))
    lease = claim(journal, accept(journal, session_id="the-run").session_id).lease
    for n in range(100_000):
        changes = Changes(
            operations=(an_operation(str(n), payload="x" * (n % 7) * 30_000),),
            events=(an_event(name=str(n)),),
            spent=Usage(model_calls=1),
        )
        journal.commit(lease, changes, now=later(n))
        print(n, flush=True)
"""


@pytest.mark.parametrize("answers", [1, 40, 200])
def test_a_killed_process_loses_nothing_that_was_answered(path: Path, answers: int) -> None:
    with subprocess.Popen(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", textwrap.dedent(_WRITER), str(path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if int(line) + 1 == answers:
                break
        os.kill(child.pid, signal.SIGKILL)
        answered = answers + sum(1 for _ in child.stdout)

    journal = _open(path)
    head = journal.get("the-run")
    operations = journal.operations("the-run")
    events = journal.events("the-run")[2:]
    journal.close()

    # The write that was under way may be there too, and then whole.
    assert head is not None
    assert head.usage.model_calls in {answered, answered + 1}
    wanted = [str(n) for n in range(head.usage.model_calls)]
    assert [operation.operation_id for operation in operations] == wanted
    assert [found.event.name for found in events] == wanted


def _claim_in_a_process(path: Path) -> str:
    journal = _open(path)
    try:
        return str(claim(journal, "the-run").run.attempt)
    except Exception as error:  # noqa: BLE001 - the errors are what is looked at
        return type(error).__name__
    finally:
        journal.close()


@pytest.fixture
def processes() -> Iterator[Pool]:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        yield pool


def test_several_processes_share_a_file(
    path: Path, journal: SqliteJournal, processes: Pool
) -> None:
    accept(journal, session_id="the-run")

    answers = processes.map(_claim_in_a_process, [path] * 12, chunksize=1)

    assert sorted(answers) == ["1", *["ClaimLostError"] * 11]


def _accept_in_a_process(path: Path) -> bool:
    journal = _open(path)
    try:
        return journal.accept(_the_run()).is_new
    finally:
        journal.close()


def _the_run() -> Run:
    return a_run(session_id="the-run")


def test_several_processes_may_make_the_same_file(path: Path, processes: Pool) -> None:
    answers = processes.map(_accept_in_a_process, [path] * 12, chunksize=1)

    assert sorted(answers) == [*[False] * 11, True]


def test_a_file_that_stays_locked_is_unavailable(path: Path, journal: SqliteJournal) -> None:
    run = accept(journal)
    impatient = _open(path, busy_seconds=0.05)
    journal._db.execute("BEGIN IMMEDIATE")

    with pytest.raises(JournalUnavailableError, match="locked") as raised:
        impatient.cancel(run.session_id, now=NOW, reason="r")
    assert raised.value.retryable
    assert impatient.get(run.session_id) == run
    journal._db.execute("ROLLBACK")
    assert impatient.cancel(run.session_id, now=NOW, reason="r").status is Status.CANCELLED
    impatient.close()


def test_a_file_of_a_newer_version_is_refused_and_left(path: Path, journal: SqliteJournal) -> None:
    journal._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    journal.close()
    before = path.read_bytes()

    with pytest.raises(JournalFormatError, match=r"journal\.db.*version 3.*reads 2"):
        _open(path)
    assert path.read_bytes() == before


def test_a_file_of_an_earlier_version_is_brought_up_to_date(
    path: Path, journal: SqliteJournal
) -> None:
    run = accept(journal)
    journal._db.execute("ALTER TABLE runs DROP COLUMN unpriced_calls")
    journal._db.execute("PRAGMA user_version = 1")
    journal.close()

    upgraded, again = _open(path), _open(path)

    assert upgraded.get(run.session_id) == again.get(run.session_id) == run
    upgraded.close()
    again.close()


def test_an_sqlite_file_of_something_else_is_refused(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE photos (id INTEGER)")
    other.close()

    with pytest.raises(JournalFormatError, match="of something else"):
        _open(path)


def test_a_file_that_is_not_sqlite_is_refused_and_left(path: Path) -> None:
    path.write_text("Dear diary, today I learned about journals. " * 100, encoding="utf-8")
    before = path.read_bytes()

    with pytest.raises(JournalFormatError, match="not an SQLite file"):
        _open(path)
    assert path.read_bytes() == before


def test_a_row_that_is_not_json_is_named(journal: SqliteJournal) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease
    journal.commit(lease, Changes(operations=(an_operation("a"),)), now=NOW)
    for body in ("{", "[]", None):
        journal._db.execute(
            "UPDATE records SET body = coalesce(?, x'00') WHERE key = 'OP#a'", (body,)
        )

        with pytest.raises(CorruptRecordError, match="'OP#a'"):
            journal.operations(run.session_id)


@pytest.mark.parametrize("column", ["body", "progress", "artifacts"])
def test_a_head_that_is_not_json_is_named_and_left_out(journal: SqliteJournal, column: str) -> None:
    broken, whole = accept(journal), accept(journal)
    journal._db.execute(
        f"UPDATE runs SET {column} = '{{' WHERE session_id = ?",  # noqa: S608 - a column's name
        (broken.session_id,),
    )

    with pytest.raises(CorruptRecordError, match="'SESSION'"):
        journal.get(broken.session_id)
    assert journal.list_runs().runs == (whole,)


def test_accepting_removes_runs_past_their_retention(journal: SqliteJournal) -> None:
    old = accept(journal)
    lease = claim(journal, old.session_id).lease
    journal.commit(lease, Changes(operations=(an_operation(),)), now=NOW)
    kept = NOW + RETENTION
    accept(journal, created_at=kept, updated_at=kept)
    still_there = journal.get(old.session_id)
    passed = kept + timedelta(milliseconds=1)

    accept(journal, created_at=passed, updated_at=passed)

    assert still_there is not None
    assert journal.get(old.session_id) is None
    assert journal.operations(old.session_id) == []
    assert len(journal.list_runs().runs) == 2


def test_a_path_that_can_not_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalFormatError, match="unable to open database file"):
        _open(tmp_path)


def test_a_journal_of_before_there_were_approvals_lists_them(path: Path) -> None:
    journal = _open(path)
    _, approval = ask(journal)
    journal._db.execute("DROP INDEX approvals_by_change")
    journal.close()

    reopened = _open(path)

    plan = reopened._db.execute(
        f"EXPLAIN QUERY PLAN {SELECT_APPROVALS}",
        approvals_values(is_open=True, limit=1, cursor=None),
    ).fetchall()
    assert "approvals_by_change" in plan[0][-1]
    assert [asked.approval for asked in reopened.list_approvals(is_open=True).asked] == [approval]
    reopened.close()


def test_a_file_with_the_index_of_earlier_versions_gets_those_of_this_one(
    path: Path, journal: SqliteJournal
) -> None:
    run = accept(journal)
    for name in ("runs_at_work", "runs_at_rest"):
        journal._db.execute(f"DROP INDEX {name}")
    journal._db.execute("CREATE INDEX runs_by_change ON runs (updated_at, session_id, status)")
    journal.close()

    reopened = _open(path)

    assert reopened.list_runs().runs == (run,)
    assert _runs_indexes(reopened) == {"runs_at_work", "runs_at_rest"}
    reopened.close()


@pytest.mark.parametrize("status", [None, Status.BUSY, Status.COMPLETED])
def test_a_listing_reads_no_more_than_it_shows(
    journal: SqliteJournal, status: Status | None
) -> None:
    asked: list[str] = []
    journal._db.set_trace_callback(asked.append)

    journal.list_runs(status=status)

    journal._db.set_trace_callback(None)
    plan = journal._db.execute(f"EXPLAIN QUERY PLAN {asked[0]}").fetchall()
    steps = [step for *_, step in plan]
    assert [step for step in steps if "runs_at_work" in step]
    assert [step for step in steps if "runs_at_rest" in step]
    # Those at work are few; those at rest come in the order of their index.
    assert len([step for step in steps if "TEMP B-TREE" in step]) == 1


def test_events_follow_those_of_another_process_with_a_clock_ahead(
    path: Path, journal: SqliteJournal
) -> None:
    lease = claim(journal, accept(journal).session_id).lease
    journal.commit(lease, Changes(events=(an_event(name="first"),)), now=NOW)
    other = _open(path)
    other.cancel(lease.session_id, now=later(30), reason="second")

    journal.commit(lease, Changes(events=(an_event(name="third"),)), now=NOW)

    told = [recorded.event for recorded in journal.events(lease.session_id)][-3:]
    assert [event.name or event.type for event in told] == ["first", "CancelRequested", "third"]
    other.close()


def _runs_indexes(journal: SqliteJournal) -> set[str]:
    query = "SELECT name FROM sqlite_schema WHERE tbl_name = 'runs' AND sql LIKE 'CREATE INDEX%'"
    return {name for (name,) in journal._db.execute(query)}


def test_a_renewal_waits_beside_one_commit_however_many_wait(
    journal: SqliteJournal, path: Path
) -> None:
    lease = claim(journal, accept(journal).session_id).lease
    done: list[str] = []

    def commit(number: int) -> None:
        journal.commit(lease, Changes(events=(an_event(),)), now=later(seconds=number))
        done.append("commit")

    def renew() -> None:
        journal.renew(lease, now=later(seconds=1))
        done.append("renewal")

    with ThreadPoolExecutor(max_workers=65) as pool:
        # What holds up the first of them holds up all.
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            waiting = [pool.submit(commit, number) for number in range(64)]
            time.sleep(0.1)
            waiting.append(pool.submit(renew))
            time.sleep(0.1)
            other.execute("ROLLBACK")
        for each in waiting:
            each.result()

    assert done.index("renewal") < 32
