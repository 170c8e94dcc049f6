"""Steps: done once, tried again as their strategy says, replayed as they ended."""

from aws_durable_execution_sdk_python import DurableContext, StepContext
from aws_durable_execution_sdk_python.config import StepConfig
from aws_durable_execution_sdk_python.exceptions import StepError
from aws_durable_execution_sdk_python.retries import RetryDecision, RetryPresets

from tests.conformance.doing import (
    ONCE,
    TransientError,
    Upper,
    Value,
    failing,
    failing_until,
    retried,
    seconds,
    value,
)
from tests.support.conformance import Requirement


def chained(_given: Value, context: DurableContext) -> Value:
    first = context.step(value("first"))
    return context.step(value(f"{first}_second"))


def caught(_given: Value, context: DurableContext) -> Value:
    try:
        context.step(failing(), config=ONCE)
    except StepError:
        return context.step(value("fallback_result"))
    return "not reached"


def caught_before_a_wait(_given: Value, context: DurableContext) -> str:
    message = "not reached"
    try:
        context.step(failing("broken"), config=ONCE)
    except StepError as error:
        message = f"{error.error_type}: {error}"
    context.wait(seconds(1))
    return message


def before_a_wait(given: Value, context: DurableContext) -> Value:
    result = context.step(value("computed"))
    context.wait(seconds(given))
    return result


def logged(given: Value, context: DurableContext) -> str:
    def greet(step: StepContext) -> str:
        step.logger.info("greeting %s", given)
        return f"Hello, {given}!"

    return context.step(greet)


def never_again(error: Exception, _attempts: int) -> RetryDecision:
    if isinstance(error, TransientError):
        return RetryDecision.no_retry()
    return RetryDecision.retry(seconds(1))


TRANSIENT: dict[str, Value] = {"retryable_error_types": [TransientError]}

REQUIREMENTS = (
    Requirement(
        number="1-1",
        says="a step succeeds on its first try",
        work=lambda given, context: context.step(value(f"Hello, {given}!")),
        given="World",
        result="Hello, World!",
        history="""
            Step s1 result='"Hello, World!"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="1-2",
        says="a step has a name",
        work=lambda given, context: context.step(value(f"Hello, {given}!"), name="greet"),
        given="World",
        result="Hello, World!",
        history="""
            Step s1 name=greet result='"Hello, World!"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="1-3",
        says="a step uses the result of the one before",
        work=chained,
        result="first_second",
        history="""
            Step s1 result='"first"'
            Step s2 result='"first_second"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="1-4",
        says="a step gives nested objects",
        work=lambda given, context: context.step(value({"user": given, "count": 2})),
        given={"name": "Alice", "tags": ["admin", "active"]},
        result={"user": {"name": "Alice", "tags": ["admin", "active"]}, "count": 2},
        history="""
            Step s1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="1-5",
        says="a step gives nothing",
        work=lambda _, context: context.step(value(None)),
        result=None,
        history="""
            Step s1 result=null
            InvocationCompleted
        """,
    ),
    Requirement(
        number="1-6",
        says="a step has a serialiser of its own",
        work=lambda given, context: context.step(value(given), config=StepConfig(serdes=Upper())),
        given="hello world",
        result="HELLO WORLD",
        history="""
            Step s1 result='HELLO WORLD'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="1-7",
        says="a step writes to the log",
        work=logged,
        given="Ann",
        result="Hello, Ann!",
        history="""
            Step s1 result='"Hello, Ann!"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="1-8",
        says="a step before a wait is not done again",
        work=before_a_wait,
        given=2,
        result="computed",
        history="""
            Step s1 result='"computed"'
            Wait w1 duration=2
            InvocationCompleted
        """,
    ),
    Requirement(
        number="1-9",
        says="a step that succeeded is replayed with its result",
        work=before_a_wait,
        given=1,
        result="computed",
        history="""
            Step s1 result='"computed"'
            Wait w1 duration=1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="1-10",
        says="a step that failed is replayed with its error",
        work=caught_before_a_wait,
        result="ValueError: broken",
        history="""
            StepStarted s1
            StepFailed s1 error=ValueError
            Wait w1 duration=1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="1-11",
        says="a step that fails is tried again",
        work=lambda _, context: context.step(failing_until(2, "done"), config=retried(3)),
        result="done",
        history="""
            StepStarted s1
            StepFailed s1 attempt=1 delay=1 error=RuntimeError
            InvocationCompleted
            Step s1 attempt=2 result='"done"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="1-12",
        says="a step that always fails uses up its tries",
        work=lambda _, context: context.step(failing(), config=retried(4)),
        ends="FAILED",
        history="""
            StepStarted s1
            StepFailed s1 attempt=1 delay=1 error=ValueError
            InvocationCompleted
            StepStarted s1
            StepFailed s1 attempt=2 delay=1 error=ValueError
            InvocationCompleted
            StepStarted s1
            StepFailed s1 attempt=3 delay=1 error=ValueError
            InvocationCompleted
            StepStarted s1
            StepFailed s1 attempt=4 error=ValueError
            InvocationCompleted
        """,
    ),
    Requirement(
        number="1-13",
        says="a step is tried again by default",
        work=lambda _, context: context.step(failing_until(3, "recovered")),
        result="recovered",
        history="""
            StepStarted s1
            StepFailed s1 attempt=1 error=RuntimeError
            InvocationCompleted
            StepStarted s1
            StepFailed s1 attempt=2 error=RuntimeError
            InvocationCompleted
            Step s1 attempt=3 result='"recovered"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="1-14",
        says="the delay between tries grows as it is configured",
        work=lambda _, context: context.step(
            failing_until(3, "done"), config=retried(3, delay=3, rate=2)
        ),
        result="done",
        history="""
            StepStarted s1
            StepFailed s1 attempt=1 delay=3 error=RuntimeError
            InvocationCompleted
            StepStarted s1
            StepFailed s1 attempt=2 delay=6 error=RuntimeError
            InvocationCompleted
            Step s1 attempt=3 result='"done"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="1-15",
        says="an error that may pass is tried again",
        work=lambda _, context: context.step(
            failing_until(2, "done", TransientError), config=retried(3, **TRANSIENT)
        ),
        result="done",
        history="""
            StepStarted s1
            StepFailed s1 attempt=1 delay=1 error=TransientError
            InvocationCompleted
            Step s1 attempt=2 result='"done"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="1-16",
        says="an error that does not pass is not tried again",
        work=lambda _, context: context.step(
            failing(kind=TransientError), config=StepConfig(retry_strategy=never_again)
        ),
        ends="FAILED",
        history="""
            StepStarted s1
            StepFailed s1 error=TransientError
            InvocationCompleted
        """,
    ),
    Requirement(
        number="1-19",
        says="a step without retries fails at once",
        work=lambda _, context: context.step(failing(), config=ONCE),
        ends="FAILED",
        history="""
            StepStarted s1
            StepFailed s1 error=ValueError
            InvocationCompleted
        """,
    ),
    Requirement(
        number="1-20",
        says="an error that is caught does not end the run",
        work=caught,
        result="fallback_result",
        history="""
            StepStarted s1
            StepFailed s1 error=ValueError
            Step s2 result='"fallback_result"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="step-1",
        says="tries of a linear strategy come at growing delays",
        work=lambda _, context: context.step(
            failing_until(4, "done"), config=StepConfig(retry_strategy=RetryPresets.linear())
        ),
        result="done",
        history="""
            StepStarted s1
            StepFailed s1 attempt=1 delay=1 error=RuntimeError
            InvocationCompleted
            StepStarted s1
            StepFailed s1 attempt=2 delay=2 error=RuntimeError
            InvocationCompleted
            StepStarted s1
            StepFailed s1 attempt=3 delay=3 error=RuntimeError
            InvocationCompleted
            Step s1 attempt=4 result='"done"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="step-2",
        says="tries of a fixed strategy come at the same delay",
        work=lambda _, context: context.step(
            failing_until(3, "done"),
            config=StepConfig(retry_strategy=RetryPresets.fixed(seconds(7))),
        ),
        result="done",
        history="""
            StepStarted s1
            StepFailed s1 attempt=1 delay=7 error=RuntimeError
            InvocationCompleted
            StepStarted s1
            StepFailed s1 attempt=2 delay=7 error=RuntimeError
            InvocationCompleted
            Step s1 attempt=3 result='"done"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="step-3",
        says="tries of a critical step come at delays that grow by half",
        work=lambda _, context: context.step(
            failing_until(5, "done"), config=StepConfig(retry_strategy=RetryPresets.critical())
        ),
        result="done",
        history="""
            StepStarted s1
            StepFailed s1 attempt=1 delay=1 error=RuntimeError
            InvocationCompleted
            StepStarted s1
            StepFailed s1 attempt=2 delay=2 error=RuntimeError
            InvocationCompleted
            StepStarted s1
            StepFailed s1 attempt=3 delay=3 error=RuntimeError
            InvocationCompleted
            StepStarted s1
            StepFailed s1 attempt=4 delay=4 error=RuntimeError
            InvocationCompleted
            Step s1 attempt=5 result='"done"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="step-4",
        says="a result that can't be written fails its step, which is not tried again",
        work=lambda _, context: context.step(value(object())),
        ends="FAILED",
        history="""
            StepStarted s1
            StepFailed s1 error=SerDesError
            InvocationCompleted
        """,
    ),
    Requirement(
        number="step-5",
        says="a step has a sub-type of its own",
        work=lambda _, context: context.step(value(1), config=StepConfig(sub_type="Charge")),
        result=1,
        history="""
            StepStarted:Charge s1
            StepSucceeded:Charge s1 result=1
            InvocationCompleted
        """,
    ),
)
