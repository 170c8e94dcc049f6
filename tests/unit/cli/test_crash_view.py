"""How a crash test is shown."""

from dataclasses import replace
from typing import Any

from cli.crash_view import report_view, telling
from crash.compare import Difference
from crash.points import Where
from crash.report import Outcome, Report, Undisturbed
from tests.support.cli import drawn

UNDISTURBED = Undisturbed(
    status="COMPLETED",
    error=None,
    writes=79,
    starts=2,
    model_calls=5,
    tool_calls=1,
    attempts=1,
    seconds=1.5,
    unsteady=(),
)


def outcome(name: str, where: Where, **changes: Any) -> Outcome:  # noqa: ANN401 - any field
    fields: dict[str, Any] = {
        "what": "write 17, after it was made: commit: StepSucceeded load",
        "kills": 1,
        "differences": (),
        "repeated_calls": 0,
        "doubts": (),
        "attempts": 2,
        "seconds": 2.0,
    }
    return Outcome(name=name, where=where, **{**fields, **changes})


def report(*outcomes: Outcome, undisturbed: Undisturbed = UNDISTURBED) -> Report:
    return Report(
        workflow="cost-analysis",
        journal="sqlite",
        undisturbed=undisturbed,
        outcomes=outcomes,
        seed=7,
        seconds=61,
    )


def told(made: Report) -> list[str]:
    return [str(line) for line in telling(made, command="errand crash-test cost-analysis")]


def test_the_table_counts_by_where_workers_died() -> None:
    made = report(
        outcome("1-after", Where.AFTER),
        outcome("2-after", Where.AFTER, repeated_calls=1),
        outcome("tool-1", Where.TOOL, doubts=("pay user-1-0",)),
        outcome("random-1", Where.RANDOM, kills=5),
    )

    lines = [" ".join(line.split()) for line in drawn(report_view(made), width=100).splitlines()]

    assert "after a write 2 2 2 1 0 4.0 s" in lines
    assert "in a tool call 1 1 1 0 1 2.0 s" in lines
    assert "at random 1 1 5 0 0 2.0 s" in lines


def test_the_table_fits_a_narrow_terminal() -> None:
    made = report(outcome("1-after", Where.AFTER), outcome("random-1", Where.RANDOM))

    assert max(map(len, drawn(report_view(made), width=40).splitlines())) <= 40


def test_a_test_that_found_nothing_says_what_it_did() -> None:
    made = report(outcome("1-after", Where.AFTER), outcome("random-1", Where.RANDOM, kills=5))

    assert told(made) == ["2 runs ended as if nobody had killed them; 6 kills in 1 min 01 s"]


def test_a_difference_is_told_with_its_write_and_how_to_repeat_it() -> None:
    differences = [Difference("result.total", 3, 4)]
    made = report(outcome("17-after", Where.AFTER, differences=differences))

    assert told(made) == [
        "17-after: killed at write 17, after it was made: commit: StepSucceeded load",
        "  result.total",
        "    wanted 3",
        "    got    4",
        "  repeat: errand crash-test cost-analysis --point 17-after",
        "1 of 1 run ended otherwise; 1 kill in 1 min 01 s",
    ]


def test_a_run_killed_at_random_is_repeated_with_its_seed() -> None:
    differences = [Difference("result", None, "x" * 500)] * 10
    made = report(outcome("random-3", Where.RANDOM, kills=4, differences=differences))

    lines = told(made)

    assert lines[0] == "random-3: killed 4 times at random moments"
    assert lines[3] == f"    got    {'x' * 300}…"
    assert "  and 2 more" in lines
    assert "  repeat: errand crash-test cost-analysis --points 0 --kills 4 --seed 7" in lines


def test_a_run_that_did_not_come_to_its_point_says_so() -> None:
    differences = [Difference("result", 1, 2)]
    made = report(outcome("9-after", Where.AFTER, kills=0, differences=differences))

    assert told(made)[0] == "9-after: not killed, since the run did not come to it"


def test_undisturbed_runs_that_differ_are_told_first_and_alone() -> None:
    unsteady = replace(UNDISTURBED, unsteady=[Difference("result.at", "10:00", "10:01")])

    assert told(report(undisturbed=unsteady)) == [
        "two undisturbed runs differ, so killed ones can't be compared with them:",
        "  result.at",
        "    wanted 10:00",
        "    got    10:01",
        "make them alike, or say that they may differ there with --ignore PATH",
    ]


def test_an_undisturbed_run_that_failed_says_why() -> None:
    failed = replace(UNDISTURBED, status="FAILED", error="ValueError: no")

    assert told(report(undisturbed=failed)) == ["the undisturbed run is FAILED: ValueError: no"]


def test_what_a_run_says_does_not_steer_the_terminal() -> None:
    differences = [Difference("result", "a", "\x1b[2Jb")]
    made = report(outcome("1-after", Where.AFTER, differences=differences))

    assert "    got    [2Jb" in told(made)
