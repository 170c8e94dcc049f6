"""What deciders were told is listed and shown with the command."""

import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from runs.letters import Letter
from runs.post.mailbox import Mailbox
from tests.support.approvals import POST
from tests.support.cli import errand
from tests.support.notices import a_letter


@pytest.fixture
def letters(tmp_path: Path) -> list[Letter]:
    """Two letters in the mailbox, the older one first."""
    older = a_letter(replace(POST, content="a\x1b[2Jb " + "x" * 300))
    newer = replace(
        older, letter_id="k3f9x2mahd-reminder-1", written_at=older.written_at + timedelta(hours=1)
    )
    for letter in (older, newer):
        Mailbox(tmp_path / "mailbox").send(letter)
    return [older, newer]


def inbox(home: Path, *arguments: str, columns: int | None = None) -> CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    wide = {} if columns is None else {"COLUMNS": str(columns)}
    return errand("inbox", *arguments, environ={**environ, "ERRAND_HOME": str(home), **wide})


def test_mails_are_listed_newest_first(tmp_path: Path, letters: list[Letter]) -> None:
    listed = json.loads(inbox(tmp_path, "--json").stdout)

    assert [each["id"] for each in listed] == [each.letter_id for each in reversed(letters)]
    assert listed[0].keys() == {
        *("id", "kind", "approval_id", "session_id", "subject", "written_at", "text", "html")
    }


@pytest.mark.parametrize("columns", [40, 80, 160])
def test_the_list_fits_the_terminal(tmp_path: Path, letters: list[Letter], columns: int) -> None:
    lines = inbox(tmp_path, columns=columns).stdout.splitlines()

    assert len(lines) == 3
    assert max(map(len, lines)) <= columns
    assert letters[1].letter_id in lines[1]


@pytest.mark.parametrize("given", ["last", "k3f9", "K3F9X2MAHD"])
def test_a_mail_is_shown_whole_and_harms_no_terminal(
    tmp_path: Path, letters: list[Letter], given: str
) -> None:
    shown = inbox(tmp_path, given)

    assert shown.returncode == 0, shown.stderr
    # Nothing is wrapped: a link is in one piece.
    assert letters[1].text.rstrip() in shown.stdout
    assert "\x1b" not in shown.stdout


def test_a_mail_is_given_as_json(tmp_path: Path, letters: list[Letter]) -> None:
    shown = json.loads(inbox(tmp_path, "last", "--json").stdout)

    assert (shown["id"], shown["html"]) == (letters[1].letter_id, letters[1].html)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("abc", "'abc' is no id, and the beginning of one has 4 characters"),
        ("nothing", "'nothing' is no mail's id; `errand inbox` lists those there are"),
    ],
)
def test_an_id_of_no_mail_is_told(
    tmp_path: Path, letters: list[Letter], given: str, words: str
) -> None:
    done = inbox(tmp_path, given)

    assert (done.returncode, len(letters)) == (2, 2)
    assert words in done.stderr


def test_a_beginning_that_several_mails_have_is_told(tmp_path: Path, letters: list[Letter]) -> None:
    Mailbox(tmp_path / "mailbox").send(replace(letters[1], letter_id="k3f9x2mahd-ended"))

    done = inbox(tmp_path, "k3f9")

    assert done.returncode == 2
    assert "'k3f9' may be each of: k3f9x2mahd-" in done.stderr


def test_an_empty_mailbox_says_where_it_is(tmp_path: Path) -> None:
    done = inbox(tmp_path)

    assert (done.returncode, done.stdout) == (0, "")
    assert f"there is no mail in {tmp_path / 'mailbox'}" in done.stderr
    assert json.loads(inbox(tmp_path, "--json").stdout) == []
    assert "there is no mail yet: no run has asked anything" in inbox(tmp_path, "last").stderr


def test_the_mailbox_of_an_embedded_journal_lies_beside_it(
    tmp_path: Path, letters: list[Letter]
) -> None:
    listed = inbox(tmp_path / "elsewhere", "--json", "--journal", f"sqlite:{tmp_path / 'j.db'}")

    assert len(json.loads(listed.stdout)) == len(letters)


def test_a_stack_on_aws_keeps_no_mails(tmp_path: Path) -> None:
    done = inbox(tmp_path, "--stack", "errand-dev")

    assert done.returncode == 2
    assert "goes to the subscribers of its topic, and is not kept" in done.stderr
