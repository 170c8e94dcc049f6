"""What estimates count is what executions do."""

from collections.abc import Mapping

from statemachine.paths import path_of
from tests.support.chain import PACE, Execution


def test_a_run_makes_the_transitions_that_its_estimate_counts(
    ended: Mapping[str, Execution],
) -> None:
    assert ended["completed"].visited == path_of(PACE, work=[0.3], waits=[])


def test_a_run_that_waits_makes_about_as_many_as_its_estimate_counts(
    ended: Mapping[str, Execution],
) -> None:
    visited = ended["waited"].visited
    counted = path_of(PACE, work=[0.3, 0.3], waits=[PACE.waiting_seconds + 8])

    # A wait may end a moment early or late, and is then one more or less.
    assert abs(len(visited) - len(counted)) <= 6
    assert visited.count("StopParked") == counted.count("StopParked")
    assert set(visited) == set(counted)
