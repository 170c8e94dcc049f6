"""The crash kit over sound and faulty workflows: what it finds, and what it says of it."""

from functools import partial

import pytest

from crash.errors import SubjectError
from crash.points import Where
from crash.pytest_plugin import CrashTest
from crash.report import Outcome, Report
from crash.testing import crash_test as made
from tests.support.faulty import REGISTRY

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(name="crash_test")
def crash_test_in_one_lane(crash_test: CrashTest) -> CrashTest:
    # What is imported takes longer than what is tested: once is enough.
    return partial(crash_test, registry=REGISTRY, jobs=1)


@pytest.fixture(scope="module")
def step_twice() -> Report:
    return made("step-twice", registry=REGISTRY, points=None, check=False, jobs=1)


def by_name(report: Report) -> dict[str, Outcome]:
    return {outcome.name: outcome for outcome in report.outcomes}


def paths(outcome: Outcome) -> set[str]:
    return {difference.path for difference in outcome.differences}


def test_a_sound_workflow_survives_everything(crash_test: CrashTest) -> None:
    answers = {"review": '"fine"', "approval": '{"decision": "approved"}'}

    report = crash_test("sound", answers=answers, points=None, kills=6)

    writes = report.undisturbed.writes
    assert report.is_fine
    assert writes > 30
    rows = {row.where: row for row in report.rows()}
    assert rows[Where.BEFORE].points == rows[Where.AFTER].points == writes
    assert (rows[Where.MODEL].kills, rows[Where.TOOL].kills) == (2, 1)
    assert rows[Where.MODEL].repeated_calls == 2
    assert rows[Where.RANDOM].kills >= 6
    # Two writes of branches may become one.
    assert rows[Where.BEFORE].not_reached <= 2


def test_an_effect_outside_of_steps_is_found(crash_test: CrashTest) -> None:
    report = crash_test("side-effect", points=None, check=False)

    found = [outcome for outcome in report.outcomes if "outside.told.txt[1]" in paths(outcome)]
    assert not report.is_fine
    assert any("StepSucceeded only" in outcome.what for outcome in found)
    # Before the workflow's code is entered nothing is done twice.
    assert by_name(report)["2-before"].is_fine


def test_a_result_that_depends_on_the_attempt_is_found(crash_test: CrashTest) -> None:
    report = crash_test("attempt", points=None, check=False)

    failures = {outcome.name: outcome for outcome in report.failures}
    assert failures
    assert {path for outcome in failures.values() for path in paths(outcome)} == {"result.attempt"}
    difference = next(iter(failures.values())).differences[0]
    assert (difference.wanted, difference.got) == (1, 2)


def test_a_step_that_must_not_be_done_twice_is_found_at_its_write(step_twice: Report) -> None:
    # A start may have been written after the step's effect: whether it was is a matter of time.
    (failure,) = [each for each in step_twice.failures if each.where is not Where.START]

    assert failure.where is Where.BEFORE
    assert "StepSucceeded tells" in failure.what
    assert paths(failure) == {"outside.told.txt[1]"}


def test_a_tool_that_is_not_idempotent_is_found(crash_test: CrashTest) -> None:
    report = crash_test("tool-twice", points=None, check=False)

    before = [outcome for outcome in report.failures if outcome.where is Where.BEFORE]
    assert [outcome.what.rpartition(": ")[2] for outcome in before] == [
        "ToolReturned ring, tool DONE ring"
    ]
    assert {"result", "outside.told.txt[1]"} <= paths(before[0])


def test_a_tool_in_doubt_is_told_and_no_fault(crash_test: CrashTest) -> None:
    report = crash_test("careful", points=None)

    doubtful = {outcome.where for outcome in report.outcomes if outcome.doubts}
    assert doubtful - {Where.START} == {Where.BEFORE, Where.AFTER, Where.TOOL}
    assert all("user-1-0" in outcome.doubts[0] for outcome in report.outcomes if outcome.doubts)


def test_a_run_that_is_never_the_same_is_told_first(crash_test: CrashTest) -> None:
    with pytest.raises(AssertionError, match=r"two undisturbed runs differ[^$]*result\.id"):
        crash_test("unsteady", points=None)


def test_what_may_differ_is_ignored(crash_test: CrashTest) -> None:
    report = crash_test("unsteady", points=4, ignore=["result.id"])

    assert len(report.outcomes) == 4


def test_a_run_that_fails_is_not_compared(crash_test: CrashTest) -> None:
    with pytest.raises(AssertionError, match=r"run is FAILED: ValueError: Crash test\. is no"):
        crash_test("failing")


def test_a_worker_that_ends_by_itself_is_told(crash_test: CrashTest) -> None:
    with pytest.raises(SubjectError, match="nobody killed the worker, and it crashed: 7"):
        crash_test("exits")


def test_a_run_that_nobody_answers_is_told(crash_test: CrashTest) -> None:
    with pytest.raises(SubjectError, match=r"review.*will not come.*--answer"):
        crash_test("sound")


def test_a_failed_test_names_the_write(step_twice: Report, crash_test: CrashTest) -> None:
    point = step_twice.failures[0].name

    with pytest.raises(AssertionError) as failed:
        crash_test("step-twice", points=[point])

    lines = str(failed.value).splitlines()
    assert lines[0].startswith(f"{point}: killed at write")
    assert any("StepSucceeded tells" in line for line in lines)
    assert "  outside.told.txt[1]" in lines
    assert "    got    hello" in lines


def test_a_worker_is_killed_when_the_start_of_slow_work_is_written(crash_test: CrashTest) -> None:
    report = crash_test("slow", points=["start-1"])

    (outcome,) = report.outcomes
    assert (report.undisturbed.starts, outcome.kills, outcome.attempts) == (1, 1, 2)
    assert "StepStarted takes a while" in outcome.what


@pytest.mark.parametrize(
    ("workflow", "points", "message"),
    [
        ("nothing", None, "workflow: is 'nothing', expected one of: attempt, careful"),
        ("attempt", ["99-after"], "there is no point 99-after: the run has"),
        ("attempt", ["model-1"], "there is no point model-1: .* 0 model calls"),
        ("attempt", ["5"], "point is '5', expected such as 17-before"),
    ],
)
def test_what_is_not_there_can_not_be_tested(
    workflow: str, points: list[str] | None, message: str, crash_test: CrashTest
) -> None:
    with pytest.raises(SubjectError, match=message):
        crash_test(workflow, points=points)


def test_one_point_can_be_repeated(crash_test: CrashTest) -> None:
    report = crash_test("step-twice", points=["2-after", "4-before"])

    assert [outcome.name for outcome in report.outcomes] == ["2-after", "4-before"]
    assert [outcome.kills for outcome in report.outcomes] == [1, 1]
