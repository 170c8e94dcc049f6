"""Approvals are listed, shown and decided with the command, on a journal in a file."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from runs.approvals import Decision
from runs.artifacts.folder import FolderStore
from runs.asked import Approval
from runs.events import EventType
from runs.journal.sqlite import SqliteJournal
from runs.run import Pause
from tests.support.approvals import POST, ask, no
from tests.support.cli import errand


class Place:
    """A journal in a file, and the command on it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.db"
        self.folder = folder
        self.journal = SqliteJournal(self.path, artifacts=FolderStore(folder / "artifacts"))

    def errand(self, *arguments: str, columns: int = 100) -> CompletedProcess[str]:
        environ = {
            **{name: value for name, value in os.environ.items() if name != "COLUMNS"},
            "ERRAND_HOME": str(self.folder),
            "COLUMNS": str(columns),
        }
        return errand(*arguments, "--journal", f"sqlite:{self.path}", environ=environ)

    def json(self, *arguments: str) -> Any:  # noqa: ANN401 - JSON
        done = self.errand(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def ask(self, question: Any = POST, **run: Any) -> Approval:  # noqa: ANN401 - a question; any field of a run
        """Ask now: the command's clock is the real one."""
        now = datetime.now(UTC)
        fields: dict[str, Any] = {"deadline_at": now + timedelta(hours=8)}
        lease, approval = ask(self.journal, question, at=now, **{**fields, **run})
        self.journal.park(
            lease, wake_at=approval.expires_at, waiting_for=question.what, now=now, seen_answers=0
        )
        return approval

    def answer(self, approval: Approval) -> Decision:
        operation = self.journal.operation(approval.session_id, approval.operation_id)
        assert operation is not None
        return Decision.from_payload(operation.payload)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.journal.close()


def test_open_approvals_are_listed_as_json(place: Place) -> None:
    approval = place.ask()

    (listed,) = place.json("approvals")

    assert listed.keys() >= {"id", "session_id", "url", "asked_at", "expires_at", "what"}
    assert (listed["id"], listed["session_id"]) == (approval.approval_id, approval.session_id)
    assert (listed["what"], listed["url"], listed["state"]) == ("publish this post", None, "open")
    assert (listed["content"], listed["hash"]) == (POST.content, POST.hash)


@pytest.mark.parametrize("columns", [40, 80, 160])
def test_the_list_fits_the_terminal(place: Place, columns: int) -> None:
    approval = place.ask(replace(POST, what="publish " + "a very long post " * 20))

    listed = place.errand("approvals", columns=columns)

    assert approval.approval_id in listed.stdout
    assert "publish" in listed.stdout
    assert max(map(len, listed.stdout.splitlines())) <= columns


def test_an_empty_list_says_so(place: Place) -> None:
    listed = place.errand("approvals")

    assert (listed.returncode, listed.stdout) == (0, "")
    assert f"nothing waits for a decision in the journal {place.path}" in listed.stderr
    assert place.json("approvals") == []


def test_one_approval_is_shown_whole_inert_and_with_what_to_type(place: Place) -> None:
    content = "Unicorns \U0001f984 for <b>rent</b>! \x1b]0;owned\x07\n" + "x" * 300
    approval = place.ask(replace(POST, content=content))

    shown = place.errand("approvals", approval.approval_id[:5]).stdout

    assert "Unicorns \U0001f984 for <b>rent</b>! ]0;owned" in shown
    assert "\x1b" not in shown
    assert shown.count("x") >= 300
    assert '"color": "pink"' in shown
    assert f"errand deny {approval.approval_id} --comment TEXT" in shown
    kinds = [each.event.type for each in place.journal.events(approval.session_id)]
    assert EventType.APPROVAL_VIEWED in kinds


@pytest.mark.parametrize("by_run", [False, True])
def test_an_approval_is_decided_and_said_to_be(place: Place, by_run: bool) -> None:
    approval = place.ask()
    given = approval.session_id if by_run else approval.approval_id

    done = place.errand("approve", given, "--comment", "Fine.", "--by", "ada")

    assert done.returncode == 0
    assert f"approved: {approval.approval_id}, publish this post; run" in done.stderr
    decision = place.answer(approval)
    assert (decision.is_approved, decision.comment, decision.by) == (True, "Fine.", "ada")
    assert place.json("approvals") == []
    (closed,) = place.json("approvals", "--all")
    assert (closed["state"], closed["decided_by"]) == ("approved", "ada")
    assert closed["decisions"][0]["from"].startswith("cli on ")


def test_a_decision_on_a_paused_run_says_what_lets_it_go_on(place: Place) -> None:
    approval = place.ask()
    wish = Pause(by="bob", reason="too dear", at=datetime.now(UTC))
    place.journal.pause(approval.session_id, wish, now=wish.at)

    done = place.errand("approve", "last", columns=300)

    assert done.returncode == 0
    assert f"run {approval.session_id} is paused by bob: too dear, " in done.stderr
    assert f"`errand resume {approval.session_id}` lets it go on" in done.stderr
    assert place.answer(approval).is_approved


def test_an_edited_content_is_what_is_approved(place: Place, tmp_path: Path) -> None:
    approval = place.ask()
    file = tmp_path / "post.txt"
    # As an editor leaves it.
    file.write_text("Unicorns.\n", encoding="utf-8")

    shown = place.json("approve", "last", "--edit", str(file))

    assert shown["content"] == "Unicorns."
    assert place.answer(approval).content == "Unicorns."


def test_an_edit_that_others_have_to_approve_is_pointed_out(place: Place, tmp_path: Path) -> None:
    place.ask(replace(POST, quorum=2))
    file = tmp_path / "post.txt"
    file.write_text("Unicorns.", encoding="utf-8")

    done = place.errand("approve", "last", "--edit", str(file), "--by", "bob", columns=200)
    shown = place.errand("approvals", "last", columns=200)

    assert "approved as edited: " in done.stderr
    assert "1 more approval needed" in done.stderr
    words = "open, 1 of 2 approvals missing; edited since it was asked, by bob"
    assert words in shown.stdout


def test_an_edit_may_come_from_a_pipe(place: Place) -> None:
    approval = place.ask()
    reading, writing = os.pipe()
    os.write(writing, b"Piped.")
    os.close(writing)

    # As `--edit <(…)` gives it.
    shown = place.json("approve", "last", "--edit", f"/proc/{os.getpid()}/fd/{reading}")

    os.close(reading)
    assert shown["content"] == place.answer(approval).content == "Piped."


def test_an_edit_that_is_too_large_is_refused(place: Place, tmp_path: Path) -> None:
    approval = place.ask()
    file = tmp_path / "large.txt"
    file.write_text("x" * 1_100_000)

    refused = place.errand("approve", approval.approval_id, "--edit", str(file))

    assert refused.returncode == 2
    assert "expected at most 1048576" in refused.stderr
    assert place.json("approvals", approval.approval_id)["state"] == "open"


def test_a_denial_needs_a_comment(place: Place) -> None:
    approval = place.ask()

    refused = place.errand("deny", approval.approval_id)
    done = place.errand("deny", approval.approval_id, "--comment", "Too loud.")

    assert (refused.returncode, done.returncode) == (2, 0)
    assert "--comment is missing, expected why" in refused.stderr
    assert place.answer(approval).comment == "Too loud."


def test_a_second_decision_is_told_who_decided_and_when(place: Place) -> None:
    approval = place.ask()
    now = datetime.now(UTC)
    place.journal.decide_approval(approval.callback_id, no(approval), now=now)

    late = place.errand("approve", approval.approval_id)

    assert late.returncode == 1
    assert f"approval {approval.approval_id} was denied by ada at {now:%Y-%m-%d}" in late.stderr


def test_what_expired_is_said_to_have(place: Place) -> None:
    past = datetime.now(UTC) - timedelta(hours=2)
    _, approval = ask(place.journal, at=past, deadline_at=past + timedelta(hours=8))

    late = place.errand("approve", approval.approval_id)

    assert late.returncode == 1
    assert f"approval {approval.approval_id} expired at" in late.stderr
    assert place.json("approvals") == []


@pytest.mark.parametrize("columns", [40, 80, 140])
def test_what_is_asked_in_the_same_words_is_listed_with_the_words_that_differ(
    place: Place, columns: int
) -> None:
    for content in ("Unicorns for rent!", "Unicorns in pink!"):
        place.ask(replace(POST, content=content, arguments={"content": content}))
    place.ask(replace(POST, what="delete a post"))

    listed = place.errand("approvals", columns=columns).stdout.splitlines()[1:]

    assert any("“…for rent!”" in line for line in listed)
    assert any("“…in pink!”" in line for line in listed)
    assert sum("“" in line for line in listed) == 2
    assert max(map(len, listed)) <= columns


def test_the_same_content_is_told_apart_by_what_it_is_done_with(place: Place) -> None:
    for color in ("pink", "blue"):
        place.ask(replace(POST, arguments={"color": color}))

    listed = place.errand("approvals", columns=140).stdout

    assert '"pink"}” publish this post' in listed
    assert '"blue"}” publish this post' in listed


def test_several_open_approvals_of_a_run_are_told_apart(place: Place) -> None:
    now = datetime.now(UTC)
    lease, first = ask(place.journal, at=now, deadline_at=now + timedelta(hours=8))
    _, second = ask(place.journal, lease=lease, operation_id="cb-2", at=now)

    refused = place.errand("approve", first.session_id)

    assert refused.returncode == 2
    assert f"{first.session_id!r} could be any of 2 approvals, expected of one:" in refused.stderr
    assert f"  {first.approval_id} publish this post" in refused.stderr
    assert f"  {second.approval_id} publish this post" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("approve", "nosuchthing"), "no approval 'nosuchthing' in the journal"),
        (("approve", "last"), "nothing waits for a decision in the journal"),
        (("deny", "ab", "--comment", "No."), "'ab' is no id"),
        (
            ("approve", "last", "--edit", "no-such-file"),
            "'no-such-file', which can't be read: No such file",
        ),
        (("approve", "last", "--edit", "."), "'.', which can't be read: Is a directory"),
        (("deny", "last", "--comment", "x" * 4_001), "4,001 characters, expected at most 4,000"),
        (("approve", "last", "--by", " "), "--by is ' ', expected a name"),
    ],
)
def test_what_was_typed_wrong_is_refused(
    place: Place, arguments: tuple[str, ...], message: str
) -> None:
    if "--by" in arguments:
        place.ask()

    refused = place.errand(*arguments)

    assert refused.returncode == 2
    assert message in refused.stderr


def test_a_run_that_asks_nothing_any_more_says_what_it_last_asked(place: Place) -> None:
    approval = place.ask()
    place.errand("approve", approval.approval_id)

    refused = place.errand("approve", approval.session_id)

    assert refused.returncode == 2
    assert f"asks nothing now; it last asked {approval.approval_id}" in refused.stderr


def test_an_approval_for_others_is_not_yours(place: Place) -> None:
    approval = place.ask(replace(POST, may_decide=("role:editors",)))

    refused = place.errand("approve", approval.approval_id, "--by", "bob")
    done = place.errand("approve", approval.approval_id, "--by", "bob", "--role", "editors")

    assert (refused.returncode, done.returncode) == (1, 0)
    assert "is not for 'bob' to decide, expected one of: role:editors" in refused.stderr


def test_a_run_that_waits_shows_what_it_asks_and_how_to_answer(place: Place) -> None:
    approval = place.ask()

    shown = place.errand("show", approval.session_id).stdout

    assert "WAITING for publish this post" in shown
    assert f"errand approve {approval.approval_id}" in shown
    assert f"errand deny {approval.approval_id} --comment" in shown
