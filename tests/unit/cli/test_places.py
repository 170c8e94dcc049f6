"""Where a command line means."""

import os
from pathlib import Path

import pytest

from cli.errors import UnreachableError, UsageError
from cli.file_place import FilePlace
from cli.local_place import LocalPlace
from cli.places import Aim, place_for_reading, place_for_sending
from local.home import Home
from local.processes import ProcessId
from local.state import Phase, Ports, StackState, write_state
from runs.artifacts.folder import FolderStore
from runs.journal.sqlite import SqliteJournal
from runs.run import Status
from tests.support.journals import accept

SESSION = "0b9f6c1e-places-0000-0000-000000000001"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path / "home")


def a_journal(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    journal = SqliteJournal(path, artifacts=FolderStore(path.parent / "artifacts"))
    accept(journal, session_id=SESSION)
    journal.close()
    return path


def test_nothing_named_is_the_local_stack(home: Home) -> None:
    assert isinstance(place_for_reading(Aim(), home), LocalPlace)
    assert isinstance(place_for_sending(Aim(), home), LocalPlace)


def test_without_a_stack_the_embedded_journal_is_read(home: Home) -> None:
    a_journal(home.root / "journal.db")

    place = place_for_reading(Aim(), home)

    assert not place.is_usual
    assert place.reader().find("last").session_id == SESSION


def test_a_stack_in_whatever_state_comes_before_the_embedded_journal(home: Home) -> None:
    a_journal(home.root / "journal.db")
    me = ProcessId(os.getpid(), "long ago")
    ports = Ports(agent=1, agentcore=2, emulator=3)
    state = StackState(phase=Phase.FAILED, step="up", error="", supervisor=me, ports=ports)
    write_state(home.state_file, state)

    assert isinstance(place_for_reading(Aim(), home), LocalPlace)


def test_a_journal_is_read_where_it_is_named(home: Home, tmp_path: Path) -> None:
    path = a_journal(tmp_path / "other.db")

    place = place_for_reading(Aim(journal=f"sqlite:{path}"), home)

    assert place.reader().find(SESSION[:8]).session_id == SESSION


def test_a_run_of_an_embedded_journal_is_cancelled_there(home: Home) -> None:
    place = FilePlace(a_journal(home.root / "journal.db"), artifacts=home.artifacts)

    place.cancel(SESSION, reason="enough")

    assert place.reader().find(SESSION).status is Status.CANCELLED


def test_looking_for_a_journal_makes_none(home: Home, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no journal .*no\.db; `agentcore launch -l`"):
        place_for_reading(Aim(journal=f"sqlite:{tmp_path}/no.db"), home)

    assert not (tmp_path / "no.db").exists()


def test_a_file_that_is_no_journal_is_said(tmp_path: Path) -> None:
    path = tmp_path / "bill.csv"
    path.write_text("BilledCost,ServiceName\n" * 100)

    with pytest.raises(UnreachableError, match=r"the journal .*bill\.csv can't be read"):
        FilePlace(path, artifacts=tmp_path).reader()


def test_nothing_takes_requests_for_an_embedded_journal(home: Home, tmp_path: Path) -> None:
    path = a_journal(tmp_path / "other.db")

    with pytest.raises(UsageError, match="agentcore invoke"):
        place_for_sending(Aim(journal=f"sqlite:{path}"), home)


@pytest.mark.parametrize(
    ("aim", "message"),
    [
        (Aim(stack="a", journal="sqlite:b"), "name two places, expected one"),
        (Aim(profile="dev"), "name it with --stack"),
        (Aim(region="eu-west-1"), "name it with --stack"),
        (Aim(journal="journal.db"), "is 'journal.db', expected 'sqlite:PATH'"),
        (Aim(journal="sqlite:"), "expected 'sqlite:PATH'"),
    ],
)
def test_what_names_no_place_is_refused(home: Home, aim: Aim, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        place_for_reading(aim, home)


def test_a_local_stack_that_is_down_says_how_to_start_it(home: Home) -> None:
    with pytest.raises(UnreachableError, match="the local stack is down; `errand up` starts it"):
        LocalPlace(home).reader()
