"""Every durable operation keeps the rules of the service, through waits and attempts."""

import json

import pytest

from runs.operations import OperationStatus, OperationType
from runs.run import Run, Status
from tests.support.engine import Engine, StillClock, wait_until
from tests.support.workflows import noted


def finished(engine: Engine, clock: StillClock, workflow: str, prompt: str = "") -> Run:
    """Work on a run, and let the time pass that its timers need, until it is over."""
    run = engine.execute(workflow, prompt)
    for _ in range(10):
        if run.status.is_terminal:
            break
        clock.advance(60)
        engine.look()
        run = engine.head()
    assert run.status.is_terminal
    return run


@pytest.mark.parametrize("kind", ["map", "parallel"])
@pytest.mark.parametrize("nesting", ["NESTED", "FLAT"])
@pytest.mark.parametrize(
    ("completion", "items", "succeeded", "failed", "reason"),
    [
        ("all", "ok ok ok", 3, 0, "ALL_COMPLETED"),
        ("all", "ok bad ok", 1, 1, "FAILURE_TOLERANCE_EXCEEDED"),
        ("any", "bad ok bad", 1, 2, "ALL_COMPLETED"),
        ("first", "bad ok ok", 1, 1, "MIN_SUCCESSFUL_REACHED"),
        ("two", "ok bad ok ok", 2, 1, "MIN_SUCCESSFUL_REACHED"),
        ("one failure", "bad ok ok", 2, 1, "ALL_COMPLETED"),
        ("one failure", "bad bad ok", 0, 2, "FAILURE_TOLERANCE_EXCEEDED"),
        ("half", "bad bad ok ok", 2, 2, "ALL_COMPLETED"),
        ("half", "bad bad bad ok", 0, 3, "FAILURE_TOLERANCE_EXCEEDED"),
    ],
)
def test_a_batch_completes_as_it_is_configured_and_replays_as_it_completed(  # noqa: PLR0917 - all of them pytest's
    still: Engine,
    clock: StillClock,
    kind: str,
    nesting: str,
    completion: str,
    items: str,
    succeeded: int,
    failed: int,
    reason: str,
) -> None:
    asked = {"kind": kind, "nesting": nesting, "completion": completion, "items": items.split()}

    run = finished(still, clock, "completes", json.dumps(asked))

    assert run.result == {"succeeded": succeeded, "failed": failed, "reason": reason}
    assert run.attempt == 2


def test_contexts_may_be_nested(still: Engine, clock: StillClock) -> None:
    assert finished(still, clock, "nests", "4").result == 16


@pytest.mark.parametrize(("kilobytes", "replays"), [(100, False), (300, True), (7_000, True)])
def test_a_child_s_result_over_the_limit_is_made_again_from_its_steps(
    still: Engine, clock: StillClock, kilobytes: int, replays: bool
) -> None:
    run = finished(still, clock, "replays-children", str(kilobytes))

    assert run.result == kilobytes * 1024
    (context,) = [
        operation
        for operation in still.journal.operations("run-1")
        if operation.type is OperationType.CONTEXT
    ]
    assert context.replay_children is replays


@pytest.mark.parametrize("kilobytes", [10, 300, 1_000, 7_000])
def test_a_step_s_result_of_any_size_is_kept(
    still: Engine, clock: StillClock, kilobytes: int
) -> None:
    size = kilobytes * 1024

    assert finished(still, clock, "large-steps", str(kilobytes)).result == [size, size + 1]


def test_a_step_in_the_middle_is_recorded_before_it_ends(still: Engine) -> None:
    with still.executing("hangs", "0.6"):
        wait_until(lambda: len(still.journal.operations("run-1")) == 2)
        _, second = still.journal.operations("run-1")

    assert (second.name, second.status) == ("hang", OperationStatus.STARTED)
    assert still.head().status is Status.COMPLETED
    assert noted(still.notes) == ["first", "third"]
