"""Conditions: looked at again and again, with a state, until they are met or given up."""

from collections.abc import Callable

from aws_durable_execution_sdk_python import DurableContext
from aws_durable_execution_sdk_python.config import JitterStrategy
from aws_durable_execution_sdk_python.exceptions import WaitForConditionError
from aws_durable_execution_sdk_python.waits import (
    WaitForConditionConfig,
    WaitStrategyConfig,
    create_wait_strategy,
)

from tests.conformance.doing import Value, Wrapped, failing, seconds, value
from tests.support.conformance import Requirement


def until(
    is_met: Callable[[Value], bool],
    initial: Value,
    *,
    delay: int = 1,
    attempts: int = 60,
    **given: Value,
) -> WaitForConditionConfig[Value]:
    """Give the configuration of a poll at constant delays."""
    strategy = WaitStrategyConfig[Value](
        should_continue_polling=lambda state: not is_met(state),
        max_attempts=attempts,
        initial_delay=seconds(delay),
        backoff_rate=1,
        jitter_strategy=JitterStrategy.NONE,
    )
    return WaitForConditionConfig(
        wait_strategy=create_wait_strategy(strategy), initial_state=initial, **given
    )


def counting(initial: int = 0, **options: Value) -> Value:
    def work(given: Value, context: DurableContext) -> Value:
        config = until(lambda state: state >= given, initial, **options)
        return context.wait_for_condition(lambda state, _: state + 1, config)

    return work


def named(given: Value, context: DurableContext) -> Value:
    config = until(lambda state: state >= given, 0)
    return context.wait_for_condition(lambda state, _: state + 1, config, name="poll-status")


def breaking(_given: Value, context: DurableContext) -> Value:
    return context.wait_for_condition(failing("broken"), until(bool, 0))


def caught(given: Value, context: DurableContext) -> str:
    try:
        breaking(given, context)
    except WaitForConditionError as error:
        return f"{error.error_type}: {error}"
    return "not reached"


def jobs(given: Value, context: DurableContext) -> Value:
    def check(state: dict[str, Value], _context: object) -> dict[str, Value]:
        polls = state["polls"] + 1
        return {"polls": polls, "status": "done" if polls >= given else "running"}

    config = until(lambda state: state["status"] == "done", {"polls": 0, "status": "new"})
    return context.wait_for_condition(check, config)


def worded(_given: Value, context: DurableContext) -> Value:
    config = until(lambda state: len(state) >= 3, "", serdes=Wrapped())
    return context.wait_for_condition(lambda state, _: state + "x", config)


def before_a_step(given: Value, context: DurableContext) -> Value:
    found = counting()(given, context)
    return context.step(value(found * 10))


def one_after_the_other(_given: Value, context: DurableContext) -> Value:
    first = counting()(2, context)
    return counting(first)(4, context)


REQUIREMENTS = (
    Requirement(
        number="6-1",
        says="a condition is looked at until it is met",
        work=counting(),
        given=3,
        result=3,
        history="""
            StepStarted:WaitForCondition s1
            StepSucceeded:WaitForCondition s1 attempt=1 delay=1 result=1
            InvocationCompleted
            StepStarted:WaitForCondition s1
            StepSucceeded:WaitForCondition s1 attempt=2 delay=1 result=2
            InvocationCompleted
            StepStarted:WaitForCondition s1
            StepSucceeded:WaitForCondition s1 attempt=3 result=3
            InvocationCompleted
        """,
    ),
    Requirement(
        number="6-2",
        says="a condition that is met at once suspends nothing",
        work=lambda given, context: context.wait_for_condition(
            lambda state, _: state, until(lambda state: state >= given, 5)
        ),
        given=5,
        result=5,
        history="""
            StepStarted:WaitForCondition s1
            StepSucceeded:WaitForCondition s1 result=5
            InvocationCompleted
        """,
    ),
    Requirement(
        number="6-3",
        says="a condition has a name",
        work=named,
        given=2,
        result=2,
        history="""
            StepStarted:WaitForCondition s1 name=poll-status
            StepSucceeded:WaitForCondition s1 name=poll-status attempt=1 delay=1 result=1
            InvocationCompleted
            StepStarted:WaitForCondition s1 name=poll-status
            StepSucceeded:WaitForCondition s1 name=poll-status attempt=2 result=2
            InvocationCompleted
        """,
    ),
    Requirement(
        number="6-4",
        says="a condition begins with its initial state",
        work=counting(5),
        given=8,
        result=8,
        history="""
            StepStarted:WaitForCondition s1
            StepSucceeded:WaitForCondition s1 attempt=1 delay=1 result=6
            InvocationCompleted
            StepStarted:WaitForCondition s1
            StepSucceeded:WaitForCondition s1 attempt=2 delay=1 result=7
            InvocationCompleted
            StepStarted:WaitForCondition s1
            StepSucceeded:WaitForCondition s1 attempt=3 result=8
            InvocationCompleted
        """,
    ),
    Requirement(
        number="6-5",
        says="a condition is looked at in constant intervals",
        work=counting(delay=2),
        given=3,
        result=3,
        history="""
            StepStarted:WaitForCondition s1
            StepSucceeded:WaitForCondition s1 attempt=1 delay=2 result=1
            InvocationCompleted
            StepStarted:WaitForCondition s1
            StepSucceeded:WaitForCondition s1 attempt=2 delay=2 result=2
            InvocationCompleted
            StepStarted:WaitForCondition s1
            StepSucceeded:WaitForCondition s1 attempt=3 result=3
            InvocationCompleted
        """,
    ),
    Requirement(
        number="6-6",
        says="a condition that is never met is given up",
        work=counting(attempts=3),
        given=99,
        ends="FAILED",
        history="""
            StepStarted:WaitForCondition s1
            StepSucceeded:WaitForCondition s1 attempt=1 delay=1 result=1
            InvocationCompleted
            StepStarted:WaitForCondition s1
            StepSucceeded:WaitForCondition s1 attempt=2 delay=1 result=2
            InvocationCompleted
            StepStarted:WaitForCondition s1
            StepFailed:WaitForCondition s1 attempt=3
            InvocationCompleted
        """,
    ),
    Requirement(
        number="6-7",
        says="a check that raises fails the run",
        work=breaking,
        ends="FAILED",
        history="""
            StepStarted:WaitForCondition s1
            StepFailed:WaitForCondition s1 error=ValueError
            InvocationCompleted
        """,
    ),
    Requirement(
        number="6-8",
        says="the error of a check may be caught",
        work=caught,
        result="ValueError: broken",
        history="""
            StepStarted:WaitForCondition s1
            StepFailed:WaitForCondition s1 error=ValueError
            InvocationCompleted
        """,
    ),
    Requirement(
        number="6-9",
        says="the state of a condition may be an object",
        work=jobs,
        given=2,
        result={"polls": 2, "status": "done"},
        history="""
            StepStarted:WaitForCondition s1
            StepSucceeded:WaitForCondition s1 attempt=1 delay=1
            InvocationCompleted
            StepStarted:WaitForCondition s1
            StepSucceeded:WaitForCondition s1 attempt=2
            InvocationCompleted
        """,
    ),
    Requirement(
        number="6-10",
        says="the state of a condition may be nothing",
        work=lambda _, context: context.wait_for_condition(
            value(None), until(lambda state: state is None, 0)
        ),
        result=None,
        history="""
            StepStarted:WaitForCondition s1
            StepSucceeded:WaitForCondition s1 result=null
            InvocationCompleted
        """,
    ),
    Requirement(
        number="6-11",
        says="a condition has a serialiser of its own",
        work=worded,
        result="xxx",
        history="""
            StepStarted:WaitForCondition s1
            StepSucceeded:WaitForCondition s1 attempt=1 delay=1 result=wrapped:x
            InvocationCompleted
            StepStarted:WaitForCondition s1
            StepSucceeded:WaitForCondition s1 attempt=2 delay=1 result=wrapped:xx
            InvocationCompleted
            StepStarted:WaitForCondition s1
            StepSucceeded:WaitForCondition s1 attempt=3 result=wrapped:xxx
            InvocationCompleted
        """,
    ),
    Requirement(
        number="6-12",
        says="a step uses what a condition came to",
        work=before_a_step,
        given=2,
        result=20,
        history="""
            StepStarted:WaitForCondition s1
            StepSucceeded:WaitForCondition s1 attempt=1 delay=1 result=1
            InvocationCompleted
            StepStarted:WaitForCondition s1
            StepSucceeded:WaitForCondition s1 attempt=2 result=2
            Step s2 result=20
            InvocationCompleted
        """,
    ),
    Requirement(
        number="6-13",
        says="a condition follows another",
        work=one_after_the_other,
        result=4,
        history="""
            StepStarted:WaitForCondition s1
            StepSucceeded:WaitForCondition s1 attempt=1 delay=1 result=1
            InvocationCompleted
            StepStarted:WaitForCondition s1
            StepSucceeded:WaitForCondition s1 attempt=2 result=2
            StepStarted:WaitForCondition s2
            StepSucceeded:WaitForCondition s2 attempt=1 delay=1 result=3
            InvocationCompleted
            StepStarted:WaitForCondition s2
            StepSucceeded:WaitForCondition s2 attempt=2 result=4
            InvocationCompleted
        """,
    ),
)
