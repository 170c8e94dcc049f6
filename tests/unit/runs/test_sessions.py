"""A stop ends a session, and never one that has gone on to a newer attempt."""

from datetime import datetime

import pytest

from runs import lifecycle
from runs.errors import ClaimLostError, IllegalTransitionError
from runs.events import EventType
from runs.run import Run, Status
from runs.sessions import begin_stop, end_stop
from tests.support.journals import NOW, a_run, later

UNTIL = later(60)


def waiting(**changes: object) -> Run:
    fields = {"status": Status.WAITING, "wake_at": None, "attempt": 1, "hand_overs": 1}
    return a_run(**{**fields, **changes})


def claimed(run: Run, now: datetime = NOW) -> Run:
    change = lifecycle.claim(run, owner="worker", token="token", now=now, lease_seconds=60)
    return change.run


@pytest.mark.parametrize(
    "run",
    [
        a_run(hand_overs=1),
        claimed(a_run(hand_overs=1)),
        waiting(wake_at=NOW),
        waiting(stopped_hand_overs=1),
        waiting(stopping_until=later(1)),
        waiting(source="lambda", execution="arn:of:a:durable:execution"),
    ],
    ids=["queued", "busy", "due", "stopped", "being stopped", "of the Lambda service"],
)
def test_no_stop_begins_where_the_session_is_needed_or_off(run: Run) -> None:
    assert begin_stop(run, now=NOW, until=UNTIL).run is run


@pytest.mark.parametrize("status", [Status.WAITING, Status.COMPLETED, Status.CANCELLED])
def test_a_stop_begins_for_a_run_that_waits_or_is_over(status: Status) -> None:
    run = begin_stop(waiting(status=status), now=NOW, until=UNTIL).run

    assert run.stopping_until == UNTIL
    assert run.is_being_stopped(NOW)


def test_nobody_hands_a_run_to_a_session_that_is_being_stopped() -> None:
    run = waiting(wake_at=NOW, stopping_until=later(1))

    with pytest.raises(IllegalTransitionError):
        lifecycle.dispatch(run, now=NOW, retry_at=later(20))


def test_nobody_takes_a_run_up_in_a_session_that_is_being_stopped() -> None:
    with pytest.raises(ClaimLostError, match="its session is being stopped"):
        claimed(waiting(wake_at=NOW, stopping_until=later(1)))


def test_whoever_stops_a_session_and_dies_holds_the_run_up_for_a_time_only() -> None:
    run = begin_stop(waiting(wake_at=later(30)), now=NOW, until=UNTIL).run

    dispatched = lifecycle.dispatch(run, now=UNTIL, retry_at=later(80)).run

    assert dispatched.status is Status.QUEUED


def test_a_session_that_was_stopped_is_off_until_it_is_used_again() -> None:
    run = begin_stop(waiting(wake_at=later(30)), now=NOW, until=UNTIL).run

    change = end_stop(run, hand_overs=1, is_stopped=True, now=later(1))

    assert [event.type for event in change.events] == [EventType.SESSION_STOPPED]
    assert not change.run.has_session
    assert not change.run.is_being_stopped(later(1))
    again = lifecycle.dispatch(change.run, now=later(30), retry_at=later(60)).run
    assert again.has_session


def test_a_session_that_was_not_stopped_is_still_on() -> None:
    run = begin_stop(waiting(), now=NOW, until=UNTIL).run

    change = end_stop(run, hand_overs=1, is_stopped=False, now=later(1))

    assert change.events == ()
    assert change.run.has_session
    assert not change.run.is_being_stopped(later(1))


def test_a_stop_that_took_too_long_counts_for_what_was_before_it_only() -> None:
    run = begin_stop(waiting(wake_at=later(30)), now=NOW, until=UNTIL).run
    used = lifecycle.dispatch(run, now=UNTIL, retry_at=later(80)).run

    late = end_stop(used, hand_overs=1, is_stopped=True, now=later(70)).run

    assert late.has_session


def test_a_worker_that_nobody_handed_the_run_to_has_a_session() -> None:
    assert claimed(a_run()).hand_overs == 1
    assert claimed(a_run(hand_overs=3)).hand_overs == 3


def test_a_head_from_before_hand_overs_were_counted_may_have_a_session() -> None:
    run = waiting(hand_overs=0)

    stopped = end_stop(run, hand_overs=0, is_stopped=True, now=NOW).run

    assert run.has_session
    assert not stopped.has_session
