"""The rules of a run's life, in every order that hypothesis comes up with."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.strategies import booleans, floats, integers, none, one_of, sampled_from

from runs import lifecycle
from runs.errors import (
    ClaimLostError,
    IllegalTransitionError,
    LeaseLostError,
    SteeringRefusedError,
)
from runs.events import EventType
from runs.lifecycle import Change, Ending, lease_of
from runs.run import TERMINAL, TRANSITIONS, Lease, Pause, Run, RunFailure, Status
from tests.support.journals import NOW, a_run, later


def _claimed(run: Run, *, token: str | None = None, now: datetime = NOW) -> Run:
    token = token or "first"
    return lifecycle.claim(run, owner="worker", token=token, now=now, lease_seconds=60).run


class RunLife(RuleBasedStateMachine):
    """Anything may happen to a run at any time; what must hold always holds."""

    def __init__(self) -> None:
        super().__init__()
        self.run = a_run(deadline_at=later(2_000))
        self.seconds = 0.0
        self.claims = 0
        self.leases: list[Lease] = []

    @property
    def now(self) -> datetime:
        return later(self.seconds)

    def apply(self, change: Change) -> None:
        """Check what every rule promises of its outcome."""
        before, after = self.run, change.run
        if after is before:
            assert change.events == ()
            return
        assert after.version == before.version + 1
        assert after.session_id == before.session_id
        assert after.prompt == before.prompt
        assert after.status == before.status or after.status in TRANSITIONS[before.status]
        assert before.status not in TERMINAL
        self.run = after

    @rule(seconds=floats(0.001, 300))
    def time_passes(self, seconds: float) -> None:
        self.seconds += seconds

    @rule()
    def somebody_claims(self) -> None:
        self.claims += 1
        token = f"token-{self.claims}"
        try:
            change = lifecycle.claim(
                self.run, owner="w", token=token, now=self.now, lease_seconds=60
            )
        except ClaimLostError:
            return
        self.apply(change)
        self.leases.append(lease_of(self.run))

    @precondition(lambda self: self.leases)
    @rule(
        which=integers(0, 100),
        seconds=one_of(none(), floats(0, 100)),
        ending=sampled_from(sorted(TERMINAL)),
        what=integers(0, 3),
    )
    def a_worker_writes(self, which: int, seconds: float | None, ending: Status, what: int) -> None:
        lease = self.leases[which % len(self.leases)]
        run, now = self.run, self.now
        holds = (
            run.status is Status.BUSY and run.lease is not None and run.lease.token == lease.token
        )
        try:
            change = [
                lambda: lifecycle.renew(run, lease=lease, now=now),
                lambda: lifecycle.settle(run, lease=lease, ending=Ending(status=ending), now=now),
                lambda: lifecycle.park(
                    run,
                    lease=lease,
                    wake_at=None if seconds is None else later(self.seconds + seconds),
                    waiting_for="an answer",
                    now=now,
                ),
                lambda: lifecycle.release(run, lease=lease, now=now, why="shutdown"),
            ][what]()
        except LeaseLostError:
            assert not holds
            return
        assert holds
        self.apply(change)

    @rule(seconds=floats(0.001, 100))
    def the_invoker_dispatches(self, seconds: float) -> None:
        is_due = self.run.is_due(self.now)
        try:
            change = lifecycle.dispatch(
                self.run, now=self.now, retry_at=later(self.seconds + seconds)
            )
        except IllegalTransitionError:
            assert not is_due
            return
        assert is_due
        self.apply(change)
        assert not self.run.is_due(self.now)

    @rule()
    def somebody_cancels(self) -> None:
        self.apply(lifecycle.cancel(self.run, now=self.now, reason="no longer needed"))
        assert self.run.status in TERMINAL or self.run.cancel_requested

    @rule()
    def somebody_pauses(self) -> None:
        try:
            change = lifecycle.pause(self.run, Pause(by="ada", at=self.now), now=self.now)
        except SteeringRefusedError:
            assert self.run.status in TERMINAL or self.run.cancel_requested
            return
        self.apply(change)
        assert self.run.pause is not None

    @rule()
    def somebody_resumes(self) -> None:
        was_parked = self.run.pause is not None and self.run.status is Status.WAITING
        try:
            change = lifecycle.resume(self.run, by="ada", now=self.now)
        except SteeringRefusedError:
            assert self.run.status in TERMINAL or self.run.cancel_requested
            return
        self.apply(change)
        assert self.run.pause is None
        assert self.run.is_due(self.now) or not was_parked

    @precondition(lambda self: self.run.status not in TERMINAL)
    @rule()
    def somebody_answers(self) -> None:
        self.apply(Change(run=lifecycle.notice(self.run, now=self.now)))

    @rule()
    def the_deadline_is_looked_at(self) -> None:
        self.apply(lifecycle.expire(self.run, now=self.now))
        assert self.run.status in TERMINAL or self.run.deadline_at > self.now

    @rule(really=booleans())
    def the_invoker_gives_up(self, *, really: bool) -> None:
        if really and self.run.dispatches > 2:
            failure = RunFailure(type="AttemptsExhausted", message="enough")
            self.apply(lifecycle.give_up(self.run, error=failure, now=self.now))

    @invariant()
    def only_a_busy_run_has_a_lease(self) -> None:
        assert (self.run.lease is not None) == (self.run.status is Status.BUSY)

    @invariant()
    def a_run_that_is_over_has_an_end_and_others_have_none(self) -> None:
        assert (self.run.finished_at is not None) == self.run.status.is_terminal

    @invariant()
    def somebody_will_look_at_a_run_again(self) -> None:
        """No run is forgotten: it is over, worked on, or waits for a time or an answer."""
        run = self.run
        if run.status is Status.QUEUED:
            assert run.wake_at is not None
        if run.status is Status.WAITING and run.wake_at is None:
            assert run.waiting_for
            assert not run.cancel_requested

    @invariant()
    def a_paused_run_that_nobody_has_is_woken_by_nothing(self) -> None:
        run = self.run
        if run.pause is not None and run.status is not Status.BUSY:
            assert (run.status, run.wake_at) == (Status.WAITING, None)
            assert run.waiting_for == "paused by ada"

    @invariant()
    def attempts_are_counted(self) -> None:
        assert self.run.attempt == len(self.leases)
        assert self.run.lost_attempts <= self.run.attempt


TestRunLife = RunLife.TestCase
TestRunLife.settings = hypothesis_settings(max_examples=150, stateful_step_count=30, deadline=None)


def test_a_claim_says_why_it_was_lost() -> None:
    run = _claimed(a_run())
    cases = [
        (run, NOW, "worker holds its lease until 2026-01-31T08:31:00.000Z"),
        (replace(run, cancel_requested=True), later(99), "its cancellation was requested"),
        (replace(run, pause=Pause(by="ada", at=NOW)), later(99), "it is paused by ada"),
        (a_run(status=Status.COMPLETED), NOW, "it is COMPLETED"),
        (a_run(deadline_at=NOW), NOW, "its deadline was 2026-01-31T08:30:00.000Z"),
        (
            a_run(status=Status.WAITING, wake_at=later(1)),
            NOW,
            "it waits until 2026-01-31T08:30:01.000Z",
        ),
        (a_run(status=Status.WAITING, wake_at=None), NOW, "it waits until it is answered"),
    ]

    for head, now, why in cases:
        with pytest.raises(ClaimLostError, match=why):
            _claimed(head, token="another", now=now)


def test_attempts_lost_in_a_row_are_counted_from_the_last_orderly_end() -> None:
    run = _claimed(a_run())
    for n in range(1, 4):
        run = _claimed(run, token=f"lost-{n}", now=later(100 * n))

        assert run.lost_attempts == n

    parked = lifecycle.park(
        run, lease=lease_of(run), wake_at=later(400), waiting_for="a timer", now=later(301)
    ).run
    assert _claimed(parked, now=later(400)).lost_attempts == 0


def test_a_dispatch_of_an_expired_lease_leaves_the_attempt_to_be_counted() -> None:
    run = _claimed(a_run())

    dispatched = lifecycle.dispatch(run, now=later(60), retry_at=later(90)).run

    assert dispatched.status is Status.BUSY
    assert not dispatched.is_due(later(89))
    assert _claimed(dispatched, token="second", now=later(61)).lost_attempts == 1


def test_a_dispatch_of_a_parked_run_makes_it_claimable() -> None:
    run = _claimed(a_run())
    parked = lifecycle.park(
        run, lease=lease_of(run), wake_at=later(10), waiting_for="a timer", now=later(1)
    ).run

    dispatched = lifecycle.dispatch(parked, now=later(10), retry_at=later(40)).run

    assert dispatched.status is Status.QUEUED
    assert dispatched.waiting_for is None
    assert _claimed(dispatched, token="second", now=later(11)).attempt == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (Status.COMPLETED, EventType.EXECUTION_SUCCEEDED),
        (Status.FAILED, EventType.EXECUTION_FAILED),
        (Status.CANCELLED, EventType.EXECUTION_STOPPED),
        (Status.TIMED_OUT, EventType.EXECUTION_TIMED_OUT),
    ],
)
def test_every_ending_is_told(status: Status, kind: EventType) -> None:
    run = _claimed(a_run())
    failure = RunFailure(type="T", message="m")

    change = lifecycle.settle(
        run, lease=lease_of(run), ending=Ending(status=status, error=failure), now=later(1)
    )

    (event,) = change.events
    assert event.type is kind
    assert event.attempt == 1
    assert event.details == {
        "Status": status.value,
        "Error": {"ErrorType": "T", "ErrorMessage": "m"},
    }


@pytest.mark.parametrize("status", sorted(set(Status) - TERMINAL))
def test_an_ending_that_is_none_is_refused(status: Status) -> None:
    with pytest.raises(ValueError, match=f"an ending can't be {status}, expected one of"):
        Ending(status=status)


@given(floats(0.001, 86_400))
def test_a_lease_lasts_as_long_as_asked(seconds: float) -> None:
    run = lifecycle.claim(
        a_run(deadline_at=later(10**6)), owner="w", token="t", now=NOW, lease_seconds=seconds
    ).run

    assert lease_of(run).expires_at == later(seconds)
    assert lease_of(run).renewed(later(5)).expires_at == later(5 + seconds)
