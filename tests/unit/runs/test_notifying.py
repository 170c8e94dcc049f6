"""First sent, then recorded: nothing that is asked stays untold, whoever dies in between."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from runs.answering import Answers
from runs.artifacts.folder import FolderStore
from runs.bus.base import EventKind
from runs.errors import JournalUnavailableError, LinkKeysError
from runs.journal.sqlite import SqliteJournal
from runs.link_keys import KeptKeys
from runs.links import Links
from runs.notices import NoticeKind
from runs.notifying import Notifier
from runs.post.mailbox import Mailbox
from tests.support.approvals import BOB, POST, ask, yes
from tests.support.bus import ScriptedBus
from tests.support.invoking import RecordingSignal
from tests.support.journals import NOW, later
from tests.support.links import KeyText
from tests.support.post import ScriptedPost


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    made = SqliteJournal(":memory:", artifacts=FolderStore(tmp_path / "artifacts"))
    yield made
    made.close()


def test_a_month_of_a_question_takes_three_letters(journal: SqliteJournal, clock: Clock) -> None:
    post = ScriptedPost()
    notifier = Notifier(journal=journal, post=post, clock=clock)
    lease, _ = ask(journal)

    run = notifier.notify(lease.session_id)
    while run.notify_at is not None:
        clock.now = run.notify_at
        run = notifier.notify(lease.session_id)

    assert [letter.kind for letter in post.letters] == list(NoticeKind)
    assert clock.now == later(3600)


def test_a_sender_that_dies_before_it_records_sends_again_under_the_same_id(
    journal: SqliteJournal, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox = Mailbox(tmp_path / "mailbox")
    notifier = Notifier(journal=journal, post=mailbox, clock=clock)
    lease, _ = ask(journal)

    def die(*_: object, **__: object) -> None:
        raise JournalUnavailableError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(SqliteJournal, "note_sent", die)
        with pytest.raises(JournalUnavailableError):
            notifier.notify(lease.session_id)
    (first,) = mailbox.mails()
    notifier.notify(lease.session_id)

    assert mailbox.mails() == [first]
    assert journal.approvals(lease.session_id)[0].announced_at == NOW


def test_a_letter_that_is_not_taken_does_not_keep_the_others(
    journal: SqliteJournal, clock: Clock
) -> None:
    post = ScriptedPost(refusals=1)
    notifier = Notifier(journal=journal, post=post, clock=clock)
    lease, first = ask(journal)
    _, second = ask(journal, lease=lease, operation_id="cb-2")

    run = notifier.notify(lease.session_id)
    assert [letter.approval_id for letter in post.letters] == [second.approval_id]
    assert run.notify_at == later(15)
    clock.now += timedelta(seconds=15)
    notifier.notify(lease.session_id)

    assert [letter.approval_id for letter in post.letters][1:] == [first.approval_id]


def test_a_letter_has_the_link_that_opens_the_approval(
    journal: SqliteJournal, clock: Clock
) -> None:
    post, links = ScriptedPost(), Links(KeyText().ring, base_url="https://api.example")
    notifier = Notifier(journal=journal, post=post, clock=clock, links=links)
    lease, approval = ask(journal)

    notifier.notify(lease.session_id)

    (letter,) = post.letters
    assert letter.url is not None
    assert letter.url.startswith("https://api.example/a/")
    found = links.read(letter.url.rpartition("/")[2], now=later(3599))
    assert found is not None
    assert found.is_to(approval)
    assert f"\n{letter.url}\n" in letter.text


def test_without_keys_nothing_is_sent_and_it_is_tried_again(
    journal: SqliteJournal, clock: Clock
) -> None:
    def read() -> str:
        raise LinkKeysError("a secret", "is not to be had")

    post, links = ScriptedPost(), Links(KeptKeys(read, where="a secret"), base_url="https://x")
    lease, _ = ask(journal)

    run = Notifier(journal=journal, post=post, clock=clock, links=links).notify(lease.session_id)

    assert post.letters == []
    assert run.notify_at == later(15)


def test_what_is_decided_meanwhile_is_told_to_nobody(journal: SqliteJournal, clock: Clock) -> None:
    post = ScriptedPost()
    lease, approval = ask(journal)
    journal.decide_approval(approval.callback_id, yes(approval), now=later(1))

    run = Notifier(journal=journal, post=post, clock=clock).notify(lease.session_id)

    assert (post.letters, run.notify_at) == ([], None)


def test_an_edit_that_others_must_approve_wakes_the_state_machine_to_tell_them(
    journal: SqliteJournal, clock: Clock
) -> None:
    post, signal = ScriptedPost(), RecordingSignal()
    notifier = Notifier(journal=journal, post=post, clock=clock)
    answers = Answers(journal=journal, signal=signal, clock=clock)
    lease, approval = ask(journal, replace(POST, quorum=3), wake_token="the state machine's")
    notifier.notify(lease.session_id)

    answers.decide(approval.callback_id, yes(approval, content="Unicorns."))
    assert signal.tokens == ["the state machine's"]
    notifier.notify(lease.session_id)
    edited = journal.approvals(lease.session_id)[0]
    answers.decide(approval.callback_id, yes(edited, BOB))

    assert signal.tokens == ["the state machine's"]
    assert [letter.kind for letter in post.letters] == [NoticeKind.ASKED] * 2
    assert "  | + Unicorns.\n" in post.letters[1].text


def test_programs_are_told_on_the_bus_and_reminded_of_nothing(
    journal: SqliteJournal, clock: Clock
) -> None:
    bus = ScriptedBus()
    notifier = Notifier(journal=journal, post=ScriptedPost(), clock=clock, bus=bus)
    lease, _ = ask(journal)

    run = notifier.notify(lease.session_id)
    while run.notify_at is not None:
        clock.now = run.notify_at
        run = notifier.notify(lease.session_id)

    kinds = [event.kind for event in bus.events]
    assert kinds == [EventKind.APPROVAL_REQUESTED, EventKind.APPROVAL_EXPIRED]
    assert [event.at for event in bus.events] == [NOW, later(3600)]


def test_an_event_that_was_put_before_its_sender_died_is_put_again_under_the_same_id(
    journal: SqliteJournal, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = ScriptedBus()
    notifier = Notifier(journal=journal, post=ScriptedPost(), clock=clock, bus=bus)
    lease, _ = ask(journal)

    def die(*_: object, **__: object) -> None:
        raise JournalUnavailableError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(SqliteJournal, "note_sent", die)
        with pytest.raises(JournalUnavailableError):
            notifier.notify(lease.session_id)
    clock.now = later(20)
    notifier.notify(lease.session_id)

    first, again = bus.events
    assert first == again


def test_nobody_gets_a_letter_twice_because_the_bus_was_closed(
    journal: SqliteJournal, clock: Clock
) -> None:
    post, bus = ScriptedPost(), ScriptedBus(refusals=1)
    notifier = Notifier(journal=journal, post=post, clock=clock, bus=bus)
    lease, _ = ask(journal)

    run = notifier.notify(lease.session_id)
    assert (post.letters, run.notify_at) == ([], later(15))
    clock.now = later(15)
    notifier.notify(lease.session_id)

    assert (len(post.letters), len(bus.events)) == (1, 1)
