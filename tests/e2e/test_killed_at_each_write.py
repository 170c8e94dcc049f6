"""Runs of the shipped workflows whose workers are killed; all points there are: `make crash`."""

from pathlib import Path

import pytest

from crash.points import Where
from crash.pytest_plugin import CrashTest
from tests.support.cost import SAMPLE
from tests.support.research import QUESTION, write

#: What fits into the suite: of every rare kind of write one, and some of the others.
_POINTS = 16


@pytest.mark.timeout(600)
@pytest.mark.parametrize("journal", ["sqlite", "dynamodb"])
@pytest.mark.parametrize("workflow", ["cost-analysis", "research-report"])
def test_a_run_killed_anywhere_ends_as_if_it_had_not_been(
    workflow: str, journal: str, tmp_path: Path, crash_test: CrashTest
) -> None:
    # Two topics at once are enough to get in each other's way, and soon done.
    given = SAMPLE if workflow == "cost-analysis" else write(tmp_path)

    report = crash_test(
        workflow,
        prompt=QUESTION,
        input=str(given),
        journal=journal,
        points=_POINTS,
        kills=3,
    )

    assert report.is_fine
    assert report.undisturbed.model_calls > 1
    rows = {row.where: row for row in report.rows()}
    # Whether the start of something is written by itself is a matter of time.
    assert rows.keys() | {Where.START} == set(Where)
    # Parallel tools share writes now and then, so a run may be a write or two shorter.
    assert report.kills >= _POINTS
    # It was recovered, and not merely finished by a first worker that was not killed.
    again = [each for each in report.outcomes if each.attempts > report.undisturbed.attempts]
    assert len(again) > _POINTS / 2
