"""Reading runs by what a person types."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from cli.errors import AmbiguousRunError, UnknownRunError, UsageError
from cli.reader import RunReader
from runs.artifacts.folder import FolderStore
from runs.journal.sqlite import SqliteJournal
from runs.run import Status
from tests.support.journals import accept, later


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    opened = SqliteJournal(":memory:", artifacts=FolderStore(tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def reader(journal: SqliteJournal) -> RunReader:
    return RunReader(journal, where="the test", translated=nullcontext)


def test_a_run_is_found_by_its_id_however_short(journal: SqliteJournal, reader: RunReader) -> None:
    accept(journal, session_id="ab")

    assert reader.find("ab").session_id == "ab"


def test_a_run_is_found_by_the_beginning_of_its_id(
    journal: SqliteJournal, reader: RunReader
) -> None:
    accept(journal, session_id="3f2a-one")
    accept(journal, session_id="3f2b-two")

    assert reader.find("3f2a").session_id == "3f2a-one"


def test_an_id_is_not_taken_for_the_beginning_of_another(
    journal: SqliteJournal, reader: RunReader
) -> None:
    accept(journal, session_id="3f2a")
    accept(journal, session_id="3f2a-two")

    assert reader.find("3f2a").session_id == "3f2a"


def test_a_beginning_of_two_ids_names_both(journal: SqliteJournal, reader: RunReader) -> None:
    accept(journal, session_id="3f2a-one")
    accept(journal, session_id="3f2a-two")

    with pytest.raises(AmbiguousRunError, match="beginning of 2 runs") as caught:
        reader.find("3f2a")

    assert caught.value.candidates == ("3f2a-one", "3f2a-two")


def test_last_is_the_run_accepted_last_not_the_one_changed_last(
    journal: SqliteJournal, reader: RunReader
) -> None:
    accept(journal, session_id="old", created_at=later(0), updated_at=later(90))
    accept(journal, session_id="new", created_at=later(60), updated_at=later(60))

    assert reader.find("last").session_id == "new"


def test_a_run_that_is_not_there_is_said_with_the_place(reader: RunReader) -> None:
    with pytest.raises(UnknownRunError, match="no run '3f2a' in the test"):
        reader.find("3f2a")
    with pytest.raises(UsageError, match="no last run in the test"):
        reader.find("last")


def test_too_short_a_beginning_is_refused_with_what_is_expected(reader: RunReader) -> None:
    with pytest.raises(UsageError, match=r"'3f' is no run's id.* 4 characters"):
        reader.find("3f")


def test_the_newest_runs_are_read_over_pages_up_to_a_limit(
    journal: SqliteJournal, reader: RunReader
) -> None:
    for number in range(5):
        status = Status.QUEUED
        accept(journal, session_id=f"run-{number}", status=status, updated_at=later(number))

    newest = reader.newest(3)

    assert [run.session_id for run in newest] == ["run-4", "run-3", "run-2"]
    assert reader.newest(3, status=Status.FAILED) == []


def test_a_run_that_was_sent_a_moment_ago_is_waited_for(journal: SqliteJournal) -> None:
    session_id = "0b9f6c1e-reader-0000-0000-000000000001"

    def accepted(_seconds: float) -> None:
        accept(journal, session_id=session_id)

    reader = RunReader(journal, where="the test", translated=nullcontext, pause=accepted)

    assert reader.find(session_id).session_id == session_id


def test_a_whole_id_that_never_becomes_a_run_is_given_up_after_some_seconds(
    journal: SqliteJournal,
) -> None:
    pauses: list[float] = []
    reader = RunReader(journal, where="the test", translated=nullcontext, pause=pauses.append)

    with pytest.raises(UnknownRunError):
        reader.find("0b9f6c1e-reader-0000-0000-000000000002")

    assert 3 < sum(pauses) < 10
