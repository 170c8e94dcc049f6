"""Child contexts: groups of operations that end, fail and are replayed as one."""

from aws_durable_execution_sdk_python import DurableContext
from aws_durable_execution_sdk_python.config import ChildConfig
from aws_durable_execution_sdk_python.exceptions import ChildContextError
from aws_durable_execution_sdk_python.retries import WithRetryConfig, with_retry

from tests.conformance.doing import (
    ONCE,
    Upper,
    Value,
    failing,
    failing_until,
    retried,
    seconds,
    value,
)
from tests.support.conformance import Requirement


def stepping(given: Value, context: DurableContext) -> Value:
    return context.run_in_child_context(lambda child: child.step(value(given)))


def chained(given: Value, context: DurableContext) -> Value:
    def work(child: DurableContext) -> Value:
        first = child.step(value(given))
        return child.step(value(first))

    return context.run_in_child_context(work, name="group")


def breaking(_given: Value, context: DurableContext) -> Value:
    return context.run_in_child_context(
        lambda child: child.step(failing("broken"), config=ONCE), name="group"
    )


def caught(given: Value, context: DurableContext) -> Value:
    try:
        breaking(given, context)
    except ChildContextError as error:
        return context.step(value(f"{given} after {error}"))


def nested(given: Value, context: DurableContext) -> Value:
    def inner(child: DurableContext) -> Value:
        return child.step(value(given))

    def outer(child: DurableContext) -> Value:
        child.step(value(given))
        return child.run_in_child_context(inner, name="inner")

    return context.run_in_child_context(outer, name="outer")


def before_a_wait(given: Value, context: DurableContext) -> Value:
    result = stepping(given, context)
    context.wait(seconds(1))
    return result


def waiting(given: Value, context: DurableContext) -> Value:
    def work(child: DurableContext) -> Value:
        child.step(value(given))
        child.wait(seconds(1))
        return given

    return context.run_in_child_context(work, name="group")


def large(given: Value, context: DurableContext) -> int:
    result = context.run_in_child_context(
        lambda child: child.step(value(given)) * 300 * 1024, name="large"
    )
    context.wait(seconds(1))
    return len(result)


def summarised(given: Value, context: DurableContext) -> int:
    result = context.run_in_child_context(
        lambda child: child.step(value(given)) * 300 * 1024,
        name="large",
        config=ChildConfig(summary_generator=lambda text: f"{len(text)} letters"),
    )
    context.wait(seconds(1))
    return len(result)


def only_waiting(given: Value, context: DurableContext) -> Value:
    def work(child: DurableContext) -> Value:
        child.wait(seconds(1))
        return given

    result = context.run_in_child_context(work, name="group")
    return context.step(value(result))


def written_large(given: Value, context: DurableContext) -> Value:
    return context.run_in_child_context(
        lambda child: child.step(value(given)), name="group", config=ChildConfig(serdes=Upper())
    )


def without_operations(given: Value, context: DurableContext) -> Value:
    result = context.run_in_child_context(value(given), name="group")
    context.wait(seconds(1))
    return result


def mixed(given: Value, context: DurableContext) -> Value:
    result = waiting(given, context)
    context.step(value(given))
    context.wait(seconds(1))
    return result


def again(_given: Value, context: DurableContext) -> Value:
    def work(child: Value, attempt: int) -> str:
        child.step(value(attempt), name="count")
        if attempt == 1:
            msg = "not yet"
            raise RuntimeError(msg)
        return f"done at {attempt}"

    strategy = retried(3).retry_strategy
    return with_retry(context, work, WithRetryConfig(retry_strategy=strategy), name="block")


REQUIREMENTS = (
    Requirement(
        number="3-1",
        says="a context holds a step",
        work=stepping,
        given="given",
        result="given",
        history="""
            ContextStarted:RunInChildContext c1
            Step s1<c1 result='"given"'
            ContextSucceeded:RunInChildContext c1 result='"given"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="3-2",
        says="a context has a name",
        work=lambda given, context: context.run_in_child_context(
            lambda child: child.step(value(given["value"])), name=given["name"]
        ),
        given={"name": "group", "value": "given"},
        result="given",
        history="""
            ContextStarted:RunInChildContext c1 name=group
            Step s1<c1 result='"given"'
            ContextSucceeded:RunInChildContext c1 name=group result='"given"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="3-3",
        says="steps of a context follow each other",
        work=chained,
        given="given",
        result="given",
        history="""
            ContextStarted:RunInChildContext c1 name=group
            Step s1<c1 result='"given"'
            Step s2<c1 result='"given"'
            ContextSucceeded:RunInChildContext c1 name=group result='"given"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="3-4",
        says="a step that fails fails its context and the run",
        work=breaking,
        ends="FAILED",
        history="""
            ContextStarted:RunInChildContext c1 name=group
            StepStarted s1<c1
            StepFailed s1<c1 error=ValueError
            ContextFailed:RunInChildContext c1 name=group error=StepError
            InvocationCompleted
        """,
    ),
    Requirement(
        number="3-5",
        says="the error of a context may be caught",
        work=caught,
        given="given",
        result="given after broken",
        history="""
            ContextStarted:RunInChildContext c1 name=group
            StepStarted s1<c1
            StepFailed s1<c1 error=ValueError
            ContextFailed:RunInChildContext c1 name=group error=StepError
            Step s2 result='"given after broken"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="3-6",
        says="a context holds another",
        work=nested,
        given="given",
        result="given",
        history="""
            ContextStarted:RunInChildContext c1 name=outer
            Step s1<c1 result='"given"'
            ContextStarted:RunInChildContext c2<c1 name=inner
            Step s2<c2 result='"given"'
            ContextSucceeded:RunInChildContext c2<c1 name=inner result='"given"'
            ContextSucceeded:RunInChildContext c1 name=outer result='"given"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="3-7",
        says="a step of a context is tried again",
        work=lambda given, context: context.run_in_child_context(
            lambda child: child.step(failing_until(2, given), config=retried(3)), name="group"
        ),
        given="given",
        result="given",
        history="""
            ContextStarted:RunInChildContext c1 name=group
            StepStarted s1<c1
            StepFailed s1<c1 attempt=1 delay=1 error=RuntimeError
            InvocationCompleted
            Step s1<c1 attempt=2 result='"given"'
            ContextSucceeded:RunInChildContext c1 name=group result='"given"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="3-8",
        says="a step that uses up its tries fails its context",
        work=lambda _, context: context.run_in_child_context(
            lambda child: child.step(failing(), config=retried(2)), name="group"
        ),
        ends="FAILED",
        history="""
            ContextStarted:RunInChildContext c1 name=group
            StepStarted s1<c1
            StepFailed s1<c1 attempt=1 delay=1 error=ValueError
            InvocationCompleted
            StepStarted s1<c1
            StepFailed s1<c1 attempt=2 error=ValueError
            ContextFailed:RunInChildContext c1 name=group error=StepError
            InvocationCompleted
        """,
    ),
    Requirement(
        number="3-9",
        says="a context is replayed with its result",
        work=before_a_wait,
        given="given",
        result="given",
        history="""
            ContextStarted:RunInChildContext c1
            Step s1<c1 result='"given"'
            ContextSucceeded:RunInChildContext c1 result='"given"'
            Wait w1 duration=1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="3-10",
        says="a context waits in its middle",
        work=waiting,
        given="given",
        result="given",
        history="""
            ContextStarted:RunInChildContext c1 name=group
            Step s1<c1 result='"given"'
            Wait w1<c1 duration=1
            ContextSucceeded:RunInChildContext c1 name=group result='"given"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="3-11",
        says="a result that is too large is made again from the context's steps",
        work=large,
        given="x",
        result=300 * 1024,
        history="""
            ContextStarted:RunInChildContext c1 name=large
            Step s1<c1 result='"x"'
            ContextSucceeded:RunInChildContext c1 name=large result=
            Wait w1 duration=1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="3-13",
        says="a context that only waits is gone on with",
        work=only_waiting,
        given="given",
        result="given",
        history="""
            ContextStarted:RunInChildContext c1 name=group
            Wait w1<c1 duration=1
            ContextSucceeded:RunInChildContext c1 name=group result='"given"'
            Step s1 result='"given"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="3-14",
        says="a context has a serialiser of its own",
        work=written_large,
        given="hello child",
        result="HELLO CHILD",
        history="""
            ContextStarted:RunInChildContext c1 name=group
            Step s1<c1 result='"hello child"'
            ContextSucceeded:RunInChildContext c1 name=group result='HELLO CHILD'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="3-15",
        says="a context that raises by itself fails",
        work=lambda _, context: context.run_in_child_context(failing("broken"), name="group"),
        ends="FAILED",
        history="""
            ContextStarted:RunInChildContext c1 name=group
            ContextFailed:RunInChildContext c1 name=group error=ValueError
            InvocationCompleted
        """,
    ),
    Requirement(
        number="3-16",
        says="a context gives nothing",
        work=lambda _, context: context.run_in_child_context(value(None), name="group"),
        result=None,
        history="""
            ContextStarted:RunInChildContext c1 name=group
            ContextSucceeded:RunInChildContext c1 name=group result=null
            InvocationCompleted
        """,
    ),
    Requirement(
        number="3-17",
        says="a context without operations is not entered again",
        work=without_operations,
        given="given",
        result="given",
        history="""
            ContextStarted:RunInChildContext c1 name=group
            ContextSucceeded:RunInChildContext c1 name=group result='"given"'
            Wait w1 duration=1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="3-18",
        says="a context and what follows it wait in turn",
        work=mixed,
        given="given",
        result="given",
        history="""
            ContextStarted:RunInChildContext c1 name=group
            Step s1<c1 result='"given"'
            Wait w1<c1 duration=1
            ContextSucceeded:RunInChildContext c1 name=group result='"given"'
            Step s2 result='"given"'
            Wait w2 duration=1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="child-1",
        says="a large result is recorded as its summary",
        work=summarised,
        given="x",
        result=300 * 1024,
        history="""
            ContextStarted:RunInChildContext c1 name=large
            Step s1<c1 result='"x"'
            ContextSucceeded:RunInChildContext c1 name=large result='307200 letters'
            Wait w1 duration=1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="child-2",
        says="a virtual context leaves no trace of its own",
        work=lambda given, context: context.run_in_child_context(
            lambda child: child.step(value(given)), config=ChildConfig(is_virtual=True)
        ),
        given="given",
        result="given",
        history="""
            Step s1 result='"given"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="child-3",
        says="a block of operations is tried again as a whole",
        work=again,
        result="done at 2",
        history="""
            ContextStarted:RunInChildContext c1 name=block
            Step s1<c1 name=count result=1
            Wait w1<c1 name=block-backoff-1 duration=1
            Step s2<c1 name=count result=2
            ContextSucceeded:RunInChildContext c1 name=block result='"done at 2"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="child-4",
        says="a context has a sub-type of its own",
        work=lambda given, context: context.run_in_child_context(
            value(given), config=ChildConfig(sub_type="Transfer")
        ),
        given=1,
        result=1,
        history="""
            ContextStarted:Transfer c1
            ContextSucceeded:Transfer c1 result=1
            InvocationCompleted
        """,
    ),
)
