"""Runs in a journal's file are told things, paused and resumed with the command."""

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runs.artifacts.folder import FolderStore
from runs.journal.sqlite import SqliteJournal
from runs.lifecycle import Ending
from runs.run import Run, Status
from tests.support.cli import errand
from tests.support.journals import accept


class Place:
    """A journal in a file that nobody works on, and the command on it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.db"
        self.folder = folder
        self.journal = SqliteJournal(self.path, artifacts=FolderStore(folder / "artifacts"))

    def errand(self, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "ERRAND_HOME": str(self.folder), "COLUMNS": "120", "USER": "ada"}
        return errand(
            *arguments, "--journal", f"sqlite:{self.path}", environ=environ, standard_input=said
        )

    def a_run(self, **changes: Any) -> Run:  # noqa: ANN401 - any field of a run
        # The command's clock is the real one.
        now = datetime.now(UTC)
        fields = {"wake_at": now, "deadline_at": now + timedelta(hours=1)}
        return accept(self.journal, **{**fields, "created_at": now, "updated_at": now, **changes})

    def head(self, session_id: str) -> Run:
        run = self.journal.get(session_id)
        assert run is not None
        return run

    def end(self, session_id: str) -> None:
        now = datetime.now(UTC)
        claim = self.journal.claim(session_id, owner="w", token="t", now=now, lease_seconds=60)
        self.journal.settle(claim.lease, Ending(status=Status.COMPLETED), now=now)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.journal.close()


def test_a_message_is_told_and_shown_until_it_is_delivered(place: Place) -> None:
    run = place.a_run()

    told = place.errand("tell", "last", "In euros, please.", "--by", "ada", "--agent", "writer")
    shown = place.errand("show", "last")

    assert told.returncode == 0, told.stderr
    assert "message 1 for run" in told.stderr
    assert "writer gets it before its next model call" in told.stderr
    [message] = place.journal.tells(run.session_id)
    assert (message.text, message.by, message.agent) == ("In euros, please.", "ada", "writer")
    assert message.origin.startswith("cli on ")
    assert "1. by ada for writer" in shown.stdout
    assert "waiting for writer to come to the next edge" in shown.stdout


def test_a_message_as_json_has_where_it_is(place: Place) -> None:
    run = place.a_run()

    told = json.loads(place.errand("tell", "last", "In euros.", "--by", "ada", "--json").stdout)
    listed = json.loads(place.errand("show", "last", "--json").stdout)["told"]

    assert listed == [told]
    assert told["session_id"] == run.session_id
    assert (told["number"], told["state"], told["text"]) == (1, "waiting", "In euros.")
    assert (told["delivered_at"], told["delivered_to"], told["agent"]) == (None, None, None)


def test_a_message_may_come_from_standard_input(place: Place) -> None:
    run = place.a_run()

    place.errand("tell", "last", "-", said="two\nlines\n")

    assert [each.text for each in place.journal.tells(run.session_id)] == ["two\nlines"]


@pytest.mark.parametrize(
    ("arguments", "said", "message"),
    [
        (("",), "", "TEXT is empty, expected what to tell"),
        (("-",), "x" * 102_401, "TEXT has 102,401 bytes, expected at most 102,400; put larger"),
        (("hi", "--agent", "no name"), "", "--agent is 'no name', expected 1 to 32 letters"),
    ],
)
def test_what_can_not_be_told_is_refused(
    place: Place, arguments: tuple[str, ...], said: str, message: str
) -> None:
    run = place.a_run()

    refused = place.errand("tell", "last", *arguments, said=said)

    assert refused.returncode == 2
    assert message in refused.stderr.replace("\n", " ")
    assert place.journal.tells(run.session_id) == []


def test_a_run_that_has_ended_is_told_so_and_shows_what_was_never_delivered(place: Place) -> None:
    run = place.a_run()
    place.errand("tell", "last", "Too late.", "--by", "ada")
    place.end(run.session_id)

    refused = place.errand("tell", "last", "Even later.")
    shown = place.errand("show", "last")
    result = place.errand("result", "last")

    assert refused.returncode == 1
    assert "can't be told anything: it is COMPLETED" in refused.stderr
    assert "never delivered: the run ended before" in shown.stdout
    assert "1 message was never delivered: Too late." in result.stdout


def test_a_run_is_paused_shown_as_paused_and_resumed(place: Place) -> None:
    run = place.a_run()

    paused = place.errand("pause", "last", "--reason", "too dear", "--by", "ada")
    shown = place.errand("show", "last")
    as_json = json.loads(place.errand("show", "last", "--json").stdout)
    told = place.errand("tell", "last", "Use the cheap model.")
    resumed = place.errand("resume", "last", "--by", "bob")

    assert paused.returncode == 0, paused.stderr
    assert f"run {run.session_id} is WAITING, paused by ada: too dear" in paused.stderr
    assert f"`errand resume {run.session_id}` lets it go on" in paused.stderr
    assert "WAITING, paused by ada: too dear" in shown.stdout
    assert "pause requested: by ada (cli on " in shown.stdout
    assert (as_json["paused"]["by"], as_json["paused"]["reason"]) == ("ada", "too dear")
    assert "gets it when the run, paused by ada: too dear, is resumed" in told.stderr
    assert resumed.returncode == 0, resumed.stderr
    assert "goes on" in resumed.stderr
    head = place.head(run.session_id)
    assert (head.pause, head.is_due(datetime.now(UTC))) == (None, True)


def test_resuming_a_run_that_is_not_paused_says_how_it_stands(place: Place) -> None:
    place.a_run()

    resumed = place.errand("resume", "last", "--json")

    assert resumed.returncode == 0
    assert "was not paused: it is QUEUED" in resumed.stderr
    assert json.loads(resumed.stdout)["paused"] is None


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_a_run_that_has_ended_is_neither_paused_nor_resumed(place: Place, command: str) -> None:
    run = place.a_run()
    place.end(run.session_id)

    refused = place.errand(command, "last")

    assert refused.returncode == 1
    assert f"can't be {command}d: it is COMPLETED" in refused.stderr


def test_a_message_for_a_run_that_waits_says_that_it_is_not_woken(place: Place) -> None:
    run = place.a_run()
    now = datetime.now(UTC)
    claim = place.journal.claim(run.session_id, owner="w", token="t", now=now, lease_seconds=60)
    place.journal.park(claim.lease, wake_at=None, waiting_for="ada's answer", now=now)

    told = place.errand("tell", "last", "Hello.")

    assert "it waits for ada's answer, and is not woken" in told.stderr.replace("\n", " ")


def test_a_reason_that_is_too_long_is_refused(place: Place) -> None:
    place.a_run()

    refused = place.errand("pause", "last", "--reason", "x" * 1_001)

    assert refused.returncode == 2
    assert "--reason has 1,001 characters, expected at most 1,000" in refused.stderr
