"""Work whose process dies in its middle, once: the file that is given tells whether it has."""

import os
from collections.abc import Callable
from pathlib import Path

from aws_durable_execution_sdk_python import DurableContext, StepContext
from aws_durable_execution_sdk_python.config import StepConfig, StepSemantics

from agent.services import attempt_of
from tests.conformance.doing import ONCE, Value, retried
from tests.support.conformance import Requirement
from tests.support.engine import wait_until

AT_MOST_ONCE = StepSemantics.AT_MOST_ONCE_PER_RETRY


def dying(context: DurableContext, given: str, *, recorded: int) -> Callable[[StepContext], Value]:
    """Give a step that ends its process, once so many operations are recorded."""
    attempt = attempt_of(context)

    def work(step: StepContext) -> str:
        with Path(given).open("a", encoding="utf-8") as file:
            file.write(f"try {step.attempt}\n")
        if attempt.lease.attempt == 1:
            wait_until(lambda: len(attempt.journal.operations(attempt.session_id)) == recorded)
            os._exit(1)
        return f"done at try {step.attempt}"

    return work


def without_retries(given: str, context: DurableContext) -> Value:
    config = StepConfig(retry_strategy=ONCE.retry_strategy, step_semantics=AT_MOST_ONCE)
    return context.step(dying(context, given, recorded=1), name="flaky", config=config)


def with_retries(given: str, context: DurableContext) -> Value:
    config = StepConfig(retry_strategy=retried(3).retry_strategy, step_semantics=AT_MOST_ONCE)
    return context.step(dying(context, given, recorded=1), name="flaky", config=config)


def in_a_context(given: str, context: DurableContext) -> Value:
    return context.run_in_child_context(
        lambda child: child.step(dying(context, given, recorded=2), config=ONCE)
    )


REQUIREMENTS = (
    Requirement(
        number="1-17",
        says="a step that may run once is not run again after its worker died",
        work=without_retries,
        ends="FAILED",
        history="""
            StepStarted s name=flaky
            InvocationCompleted
            StepFailed s name=flaky attempt=1 error=StepInterruptedError
            InvocationCompleted
        """,
    ),
    Requirement(
        number="1-18",
        says="a step that may run once per try is tried again after its worker died",
        work=with_retries,
        result="done at try 2",
        history="""
            StepStarted s name=flaky
            InvocationCompleted
            StepFailed s name=flaky attempt=1 delay=1 error=StepInterruptedError
            InvocationCompleted
            Step s name=flaky attempt=2 result='"done at try 2"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="3-12",
        says="a step of a context goes on in its first try after its worker died",
        work=in_a_context,
        result="done at try 1",
        history="""
            ContextStarted:RunInChildContext c
            StepStarted s<c
            InvocationCompleted
            StepSucceeded s<c attempt=1 result='"done at try 1"'
            ContextSucceeded:RunInChildContext c result='"done at try 1"'
            InvocationCompleted
        """,
    ),
)
#: How often each step's function was entered.
TRIES = {"1-17": ["try 1"], "1-18": ["try 1", "try 2"], "3-12": ["try 1", "try 1"]}
