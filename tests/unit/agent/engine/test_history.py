"""A run's history has the events, numbers and members of the Lambda durable execution service."""

import json
from datetime import timedelta

import pytest

from runs.answering import Answers
from runs.json_types import Json
from runs.operations import OperationError, OperationType
from tests.support.engine import NOON, Engine, StillClock
from tests.support.service_model import event_shape, faults, parsed


def kinds(engine: Engine) -> list[Json]:
    return [event["EventType"] for event in engine.journal.history("run-1")]


def details(engine: Engine, kind: str) -> list[Json]:
    return [
        event[f"{kind}Details"]
        for event in engine.journal.history("run-1")
        if event["EventType"] == kind
    ]


def look_on(engine: Engine, clock: StillClock, *, times: int = 4) -> None:
    """Let the time pass that timers need, and work on what is due."""
    for _ in range(times):
        clock.advance(60)
        engine.look()


def answer(engine: Engine, *, well: bool) -> None:
    answers = Answers(journal=engine.journal, signal=engine.signals, clock=engine.clock)
    for operation in engine.journal.operations("run-1"):
        if operation.type is OperationType.CALLBACK and operation.callback_id:
            if well:
                answers.complete(operation.callback_id, '"yes"')
            else:
                answers.fail(operation.callback_id, OperationError(type="No", message="no"))


@pytest.mark.parametrize(
    ("workflow", "prompt", "reply"),
    [
        ("steps", "2", None),
        ("waits", "5", None),
        ("retries", "1", None),
        ("retries", "9", None),
        ("polls", "2", None),
        ("maps", "2", None),
        ("parallels", "", None),
        ("fails", "child", None),
        ("fails", "workflow", None),
        ("asks", "10", None),
        ("approves", "600 90", True),
        ("approves", "", False),
        ("invokes", json.dumps({"workflow": "echo", "payload": [1]}), None),
        ("invokes", json.dumps({"workflow": "breaks", "payload": [1]}), None),
        ("invokes", json.dumps({"workflow": "nothing", "payload": [1]}), None),
        ("large", "1", None),
    ],
)
def test_every_event_has_the_members_that_the_service_gives(
    still: Engine, clock: StillClock, workflow: str, prompt: str, reply: bool | None
) -> None:
    still.execute(workflow, prompt)
    if reply is not None:
        answer(still, well=reply)
    look_on(still, clock)

    history = still.journal.history("run-1")

    shape = event_shape()
    found = [
        fault for event in history for fault in faults(event, shape, path=str(event["EventType"]))
    ]
    assert found == []
    assert [event["EventId"] for event in history] == list(range(1, len(history) + 1))
    assert still.head().status.is_terminal


def test_a_client_of_the_service_reads_every_event_with_all_its_details(
    still: Engine, clock: StillClock
) -> None:
    still.execute("waits", "5")
    look_on(still, clock, times=1)
    history = still.journal.history("run-1")

    read = parsed(history)

    assert [sorted(event) for event in read] == [sorted(event) for event in history]
    assert read[3]["WaitStartedDetails"] == {
        "Duration": 5,
        "ScheduledEndTimestamp": NOON + timedelta(seconds=5),
    }


def test_a_step_before_a_wait_is_told_as_the_service_tells_it(
    still: Engine, clock: StillClock
) -> None:
    still.execute("waits", "5")
    look_on(still, clock, times=1)

    history = still.journal.history("run-1")

    assert kinds(still) == [
        "ExecutionStarted",
        "StepStarted",
        "StepSucceeded",
        "WaitStarted",
        "InvocationCompleted",
        "WaitSucceeded",
        "StepStarted",
        "StepSucceeded",
        "InvocationCompleted",
        "ExecutionSucceeded",
    ]
    step = history[2]
    assert (step["Name"], step["SubType"]) == ("before", "Step")
    assert step["StepSucceededDetails"] == {
        "Result": {"Payload": '"before"', "Truncated": False},
        "RetryDetails": {"CurrentAttempt": 1},
    }
    assert history[3]["WaitStartedDetails"] == {
        "Duration": 5,
        "ScheduledEndTimestamp": "2026-01-31T12:00:05.000Z",
    }
    assert history[5]["WaitSucceededDetails"] == {"Duration": 5}
    assert history[9]["ExecutionSucceededDetails"] == {
        "Result": {"Payload": '"waited"', "Truncated": False}
    }


def test_tries_of_a_step_are_counted_with_the_delay_to_the_next(
    still: Engine, clock: StillClock
) -> None:
    still.execute("retries", "9")
    look_on(still, clock)

    tries = details(still, "StepFailed")

    assert [one["RetryDetails"] for one in tries if isinstance(one, dict)] == [
        {"CurrentAttempt": 1, "NextAttemptDelaySeconds": 1},
        {"CurrentAttempt": 2, "NextAttemptDelaySeconds": 1},
        {"CurrentAttempt": 3},
    ]
    messages = [one["Error"]["Payload"]["ErrorMessage"] for one in tries if isinstance(one, dict)]
    assert messages == [f"no such file: try {n}" for n in (1, 2, 3)]


def test_each_poll_of_a_condition_keeps_its_state(still: Engine, clock: StillClock) -> None:
    still.execute("polls", "3")
    look_on(still, clock)

    results = [one["Result"] for one in details(still, "StepSucceeded") if isinstance(one, dict)]

    assert results == [{"Payload": str(n), "Truncated": False} for n in (1, 2, 3)]


def test_a_callback_is_told_with_its_limits_and_its_answer(still: Engine) -> None:
    still.execute("approves", "600 90")
    answer(still, well=True)
    still.look()

    (started,) = details(still, "CallbackStarted")

    assert isinstance(started, dict)
    assert (started["Timeout"], started["HeartbeatTimeout"]) == (600, 90)
    assert details(still, "CallbackSucceeded") == [
        {"Result": {"Payload": '"yes"', "Truncated": False}}
    ]


def test_an_invoke_is_told_with_its_input_and_its_child_s_execution(still: Engine) -> None:
    still.execute("invokes", json.dumps({"workflow": "echo", "payload": "hello"}))
    still.look()
    still.look()

    (started,) = details(still, "ChainedInvokeStarted")

    assert isinstance(started, dict)
    assert started["Input"] == {"Payload": '"hello"', "Truncated": False}
    assert str(started["DurableExecutionArn"]).startswith(
        "arn:errand:lambda:local:000000000000:function:echo:1/"
    )
    assert details(still, "ChainedInvokeSucceeded") == [
        {"Result": {"Payload": '"hello"', "Truncated": False}}
    ]


def test_an_invocation_whose_worker_died_is_told_with_an_error(
    still: Engine, clock: StillClock
) -> None:
    still.accept("steps", "1")
    still.journal.claim("run-1", owner="dead", token="dead", now=clock(), lease_seconds=6)
    look_on(still, clock, times=1)

    lost, ended = details(still, "InvocationCompleted")

    assert isinstance(lost, dict)
    assert isinstance(ended, dict)
    assert lost["Error"]["Payload"]["ErrorType"] == "Runtime.ExitError"
    assert "Error" not in ended
