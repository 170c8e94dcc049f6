"""Heartbeat and watchdog, beat by beat on a still clock."""

from dataclasses import dataclass, field
from datetime import timedelta

from agent.attempt import Attempt, StopReason
from agent.heartbeat import Heartbeat
from agent.watchdog import Watchdog
from runs.events import EventType
from tests.support.engine import Engine, StillClock


@dataclass
class HeardBeats:
    """A pulse that remembers what it was told."""

    tokens: list[str] = field(default_factory=list)

    def beat(self, wake_token: str) -> None:
        """See `runs.signals.Pulse.beat`."""
        self.tokens.append(wake_token)


def watchdog_of(attempt: Attempt) -> Watchdog:
    return Watchdog(
        attempt,
        stall_after=timedelta(minutes=30),
        stop_grace=timedelta(0),
        let_go=lambda: None,
    )


def test_a_beat_renews_the_lease(still_engine: Engine, clock: StillClock) -> None:
    attempt = still_engine.attempt()
    clock.advance(5)

    Heartbeat(attempt).beat()

    lease = still_engine.head().lease
    assert lease is not None
    assert lease.expires_at == clock.now + timedelta(seconds=6)


def test_a_beat_keeps_the_wait_for_the_run_from_ending(still_engine: Engine) -> None:
    attempt = still_engine.attempt(wake_token="the wait's")
    heard = HeardBeats()

    Heartbeat(attempt, heard).beat()

    assert heard.tokens == ["the wait's"]


def test_a_worker_that_lost_its_run_keeps_no_wait_from_ending(
    still_engine: Engine, clock: StillClock
) -> None:
    attempt = still_engine.attempt(wake_token="the wait's")
    heard = HeardBeats()
    clock.advance(7)
    still_engine.journal.claim("run-1", owner="b", token="b", now=clock(), lease_seconds=6)

    Heartbeat(attempt, heard).beat()

    assert heard.tokens == []


def test_a_beat_is_no_sign_of_life(still_engine: Engine, clock: StillClock) -> None:
    attempt = still_engine.attempt()
    claimed_at = clock.now
    clock.advance(5)

    Heartbeat(attempt).beat()

    assert attempt.last_sign_of_life == claimed_at


def test_a_beat_that_finds_the_lease_lost_stops_the_attempt(
    still_engine: Engine, clock: StillClock
) -> None:
    attempt = still_engine.attempt()
    clock.advance(7)
    still_engine.journal.claim("run-1", owner="b", token="b", now=clock(), lease_seconds=6)

    Heartbeat(attempt).beat()

    assert attempt.stop_reason is StopReason.LEASE_LOST


def test_missed_beats_stop_the_attempt_when_the_lease_has_run_out(
    still_engine: Engine, clock: StillClock
) -> None:
    attempt = still_engine.attempt()
    heartbeat = Heartbeat(attempt)
    still_engine.journal.failures = 2

    clock.advance(5)
    heartbeat.beat()
    is_stopped_early = attempt.stop.is_set()
    clock.advance(1)
    heartbeat.beat()

    assert not is_stopped_early
    assert attempt.stop_reason is StopReason.JOURNAL_UNAVAILABLE


def test_a_beat_after_missed_ones_keeps_the_attempt(
    still_engine: Engine, clock: StillClock
) -> None:
    attempt = still_engine.attempt()
    heartbeat = Heartbeat(attempt)
    still_engine.journal.failures = 1

    clock.advance(4)
    assert not heartbeat.beat()
    clock.advance(1)
    assert heartbeat.beat()

    assert attempt.renewed_at == clock.now
    assert not attempt.stop.is_set()


def test_the_watchdog_lets_a_lively_attempt_be(still_engine: Engine, clock: StillClock) -> None:
    attempt = still_engine.attempt()
    clock.advance(29 * 60)

    watchdog_of(attempt).check()

    assert not attempt.stop.is_set()


def test_the_watchdog_records_a_stall(still_engine: Engine, clock: StillClock) -> None:
    attempt = still_engine.attempt()
    clock.advance(30 * 60)

    watchdog_of(attempt).check()

    assert attempt.stop_reason is StopReason.STALLED
    assert still_engine.event_types()[-1] is EventType.RUN_STALLED


def test_a_stall_the_journal_does_not_take_is_a_stall_all_the_same(
    still_engine: Engine, clock: StillClock
) -> None:
    attempt = still_engine.attempt()
    clock.advance(30 * 60)
    still_engine.journal.claim("run-1", owner="b", token="b", now=clock(), lease_seconds=6)

    watchdog_of(attempt).check()

    assert attempt.stop.is_set()


def test_the_watchdog_stops_an_attempt_at_its_deadline(
    still_engine: Engine, clock: StillClock
) -> None:
    attempt = still_engine.attempt(deadline_at=clock.now + timedelta(minutes=1))
    clock.advance(60)

    watchdog_of(attempt).check()

    assert attempt.stop_reason is StopReason.DEADLINE
