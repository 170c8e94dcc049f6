"""The way of a run through the definition, for what is paid per transition."""

import pytest

from infra.settings import Settings
from statemachine.paths import check_path, path_of

PACE = Settings.from_context({"target": "aws"}).pace


def test_a_short_run_is_a_dozen_transitions() -> None:
    path = path_of(PACE, work=[5], waits=[])

    assert (path[0], path[-1]) == ("Begin", "Completed")
    assert len(path) <= 12


def test_a_run_of_eight_hours_is_watched_by_heartbeats() -> None:
    path = path_of(PACE, work=[8 * 3600], waits=[])

    assert path.count("AwaitWork") == 8 * 3600 // PACE.work_seconds
    assert len(path) < 120


def test_a_month_of_waiting_is_less_than_a_thousand_transitions() -> None:
    path = path_of(PACE, work=[60, 60], waits=[30 * 86_400])

    assert path.count("StopParked") == path.count("Dispatch") == 1
    assert len(path) < 1_000


def test_there_is_a_wait_between_two_attempts() -> None:
    with pytest.raises(ValueError, match="2 attempts and 0 waits"):
        path_of(PACE, work=[1, 1], waits=[])


def test_a_way_that_the_definition_does_not_have_is_an_error() -> None:
    with pytest.raises(ValueError, match="no way from Begin to Completed"):
        check_path(["Begin", "Completed"])
