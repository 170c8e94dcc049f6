"""Runs in simulated time: what is real in them does what it does elsewhere."""

from pathlib import Path

import pytest

from bench.simulated.deployed import ours, pace, polled, times
from bench.simulated.plan import End, Plan, Stretch
from runs.run import Status
from statemachine.paths import check_path, path_of

PACE, TIMES = pace(), times()
DAY = 24 * 3600


@pytest.mark.parametrize("seconds", [5, 60, 600, 3_000])
def test_a_run_takes_the_way_that_its_estimate_counts(seconds: float, tmp_path: Path) -> None:
    found = ours(Plan.of(seconds), tmp_path)

    assert found.visited == path_of(PACE, work=[seconds], waits=[])
    assert found.run.status is Status.COMPLETED


def test_an_end_is_noticed_by_its_signal(tmp_path: Path) -> None:
    assert ours(Plan.of(100), tmp_path).detection_seconds < 1


def test_an_end_whose_signal_is_lost_is_noticed_by_the_silence(tmp_path: Path) -> None:
    plan = Plan(stretches=(Stretch(100),), are_signals_lost=True)

    seconds = ours(plan, tmp_path).detection_seconds

    assert 1 < seconds <= PACE.silence_seconds + 1


def test_a_worker_that_dies_is_replaced_when_its_heartbeats_stay_away(tmp_path: Path) -> None:
    plan = Plan(stretches=(Stretch(100, End.DIES), Stretch(10)))

    found = ours(plan, tmp_path)

    began, again = found.claims
    gone = (again - began).total_seconds() - 100
    # Its last heartbeat came up to a third of the lease before.
    assert TIMES.lease * 2 / 3 < gone < PACE.silence_seconds + 3
    assert found.visited.count("Dispatch") == 1
    assert found.run.attempt == 2


def test_a_run_that_waits_for_a_person_has_no_session_meanwhile(tmp_path: Path) -> None:
    plan = Plan(stretches=(Stretch(60, End.ASKS), Stretch(60)), decides_after=3 * DAY)

    found = ours(plan, tmp_path)

    assert len(found.sessions) == 2
    assert sum(session.seconds() for session in found.sessions) < 125
    assert found.visited.count("StopParked") == 1
    assert found.visited.count("AwaitDays") == 3 * DAY // PACE.parked_seconds


def test_every_step_of_a_way_is_in_the_definition(tmp_path: Path) -> None:
    plan = Plan(stretches=(Stretch(60, End.ASKS), Stretch(60, End.DIES), Stretch(1)))

    check_path(ours(plan, tmp_path).visited)


def test_a_fixed_poll_notices_an_end_at_its_next_look(tmp_path: Path) -> None:
    found = polled(Plan.of(61), tmp_path)

    assert 0 < found.detection_seconds <= 11
    assert found.visited.count("Look") == 7
    assert found.sessions[0].ended_at is None


def test_what_a_run_is_charged_is_told_by_who_was(tmp_path: Path) -> None:
    charged = ours(Plan.of(60), tmp_path).charged

    # Two waits, a look after each, and the note that the end was announced.
    assert charged["state machine"].write_requests == 3
    assert charged["state machine"].read_requests == 2
    # A claim, two renewals, and the end.
    assert charged["agent"].write_requests == 4


def test_an_attempt_that_nobody_planned_is_an_error(tmp_path: Path) -> None:
    plan = Plan(stretches=(Stretch(1, End.DIES),))

    with pytest.raises(ValueError, match="attempt 2 begins, expected at most the 1 planned"):
        ours(plan, tmp_path)


def test_what_happens_is_the_same_each_time(tmp_path: Path) -> None:
    plan = Plan(stretches=(Stretch(60, End.ASKS), Stretch(60)), decides_after=DAY)

    first, second = (ours(plan, tmp_path) for _ in range(2))

    assert first.visited == second.visited
    assert first.claims == second.claims
    assert first.charged["invoker"] == second.charged["invoker"]
