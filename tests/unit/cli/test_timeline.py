"""What a run has done so far, summed up from its events."""

from cli.timeline import Step, StepState, Timeline
from runs.events import Event, EventType
from runs.json_types import Json
from tests.support.cli import recorded
from tests.support.journals import NOW, an_event, an_operation, later


def step_event(kind: EventType, operation_id: str = "op-1", **changes: object) -> Event:
    return an_event(kind, operation_id=operation_id, **{"name": "load", **changes})


def steps_of(*events: Event) -> list[Step]:
    return list(Timeline().extended(recorded(*events)).steps.values())


def test_a_step_runs_from_its_start_to_its_end() -> None:
    begun = step_event(EventType.STEP_STARTED)

    [running] = steps_of(begun)
    [done] = steps_of(begun, step_event(EventType.STEP_SUCCEEDED, at=later(2)))

    assert (running.state, running.ended_at) == (StepState.RUNNING, None)
    assert (done.state, done.started_at, done.ended_at) == (StepState.DONE, NOW, later(2))


def test_a_step_that_is_tried_again_is_one_step() -> None:
    failed = step_event(EventType.STEP_FAILED, details={"Error": "throttled"})

    [step] = steps_of(
        step_event(EventType.STEP_STARTED), failed, step_event(EventType.STEP_STARTED)
    )

    assert (step.state, step.tries, step.ended_at) == (StepState.RUNNING, 2, None)


def test_a_condition_that_is_not_met_yet_is_waited_for() -> None:
    retry: dict[str, Json] = {"CurrentAttempt": 1, "NextAttemptDelaySeconds": 600}

    [step] = steps_of(
        step_event(EventType.STEP_STARTED),
        step_event(EventType.STEP_SUCCEEDED, at=later(1), details={"RetryDetails": retry}),
    )

    assert (step.state, step.ended_at) == (StepState.WAITING, None)


def test_a_failed_step_keeps_its_error() -> None:
    [step] = steps_of(
        step_event(EventType.STEP_STARTED),
        step_event(EventType.STEP_FAILED, details={"Error": "no bill"}),
    )

    assert (step.state, step.error) == (StepState.FAILED, "no bill")


def test_a_step_is_inside_the_context_that_is_its_parent() -> None:
    steps = steps_of(
        step_event(EventType.CONTEXT_STARTED, "op-1"),
        step_event(EventType.CONTEXT_STARTED, "op-2", parent_id="op-1"),
        step_event(EventType.STEP_STARTED, "op-3", parent_id="op-2"),
        step_event(EventType.WAIT_STARTED, "op-4"),
    )

    assert [step.depth for step in steps] == [0, 1, 2, 0]
    assert steps[3].state is StepState.WAITING


def test_steps_of_branches_at_work_side_by_side_are_each_in_their_own_branch() -> None:
    timeline = Timeline().extended(
        recorded(
            step_event(EventType.CONTEXT_STARTED, "map"),
            step_event(EventType.CONTEXT_STARTED, "a", parent_id="map"),
            step_event(EventType.CONTEXT_STARTED, "b", parent_id="map"),
            step_event(EventType.STEP_STARTED, "in-a", parent_id="a"),
            step_event(EventType.STEP_STARTED, "in-b", parent_id="b"),
            step_event(EventType.STEP_STARTED, "in-a-too", parent_id="a"),
            step_event(EventType.STEP_STARTED, "after"),
        )
    )

    found = [step.operation_id for step in timeline.in_tree()]

    assert found == ["map", "a", "in-a", "in-a-too", "b", "in-b", "after"]


def test_a_step_whose_branch_is_gone_is_still_there() -> None:
    events = recorded(
        step_event(EventType.CONTEXT_STARTED, "gone"),
        step_event(EventType.STEP_STARTED, "left", parent_id="gone"),
    )
    timeline = Timeline().extended(events).as_of([an_operation("left", parent_id="gone")])

    assert [step.operation_id for step in timeline.in_tree()] == ["left"]


def test_an_end_without_a_start_is_a_step_too() -> None:
    [step] = steps_of(step_event(EventType.STEP_SUCCEEDED))

    assert (step.state, step.tries) == (StepState.DONE, 1)


def test_tool_calls_are_counted_and_the_last_event_is_where_reading_goes_on() -> None:
    events = recorded(*[an_event(EventType.TOOL_CALLED) for _ in range(60)])

    timeline = Timeline().extended(events[:40]).extended(events[40:])

    assert timeline.tool_calls == 60
    assert timeline.last_id == events[-1].event_id
    assert len(timeline.recent) < 60


def test_a_timeline_is_left_as_it_was_by_what_comes_later() -> None:
    before = Timeline().extended(recorded(step_event(EventType.STEP_STARTED)))

    before.extended(recorded(step_event(EventType.STEP_SUCCEEDED)))

    assert [step.state for step in before.steps.values()] == [StepState.RUNNING]


def test_an_event_about_no_operation_is_no_step() -> None:
    assert steps_of(an_event(EventType.DISPATCHED)) == []


def test_a_step_that_a_retry_takes_away_is_given_up_until_it_is_begun_again() -> None:
    failed = [
        step_event(EventType.STEP_STARTED, "op-1"),
        step_event(EventType.STEP_SUCCEEDED, "op-1"),
        step_event(EventType.STEP_STARTED, "op-2"),
        step_event(EventType.STEP_FAILED, "op-2", details={"Error": "no bill"}),
        an_event(EventType.RUN_RETRIED, details={"DroppedSteps": ["op-2"]}),
    ]

    gone = steps_of(*failed)
    begun = steps_of(*failed, step_event(EventType.STEP_STARTED, "op-2"))

    assert [step.state for step in gone] == [StepState.DONE, StepState.GIVEN_UP]
    assert gone[1].error == ""
    assert [step.state for step in begun] == [StepState.DONE, StepState.RUNNING]


def test_the_steps_a_fork_begins_with_are_there() -> None:
    own = an_operation("op-2", name="report", parent_id="op-1")
    kept = an_operation("op-1", name="load")
    timeline = Timeline().extended(recorded(step_event(EventType.STEP_STARTED, "op-2")))

    steps = list(timeline.as_of([kept, own]).steps.values())

    assert [(step.name, step.state) for step in steps] == [
        ("load", StepState.DONE),
        ("load", StepState.RUNNING),
    ]
