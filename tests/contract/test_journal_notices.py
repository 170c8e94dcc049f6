"""What deciders are to be told is kept with what they are asked, and ticked off when it is sent."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from runs.again import Retry
from runs.errors import RunNotFoundError
from runs.events import EventType
from runs.instants import to_iso
from runs.journal.base import Changes, Journal
from runs.lifecycle import Ending
from runs.notices import Notice, NoticeKind
from runs.run import Run, RunFailure, Status
from tests.support.approvals import ADA, BOB, POST, ask, no, yes
from tests.support.journals import NOW, JournalStore, later

HOUR = 3600
ASKED, REMINDER, ENDED = NoticeKind


def head(journal: Journal, session_id: str) -> Run:
    run = journal.get(session_id)
    assert run is not None
    return run


def kinds(journal: Journal, session_id: str, now: datetime) -> list[NoticeKind]:
    return [notice.kind for notice in journal.notices(session_id, now=now)]


def send_all(journal: Journal, session_id: str, now: datetime) -> list[Notice]:
    sent = journal.notices(session_id, now=now)
    journal.note_sent(session_id, sent, now=now)
    return sent


def told(journal: Journal, session_id: str) -> list[tuple[EventType, str]]:
    wanted = (EventType.APPROVAL_ANNOUNCED, EventType.APPROVAL_REMINDED)
    events = [each.event for each in journal.events(session_id)]
    return [(each.type, to_iso(each.at)) for each in events if each.type in wanted]


def test_what_is_asked_is_to_be_told_from_the_write_on_that_asks(journal: Journal) -> None:
    lease, approval = ask(journal)

    (notice,) = journal.notices(lease.session_id, now=NOW)

    assert (notice.kind, notice.approval) == (ASKED, approval)
    assert head(journal, lease.session_id).notify_at == NOW


def test_a_write_that_asks_nothing_leaves_nothing_to_tell(journal: Journal) -> None:
    lease, _ = ask(journal)
    send_all(journal, lease.session_id, later(1))

    journal.commit(lease, Changes(is_advance=True), now=later(2))

    assert head(journal, lease.session_id).notify_at == later(0.75 * HOUR)
    assert journal.notices(lease.session_id, now=later(2)) == []


def test_what_was_sent_is_not_told_again_and_the_reminder_is_next(journal: Journal) -> None:
    lease, _ = ask(journal)

    sent = send_all(journal, lease.session_id, later(1))

    assert journal.notices(lease.session_id, now=later(0.75 * HOUR - 1)) == []
    assert head(journal, lease.session_id).notify_at == later(0.75 * HOUR)
    journal.note_sent(lease.session_id, sent, now=later(2))
    assert told(journal, lease.session_id) == [(EventType.APPROVAL_ANNOUNCED, to_iso(later(1)))]


def test_a_reminder_moves_nothing_but_the_time_of_the_next_notice(journal: Journal) -> None:
    lease, _ = ask(journal)
    journal.park(lease, wake_at=later(HOUR), waiting_for="answer", now=NOW, seen_answers=0)
    send_all(journal, lease.session_id, later(1))
    before = head(journal, lease.session_id)

    (reminder,) = send_all(journal, lease.session_id, later(0.75 * HOUR))

    after = head(journal, lease.session_id)
    assert reminder.kind is REMINDER
    assert after == replace(before, notify_at=later(HOUR), version=before.version + 1)
    assert not after.is_due(later(0.75 * HOUR))
    assert told(journal, lease.session_id)[1:] == [
        (EventType.APPROVAL_REMINDED, to_iso(later(0.75 * HOUR)))
    ]


def test_a_notice_that_could_not_be_sent_is_due_again_later_and_later(journal: Journal) -> None:
    lease, _ = ask(journal)

    pauses = []
    for seconds in (1, 60, 7200):
        run = journal.note_sent(lease.session_id, [], now=later(seconds))
        assert run.notify_at is not None
        pauses.append((run.notify_at - later(seconds)).total_seconds())
        assert [each.kind for each in journal.notices(lease.session_id, now=later(59))] == [ASKED]

    assert pauses == [15, 60, 900]


def test_reminders_that_were_slept_through_are_one(journal: Journal) -> None:
    spans = (timedelta(minutes=30), timedelta(minutes=5))
    lease, _ = ask(journal, replace(POST, remind_before=spans))
    send_all(journal, lease.session_id, NOW)

    (reminder,) = send_all(journal, lease.session_id, later(HOUR - 100))

    assert (reminder.kind, reminder.number) == (REMINDER, 2)
    assert journal.notices(lease.session_id, now=later(HOUR - 1)) == []


def test_who_hears_of_a_question_late_is_not_reminded_of_it_at_once(journal: Journal) -> None:
    lease, _ = ask(journal)

    send_all(journal, lease.session_id, later(HOUR - 60))

    assert journal.notices(lease.session_id, now=later(HOUR - 30)) == []
    assert head(journal, lease.session_id).notify_at == later(HOUR)


def test_what_is_decided_is_told_to_nobody(journal: Journal) -> None:
    lease, approval = ask(journal)

    journal.decide_approval(approval.callback_id, yes(approval), now=later(1))

    assert journal.notices(lease.session_id, now=later(2)) == []
    assert journal.note_sent(lease.session_id, [], now=later(2)).notify_at is None


def test_an_end_without_a_decision_is_told_once_whoever_records_it(journal: Journal) -> None:
    lease, approval = ask(journal)
    send_all(journal, lease.session_id, NOW)
    assert kinds(journal, lease.session_id, later(HOUR)) == [ENDED]
    send_all(journal, lease.session_id, later(HOUR))

    journal.time_out_callback(lease, approval.callback_id, now=later(HOUR + 1))

    assert head(journal, lease.session_id).notify_at == later(HOUR + 1)
    assert send_all(journal, lease.session_id, later(HOUR + 1)) == []
    assert head(journal, lease.session_id).notify_at is None


def test_a_worker_that_records_the_expiry_has_it_told(journal: Journal) -> None:
    lease, approval = ask(journal)
    send_all(journal, lease.session_id, NOW)
    journal.time_out_callback(lease, approval.callback_id, now=later(HOUR + 1))

    run = journal.settle(lease, Ending(status=Status.COMPLETED), now=later(HOUR + 2))

    assert run.notify_at == later(HOUR + 2)
    assert kinds(journal, lease.session_id, later(HOUR + 2)) == [ENDED]
    send_all(journal, lease.session_id, later(HOUR + 3))
    assert journal.notices(lease.session_id, now=later(HOUR + 4)) == []


def test_the_end_of_the_run_is_told_to_those_who_were_asked(journal: Journal) -> None:
    lease, _ = ask(journal)
    send_all(journal, lease.session_id, NOW)

    error = RunFailure(type="Cancelled", message="no longer wanted")
    journal.settle(lease, Ending(status=Status.CANCELLED, error=error), now=later(1))

    assert head(journal, lease.session_id).notify_at == later(1)
    assert kinds(journal, lease.session_id, later(1)) == [ENDED]


def test_the_end_of_the_run_is_no_news_to_who_was_never_asked(journal: Journal) -> None:
    lease, _ = ask(journal)

    journal.settle(lease, Ending(status=Status.COMPLETED), now=later(1))

    assert journal.notices(lease.session_id, now=later(1)) == []


def test_an_ended_run_is_not_watched_for_ever_for_what_can_not_be_sent(journal: Journal) -> None:
    lease, _ = ask(journal)
    send_all(journal, lease.session_id, NOW)
    journal.settle(lease, Ending(status=Status.COMPLETED), now=later(1))

    assert journal.note_sent(lease.session_id, [], now=later(100)).notify_at is not None
    assert journal.note_sent(lease.session_id, [], now=later(122)).notify_at is None


def test_an_edit_that_others_must_approve_is_told_anew(journal: Journal) -> None:
    lease, approval = ask(journal, replace(POST, quorum=2))
    (first,) = send_all(journal, lease.session_id, NOW)

    journal.decide_approval(
        approval.callback_id, yes(approval, BOB, content="Unicorns."), now=later(5)
    )

    (again,) = journal.notices(lease.session_id, now=later(5))
    assert (again.kind, again.approval.shown) == (ASKED, "Unicorns.")
    assert again.notice_id != first.notice_id
    assert head(journal, lease.session_id).notify_at == later(5)
    journal.note_sent(lease.session_id, [first], now=later(6))
    left = journal.notices(lease.session_id, now=later(6))
    assert [each.notice_id for each in left] == [again.notice_id]


def test_a_vote_without_an_edit_is_told_to_nobody(journal: Journal) -> None:
    lease, approval = ask(journal, replace(POST, quorum=2))
    send_all(journal, lease.session_id, NOW)

    journal.decide_approval(approval.callback_id, yes(approval, ADA), now=later(5))

    assert journal.notices(lease.session_id, now=later(5)) == []


def test_who_is_asked_again_is_told_what_was_asked_before(journal: Journal) -> None:
    lease, first = ask(journal)
    send_all(journal, lease.session_id, NOW)
    denied = journal.decide_approval(first.callback_id, no(first), now=later(5)).approval

    better = replace(POST, content="Unicorns, softly.")
    ask(journal, better, lease=lease, operation_id="cb-2", at=later(10))

    (notice,) = journal.notices(lease.session_id, now=later(10))
    assert notice.before == denied


def test_several_questions_are_told_one_by_one(journal: Journal) -> None:
    lease, _ = ask(journal)
    ask(journal, lease=lease, operation_id="cb-2", at=later(10))
    first, second = journal.notices(lease.session_id, now=later(10))

    run = journal.note_sent(lease.session_id, [second], now=later(20))

    assert run.notify_at == later(40)
    assert [each.notice_id for each in journal.notices(lease.session_id, now=later(20))] == [
        first.notice_id
    ]


def test_two_senders_at_once_record_one_notice(store: JournalStore) -> None:
    journal = store.journal()
    lease, _ = ask(journal)
    sent = journal.notices(lease.session_id, now=later(1))

    with ThreadPoolExecutor(4) as pool:
        futures = [
            pool.submit(store.journal().note_sent, lease.session_id, sent, now=later(1))
            for _ in range(4)
        ]
        runs = [future.result() for future in futures]

    assert {run.notify_at for run in runs} == {later(0.75 * HOUR)}
    assert len(told(journal, lease.session_id)) == 1


def test_a_run_that_is_not_there_has_nothing_to_tell(journal: Journal) -> None:
    with pytest.raises(RunNotFoundError):
        journal.notices("nobody", now=NOW)
    with pytest.raises(RunNotFoundError):
        journal.note_sent("nobody", [], now=NOW)


def test_whoever_heard_that_nobody_wants_an_answer_hears_that_a_retry_wants_it(
    journal: Journal,
) -> None:
    lease, approval = ask(journal)
    journal.park(lease, wake_at=later(HOUR), waiting_for="answer", now=NOW, seen_answers=0)
    send_all(journal, lease.session_id, later(1))
    journal.cancel(lease.session_id, now=later(2), reason="not now")
    assert [it.kind for it in send_all(journal, lease.session_id, later(3))] == [ENDED]

    run = journal.retry(lease.session_id, Retry(by="a test"), now=later(4))

    assert run.notify_at == later(4)
    (notice,) = send_all(journal, lease.session_id, later(5))
    assert (notice.kind, notice.approval.approval_id) == (ASKED, approval.approval_id)
    journal.cancel(lease.session_id, now=later(6), reason="not now either")
    assert [it.kind for it in send_all(journal, lease.session_id, later(7))] == [ENDED]


def test_a_retry_asks_nobody_again_for_what_is_decided(journal: Journal) -> None:
    lease, approval = ask(journal)
    send_all(journal, lease.session_id, later(1))
    journal.decide_approval(approval.callback_id, yes(approval, ADA), now=later(2))
    journal.settle(
        lease, Ending(status=Status.FAILED, error=RunFailure(type="E", message="x")), now=later(3)
    )

    journal.retry(lease.session_id, Retry(by="a test"), now=later(4))

    assert journal.notices(lease.session_id, now=later(5)) == []
