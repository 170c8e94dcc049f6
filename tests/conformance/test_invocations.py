"""What holds for a run as a whole: its invocations, its input, its size, its log and its stop."""

import json
import logging
from datetime import timedelta

import pytest
from aws_durable_execution_sdk_python import (
    DurableContext,
    RetryableSerDesError,
    StepContext,
)
from aws_durable_execution_sdk_python.config import (
    ChildConfig,
    CompletionConfig,
    MapConfig,
    StepConfig,
)
from aws_durable_execution_sdk_python.serdes import SerDes, SerDesContext

from runs.operations import OperationStatus
from runs.run import Status
from tests.conformance.doing import ONCE, Value, seconds, value
from tests.support.conformance import Requirement, differences, play
from tests.support.engine import Engine


def a_run(work: Value, given: Value = None, *, ends: str = "SUCCEEDED") -> Requirement:
    return Requirement(number="", says="", work=work, given=given, ends=ends, history=None)


class Unsteady(SerDes[str]):
    """Can't write the first time."""

    def __init__(self) -> None:
        self.tries = 0

    def serialize(self, value: str, _: SerDesContext) -> str:
        """Write it, from the second time on."""
        self.tries += 1
        if self.tries == 1:
            msg = "the disk is full"
            raise RetryableSerDesError(msg)
        return value

    def deserialize(self, data: str, _: SerDesContext) -> str:
        """Read it."""
        return data


def test_an_invocation_that_failed_in_passing_is_made_again_and_told_with_its_error(
    engine: Engine,
) -> None:
    config = StepConfig(serdes=Unsteady())

    run = play(a_run(lambda _, context: context.step(value("done"), config=config)), engine)

    history = engine.journal.history("run-1")
    told = "StepStarted s\nInvocationCompleted\nStepSucceeded s result=done\nInvocationCompleted"
    assert (run.status, run.result, run.attempt) == (Status.COMPLETED, "done", 1)
    assert differences(told, history) == []
    first, second = [
        event["InvocationCompletedDetails"]
        for event in history
        if event["EventType"] == "InvocationCompleted"
    ]
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert first["Error"] == {
        "Payload": {"ErrorType": "RetryableSerDesError", "ErrorMessage": "the disk is full"}
    }
    assert "Error" not in second


def test_three_thousand_operations_are_worked_on_and_replayed_page_by_page(engine: Engine) -> None:
    def work(given: int, context: DurableContext) -> Value:
        total = sum(context.step(value(1)) for _ in range(given))
        context.wait(seconds(1), name="pause")
        return total + sum(context.step(value(1)) for _ in range(10))

    run = play(a_run(work, 3_000), engine)

    assert (run.status, run.result, run.attempt) == (Status.COMPLETED, 3_010, 2)
    assert len(engine.journal.operations("run-1")) == 3_011
    assert len(engine.journal.history("run-1")) == 2 * 3_011 + 4


def test_a_map_of_hundreds_of_waiting_items_comes_to_its_end(engine: Engine) -> None:
    def item(child: DurableContext, number: int, *_: object) -> int:
        child.wait(seconds(1 + number % 3))
        return number

    def work(given: int, context: DurableContext) -> int:
        config: MapConfig[int] = MapConfig(max_concurrency=50)
        return sum(context.map(list(range(given)), item, config=config).get_results())

    run = play(a_run(work, 200), engine)

    assert run.result == sum(range(200))


@pytest.mark.parametrize("size", [300_000, 3_000_000])
def test_inputs_and_results_may_be_large(engine: Engine, size: int) -> None:
    run = play(a_run(lambda given, context: context.step(value(given * 2)), "x" * size), engine)

    assert run.result == "x" * size * 2
    (step,) = engine.journal.operations("run-1")
    assert step.payload == json.dumps("x" * size * 2)


@pytest.mark.parametrize("given", ["ü 漢字 🦄", {"ключ": ["\u0000", "\u2028"]}, 1.5, True, [], ""])
def test_any_json_is_kept_as_it_is(engine: Engine, given: Value) -> None:
    run = play(a_run(lambda event, context: context.step(value(event)), given), engine)

    assert run.result == given


def test_names_may_be_in_any_script(engine: Engine) -> None:
    play(a_run(lambda _, context: context.step(value(1), name="Prüfung 検査")), engine)

    (step,) = engine.journal.operations("run-1")
    assert step.name == "Prüfung 検査"


def test_a_line_is_logged_once_however_often_the_workflow_is_replayed(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    def work(_given: object, context: DurableContext) -> str:
        context.logger.info("before the wait")
        context.step(lambda step: step.logger.info("in the step"), name="log")
        context.wait(seconds(1))
        context.logger.info("after the wait")
        return "done"

    with caplog.at_level(logging.INFO):
        play(a_run(work), engine)

    said = [
        record.getMessage()
        for record in caplog.records
        if record.getMessage().endswith(("the wait", "the step"))
    ]
    assert said == ["before the wait", "in the step", "after the wait"]


def test_a_step_s_line_names_its_execution_and_its_try(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        play(
            a_run(
                lambda _, context: context.step(
                    lambda step: step.logger.info("hello"), name="greet"
                )
            ),
            engine,
        )

    (line,) = [record for record in caplog.records if record.getMessage() == "hello"]
    facts = vars(line)
    assert facts["executionArn"].endswith("/run-1/run-1")
    assert (facts["operationName"], facts["attempt"]) == ("greet", 1)


def test_operations_inside_of_a_step_are_none_of_its_own(engine: Engine) -> None:
    def work(_given: object, context: DurableContext) -> str:
        def step(_step: StepContext) -> str:
            return str(context.step(value("inner"), name="inner"))

        return str(context.step(step, name="outer", config=ONCE))

    play(a_run(work), engine)

    kept = {kept.name: kept for kept in engine.journal.operations("run-1")}
    assert kept["inner"].parent_id == kept["outer"].parent_id


def test_what_a_finished_map_left_behind_is_not_waited_for(engine: Engine) -> None:
    def branch(child: DurableContext, number: int, *_: object) -> int:
        if number:
            child.wait(seconds(3_600), name="long")
        return number

    def work(_given: object, context: DurableContext) -> list[int]:
        config: MapConfig[int] = MapConfig(completion_config=CompletionConfig(min_successful=1))
        return list(context.map([0, 1], branch, config=config).get_results())

    before = engine.clock()
    run = play(a_run(work), engine)

    assert run.result == [0]
    assert engine.clock() - before < timedelta(minutes=30)
    left = [kept for kept in engine.journal.operations("run-1") if kept.name == "long"]
    assert {kept.status for kept in left} <= {OperationStatus.STARTED}


def test_a_generator_of_summaries_that_fails_fails_its_context(engine: Engine) -> None:
    def summarise(result: Value) -> Value:
        msg = "no summary"
        raise ValueError(msg)

    config: Value = ChildConfig(summary_generator=summarise)
    large = value("x" * 300_000)

    run = play(
        a_run(lambda _, context: context.run_in_child_context(large, config=config), ends="FAILED"),
        engine,
    )

    assert run.error is not None
    assert run.error.message == "no summary"
