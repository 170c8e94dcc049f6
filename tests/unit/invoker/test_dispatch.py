from datetime import timedelta

import pytest

from invoker.answers import Outcome
from invoker.errors import AgentUnavailableError
from runs.journal.base import Changes
from runs.run import Status
from tests.support.invoking import SESSION, Desk

TOKEN = "the lease's"


def dispatch(desk: Desk) -> Outcome:
    return desk.ask(action="dispatch", session_id=SESSION).outcome


def test_a_run_whose_lease_expired_is_resumed(desk: Desk) -> None:
    desk.accept()
    desk.claim(lease_seconds=60)
    desk.later(seconds=61)

    outcome = dispatch(desk)

    assert outcome is Outcome.STARTED
    assert desk.agent.calls[-1] == (SESSION, "resume")
    assert desk.run().status is Status.BUSY  # the next claim counts the attempt that was lost


def test_a_parked_run_whose_time_has_come_is_queued_and_resumed(desk: Desk) -> None:
    desk.accept()
    claim = desk.journal.claim(SESSION, owner="w", token=TOKEN, now=desk.now, lease_seconds=60)
    wake_at = desk.now + timedelta(minutes=5)
    desk.journal.park(claim.lease, wake_at=wake_at, waiting_for="a timer", now=desk.now)
    desk.later(minutes=5)

    outcome = dispatch(desk)

    assert outcome is Outcome.STARTED
    assert desk.agent.calls[-1] == (SESSION, "resume")
    assert desk.run().status is Status.QUEUED


def test_a_run_that_a_worker_has_is_left_alone(desk: Desk) -> None:
    desk.accept()
    desk.claim(lease_seconds=60)

    answer = desk.ask(action="dispatch", session_id=SESSION)

    assert (answer.outcome, answer.retry_seconds) == (Outcome.RETRY, 60)
    assert len(desk.agent.calls) == 1


def test_a_session_that_works_already_is_an_outcome_of_its_own(desk: Desk) -> None:
    desk.accept()
    desk.agent.answers = ["BUSY"]
    desk.later(seconds=20)

    assert dispatch(desk) is Outcome.BUSY


def test_a_run_that_is_not_there_is_looked_for_again(desk: Desk) -> None:
    assert dispatch(desk) is Outcome.RETRY


def test_a_run_that_ended_is_not_handed_over(desk: Desk) -> None:
    desk.accept()
    desk.journal.cancel(SESSION, now=desk.now, reason="no")

    assert dispatch(desk) is Outcome.ENDED
    assert len(desk.agent.calls) == 1


def test_each_hand_over_that_no_worker_claims_waits_twice_as_long(desk: Desk) -> None:
    desk.accept(max_attempts=100)
    waits = []
    for _ in range(8):
        wake_at = desk.run().wake_at
        assert wake_at is not None
        waits.append((wake_at - desk.now).total_seconds())
        desk.now = wake_at
        dispatch(desk)

    assert waits == [20, 40, 80, 160, 320, 640, 900, 900]


def test_hand_overs_that_no_worker_claims_are_used_up(desk: Desk) -> None:
    desk.accept(max_attempts=3)
    outcomes = []
    for _ in range(3):
        desk.later(minutes=15)
        outcomes.append(dispatch(desk))

    run = desk.run()
    assert outcomes == [Outcome.STARTED, Outcome.STARTED, Outcome.ENDED]
    assert run.status is Status.FAILED
    assert run.error is not None
    assert run.error.type == "AttemptsExhausted"
    assert run.error.message == "the agent took none of 3 hand-overs"


def test_the_last_hand_over_that_fails_for_certain_says_why(desk: Desk) -> None:
    desk.agent.answers = [AgentUnavailableError("connection refused")]
    desk.accept(max_attempts=2)
    desk.later(seconds=20)

    outcome = dispatch(desk)

    error = desk.run().error
    assert outcome is Outcome.ENDED
    assert error is not None
    assert error.message == "the agent took none of 2 hand-overs; the last one: connection refused"


def test_a_hand_over_that_may_have_arrived_is_never_the_last_word(desk: Desk) -> None:
    desk.agent.answers = [AgentUnavailableError("read timed out", is_delivered=True)]

    answer = desk.accept(max_attempts=1)

    assert answer.outcome is Outcome.RETRY
    assert desk.run().status is Status.QUEUED


def test_attempts_that_finish_nothing_are_used_up(desk: Desk) -> None:
    desk.accept(max_attempts=3)
    outcomes = []
    for attempt in range(3):
        desk.claim(token=f"token-{attempt}", lease_seconds=6)
        desk.later(seconds=30)
        outcomes.append(dispatch(desk))

    error = desk.run().error
    assert outcomes == [Outcome.STARTED, Outcome.STARTED, Outcome.ENDED]
    assert error is not None
    assert error.type == "AttemptsExhausted"
    assert error.message == (
        "3 attempts in a row were lost and had finished nothing; "
        "the last was attempt 3, by a worker"
    )


def test_attempts_that_get_on_are_not_counted(desk: Desk) -> None:
    desk.accept(max_attempts=2)
    for attempt in range(4):
        claim = desk.journal.claim(
            SESSION, owner="w", token=f"token-{attempt}", now=desk.now, lease_seconds=6
        )
        desk.journal.commit(claim.lease, Changes(is_advance=True), now=desk.now)
        desk.later(seconds=30)

        assert dispatch(desk) is Outcome.STARTED


def test_a_lost_run_whose_cancellation_was_asked_for_ends_cancelled(desk: Desk) -> None:
    desk.accept()
    desk.claim(lease_seconds=60)
    desk.journal.cancel(SESSION, now=desk.now, reason="wrong bill")
    desk.later(seconds=61)

    outcome = dispatch(desk)

    error = desk.run().error
    assert outcome is Outcome.ENDED
    assert desk.run().status is Status.CANCELLED
    assert error is not None
    assert error.message == "wrong bill"


def test_a_run_past_its_deadline_is_not_handed_over(desk: Desk) -> None:
    desk.accept(deadline_seconds=60)
    desk.later(seconds=60)

    assert dispatch(desk) is Outcome.ENDED
    assert desk.run().status is Status.TIMED_OUT


@pytest.mark.parametrize(
    ("seconds", "outcome", "status"),
    [(59, Outcome.RETRY, Status.BUSY), (60, Outcome.ENDED, Status.TIMED_OUT)],
)
def test_expiring_ends_a_run_whoever_has_it_once_its_deadline_has_passed(
    desk: Desk, seconds: int, outcome: Outcome, status: Status
) -> None:
    desk.accept(deadline_seconds=60)
    desk.claim(lease_seconds=600)
    desk.later(seconds=seconds)

    answer = desk.ask(action="expire", session_id=SESSION)

    assert answer.outcome is outcome
    assert desk.run().status is status
