"""What the definition's language means, each on a definition of its own."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bench.simulated.errors import TaskFailedError
from bench.simulated.machine import Doing, Execution, SimulatedStepFunctions
from bench.simulated.time import SimulatedTime

CALL = "arn:aws:states:::call"


class World:
    """A machine whose one resource fails as often as a test says."""

    def __init__(self, states: Mapping[str, Any], *, failures: tuple[str, ...] = ()) -> None:
        self.time = SimulatedTime()
        self.failures = list(failures)
        self.arguments: list[Any] = []
        self.tokens: list[str] = []
        definition = {"StartAt": next(iter(states)), "States": states}
        self.machine = SimulatedStepFunctions(
            json.dumps(definition),
            time=self.time,
            resources={CALL: self._call},
            transition_seconds=0.0,
        )

    def run(self, given: Any = None) -> Execution:  # noqa: ANN401 - any JSON
        execution = self.machine.start({} if given is None else given)
        self.time.run()
        return execution

    def seconds(self, execution: Execution) -> float:
        assert execution.ended_at is not None
        return (execution.ended_at - execution.started_at).total_seconds()

    def _call(self, arguments: Any) -> Doing:  # noqa: ANN401 - any JSON
        yield 1.0
        self.arguments.append(arguments)
        if self.failures:
            raise TaskFailedError(error=self.failures.pop(0), cause="because")
        return {"answer": 42}


def task(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any field of a state
    return {
        "Type": "Task",
        "Resource": CALL,
        "TimeoutSeconds": 60,
        "Arguments": {},
        "Next": "Done",
    } | fields


RETRY = {
    "ErrorEquals": ["Busy"],
    "IntervalSeconds": 4,
    "BackoffRate": 2,
    "MaxAttempts": 2,
    "MaxDelaySeconds": 5,
    "JitterStrategy": "FULL",
}
DONE = {"Type": "Succeed"}
CAUGHT = {"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "Done"}


def test_a_task_gives_what_its_output_makes_of_the_result() -> None:
    state = task(
        Arguments={"id": "{% $states.input.id %}", "deep": [{"n": 1}]},
        Output="{% {'id': $states.input.id, 'answer': $states.result.answer} %}",
    )
    world = World({"Do": state, "Done": DONE})

    ended = world.run({"id": "a"})

    assert world.arguments == [{"id": "a", "deep": [{"n": 1}]}]
    assert ended.output == {"id": "a", "answer": 42}
    assert (ended.status, ended.visited) == ("SUCCEEDED", ["Do", "Done"])


def test_an_error_is_retried_as_often_as_it_may_be_and_then_caught() -> None:
    world = World({"Do": task(Retry=[RETRY], Catch=[CAUGHT]), "Done": DONE}, failures=("Busy",) * 3)

    ended = world.run()

    assert len(world.arguments) == 3
    assert ended.output == {"Error": "Busy", "Cause": "because"}
    # Three calls of a second, and two pauses of at most 4 and 5.
    assert 3 < world.seconds(ended) <= 3 + 4 + 5


def test_an_error_that_no_retrier_names_is_not_retried() -> None:
    world = World({"Do": task(Retry=[RETRY], Catch=[CAUGHT]), "Done": DONE}, failures=("Lost",))

    world.run()

    assert len(world.arguments) == 1


def test_an_error_that_nothing_catches_fails_the_execution() -> None:
    world = World({"Do": task(), "Done": DONE}, failures=("Lost",))

    ended = world.run()

    assert (ended.status, ended.error, ended.cause) == ("FAILED", "Lost", "because")


def test_a_call_that_takes_too_long_has_timed_out() -> None:
    world = World({"Do": task(TimeoutSeconds=0.5, Catch=[CAUGHT]), "Done": DONE})

    assert world.run().output == {"Error": "States.Timeout", "Cause": ""}


def waiting(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any field of a state
    token = {"token": "{% $states.context.Task.Token %}"}
    return task(
        **{"Resource": f"{CALL}.waitForTaskToken", "Arguments": token, "Catch": [CAUGHT]} | fields
    )


def test_a_wait_ends_when_its_token_is_answered() -> None:
    world = World({"Wait": waiting(), "Done": DONE})

    def answer() -> Any:  # noqa: ANN401 - a process
        yield 10
        (given,) = world.arguments
        world.machine.send_task_success(taskToken=given["token"], output='{"told": true}')

    world.time.begin(answer())
    ended = world.run()

    assert ended.output == {"told": True}
    assert world.seconds(ended) == 10


def test_a_wait_that_nobody_ends_has_timed_out() -> None:
    world = World({"Wait": waiting(), "Done": DONE})

    ended = world.run()

    assert ended.output == {"Error": "States.Timeout", "Cause": ""}
    assert world.seconds(ended) == 60


def test_a_wait_goes_on_for_as_long_as_heartbeats_come() -> None:
    world = World({"Wait": waiting(TimeoutSeconds=600, HeartbeatSeconds=20), "Done": DONE})

    def beat() -> Any:  # noqa: ANN401 - a process
        for _ in range(5):
            yield 15
            world.machine.send_task_heartbeat(taskToken=world.arguments[0]["token"])

    world.time.begin(beat())
    ended = world.run()

    assert ended.output == {"Error": "States.HeartbeatTimeout", "Cause": ""}
    assert world.seconds(ended) == 5 * 15 + 20


def test_a_token_whose_wait_is_over_is_refused() -> None:
    world = World({"Wait": waiting(), "Done": DONE})
    world.run()

    with pytest.raises(ClientError, match="TaskDoesNotExist"):
        world.machine.send_task_success(taskToken=world.arguments[0]["token"], output="{}")


def test_a_choice_goes_where_the_first_condition_holds() -> None:
    rules = [
        {"Condition": "{% $states.input.n > 9 %}", "Next": "Many"},
        {"Condition": "{% $states.input.n > 1 %}", "Output": "{% 'some' %}", "Next": "Done"},
    ]
    choice = {"Type": "Choice", "Choices": rules, "Default": "Many"}
    world = World({"Which": choice, "Many": DONE, "Done": DONE})

    assert world.run({"n": 5}).output == "some"
    assert world.run({"n": 1}).visited == ["Which", "Many"]


def test_clocks_in_expressions_are_the_simulated_one() -> None:
    wait = {"Type": "Wait", "Seconds": "{% $states.input.pause %}", "Next": "Done"}
    done = {"Type": "Succeed", "Output": "{% [$now(), $string($millis())] %}"}
    world = World({"Wait": wait, "Done": done})

    ended = world.run({"pause": 90})

    assert ended.output == ["2026-01-01T00:01:30.000Z", "1767225690000"]


def test_an_expression_without_a_value_is_an_error() -> None:
    arguments = {"id": "{% $states.input.absent %}"}
    world = World({"Do": task(Arguments=arguments), "Done": DONE})

    assert world.run().error == "States.QueryEvaluationError"


def test_a_field_that_is_not_simulated_is_refused() -> None:
    with pytest.raises(ValueError, match=r"state Do of type Task has \['Assign'\]"):
        World({"Do": task(Assign={"a": 1}), "Done": DONE})


def test_an_execution_s_name_is_used_once() -> None:
    world = World({"Done": DONE})
    world.machine.start({}, name="one")

    with pytest.raises(TaskFailedError, match="ExecutionAlreadyExists"):
        world.machine.start({}, name="one")
