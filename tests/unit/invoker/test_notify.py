from datetime import timedelta

from invoker.answers import Outcome
from runs.lifecycle import Ending
from runs.notices import NoticeKind
from runs.run import RunFailure, Status
from tests.support.approvals import ask
from tests.support.invoking import SESSION, Desk


def asked(desk: Desk) -> None:
    desk.accept()
    claimed = desk.journal.claim(
        SESSION, owner="a worker", token="token", now=desk.now, lease_seconds=60
    )
    ask(desk.journal, lease=claimed.lease, at=desk.now)
    desk.journal.park(claimed.lease, wake_at=None, waiting_for="an approval", now=desk.now)


def test_what_is_asked_is_told_once(desk: Desk) -> None:
    asked(desk)

    answers = [desk.ask(action="notify", session_id=SESSION) for _ in range(2)]

    assert {each.outcome for each in answers} == {Outcome.NOTIFIED}
    (letter,) = desk.post.letters
    assert (letter.kind, letter.session_id) == (NoticeKind.ASKED, SESSION)


def test_a_letter_that_was_not_taken_is_sent_again_when_the_head_says(desk: Desk) -> None:
    asked(desk)
    desk.post.refusals = 1

    answer = desk.ask(action="notify", session_id=SESSION)

    assert (answer.outcome, desk.post.letters) == (Outcome.NOTIFIED, [])
    assert desk.run().notify_at == desk.now + timedelta(seconds=15)
    desk.later(seconds=15)
    desk.ask(action="notify", session_id=SESSION)
    assert [letter.kind for letter in desk.post.letters] == [NoticeKind.ASKED]


def test_a_reminder_hands_the_run_to_nobody(desk: Desk) -> None:
    asked(desk)
    desk.ask(action="notify", session_id=SESSION)
    calls = [*desk.agent.calls]

    desk.later(minutes=45)
    desk.ask(action="notify", session_id=SESSION)

    assert [letter.kind for letter in desk.post.letters] == [NoticeKind.ASKED, NoticeKind.REMINDER]
    assert desk.agent.calls == calls
    assert (desk.run().status, desk.run().attempt) == (Status.WAITING, 1)


def test_the_end_of_a_run_waits_for_its_last_letter_but_not_for_ever(desk: Desk) -> None:
    asked(desk)
    desk.ask(action="notify", session_id=SESSION)
    desk.journal.cancel(SESSION, now=desk.now, reason="no longer wanted")
    desk.post.refusals = 3

    again = desk.ask(action="notify", session_id=SESSION)
    desk.later(minutes=3)
    last = desk.ask(action="notify", session_id=SESSION)

    assert (again.outcome, again.retry_seconds) == (Outcome.RETRY, 15)
    assert (last.outcome, desk.run().notify_at) == (Outcome.NOTIFIED, None)


def test_a_run_that_completed_while_it_asked_tells_that_no_answer_is_needed(desk: Desk) -> None:
    desk.accept()
    lease = desk.journal.claim(
        SESSION, owner="a worker", token="token", now=desk.now, lease_seconds=60
    ).lease
    ask(desk.journal, lease=lease, at=desk.now)
    desk.ask(action="notify", session_id=SESSION)
    error = RunFailure(type="ValueError", message="no")
    desk.journal.settle(lease, Ending(status=Status.FAILED, error=error), now=desk.now)

    answer = desk.ask(action="notify", session_id=SESSION)

    assert answer.outcome is Outcome.NOTIFIED
    assert desk.post.letters[-1].subject == "No decision needed any more: publish this post"


def test_a_run_that_is_not_there_is_looked_at_again(desk: Desk) -> None:
    assert desk.ask(action="notify", session_id=SESSION).outcome is Outcome.RETRY
