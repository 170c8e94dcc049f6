"""Chained invokes: another workflow, as a child run with a session of its own."""

import json

from aws_durable_execution_sdk_python import DurableContext
from aws_durable_execution_sdk_python.config import InvokeConfig
from aws_durable_execution_sdk_python.exceptions import InvokeError
from aws_durable_execution_sdk_python.serdes import SerDes, SerDesContext

from tests.conformance.doing import Value, seconds, value
from tests.support.conformance import Requirement


class Capitals(SerDes[Value]):
    """Writes JSON in capitals, and reads it so."""

    def serialize(self, value: object, _: SerDesContext) -> str:
        """Write it."""
        return json.dumps(value).upper()

    def deserialize(self, data: str, _: SerDesContext) -> object:
        """Read it."""
        return json.loads(data.upper())


def echoed(given: Value, context: DurableContext) -> Value:
    return context.invoke("echo", given)


def broken(_given: Value, context: DurableContext) -> Value:
    return context.invoke("breaks", "me")


def caught(given: Value, context: DurableContext) -> str:
    try:
        broken(given, context)
    except InvokeError as error:
        return f"{error.error_type}: {error}"
    return "not reached"


def before_a_wait(given: Value, context: DurableContext) -> Value:
    result = echoed(given, context)
    context.wait(seconds(1))
    return result


def caught_before_a_wait(given: Value, context: DurableContext) -> str:
    message = caught(given, context)
    context.wait(seconds(1))
    return message


def after_a_step(given: Value, context: DurableContext) -> Value:
    return context.invoke("echo", context.step(value(given)))


def before_a_step(given: Value, context: DurableContext) -> Value:
    found = echoed(given, context)
    return context.step(value(f"{found} used"))


def one_after_the_other(given: Value, context: DurableContext) -> list[Value]:
    return [context.invoke("echo", f"{given} {number}") for number in (1, 2)]


def side_by_side(given: Value, context: DurableContext) -> list[Value]:
    branches = [lambda child, n=number: child.invoke("echo", n) for number in given]
    return list(context.parallel(branches, name="all").get_results())


def large(given: Value, context: DurableContext) -> int:
    return len(context.invoke("echo", given * 5_000_000))


REQUIREMENTS = (
    Requirement(
        number="5-1",
        says="a function is invoked and its result given",
        work=echoed,
        given="hello",
        result="hello",
        history="""
            ChainedInvokeStarted i1 input='"hello"'
            InvocationCompleted
            ChainedInvokeSucceeded i1 result='"hello"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="5-2",
        says="an invoke has a name",
        work=lambda given, context: context.invoke("echo", given["payload"], name=given["name"]),
        given={"name": "ask", "payload": "hello"},
        result="hello",
        history="""
            ChainedInvokeStarted i1 name=ask input='"hello"'
            InvocationCompleted
            ChainedInvokeSucceeded i1 name=ask result='"hello"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="5-3",
        says="nested objects are passed",
        work=echoed,
        given={"nested": {"key": "value", "items": [1, 2, 3]}, "source": "test"},
        result={"nested": {"key": "value", "items": [1, 2, 3]}, "source": "test"},
        history="""
            ChainedInvokeStarted i1
            InvocationCompleted
            ChainedInvokeSucceeded i1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="5-4",
        says="nothing is passed and given",
        work=echoed,
        result=None,
        history="""
            ChainedInvokeStarted i1 input=null
            InvocationCompleted
            ChainedInvokeSucceeded i1 result=null
            InvocationCompleted
        """,
    ),
    Requirement(
        number="5-5",
        says="a function that fails fails the invoke",
        work=broken,
        ends="FAILED",
        history="""
            ChainedInvokeStarted i1 input='"me"'
            InvocationCompleted
            ChainedInvokeFailed i1 error=ValueError
            InvocationCompleted
        """,
    ),
    Requirement(
        number="5-6",
        says="the error of an invoke may be caught",
        work=caught,
        result="ValueError: broken by me",
        history="""
            ChainedInvokeStarted i1 input='"me"'
            InvocationCompleted
            ChainedInvokeFailed i1 error=ValueError
            InvocationCompleted
        """,
    ),
    Requirement(
        number="5-7",
        says="megabytes are passed and given",
        work=large,
        given="x",
        result=5_000_000,
        history="""
            ChainedInvokeStarted i1
            InvocationCompleted
            ChainedInvokeSucceeded i1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="5-8",
        says="an invoke is for a tenant",
        work=lambda given, context: context.invoke(
            "echo", given["payload"], config=InvokeConfig(tenant_id=given["tenant"])
        ),
        given={"tenant": "tenant-7", "payload": "hello"},
        result="hello",
        history="""
            ChainedInvokeStarted i1 tenant=tenant-7 input='"hello"'
            InvocationCompleted
            ChainedInvokeSucceeded i1 result='"hello"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="5-9",
        says="an invoke is replayed with its result",
        work=before_a_wait,
        given="hello",
        result="hello",
        history="""
            ChainedInvokeStarted i1 input='"hello"'
            InvocationCompleted
            ChainedInvokeSucceeded i1 result='"hello"'
            Wait w1 duration=1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="5-10",
        says="an invoke is replayed with its error",
        work=caught_before_a_wait,
        result="ValueError: broken by me",
        history="""
            ChainedInvokeStarted i1 input='"me"'
            InvocationCompleted
            ChainedInvokeFailed i1 error=ValueError
            Wait w1 duration=1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="5-11",
        says="an invoke uses the result of a step",
        work=after_a_step,
        given="hello",
        result="hello",
        history="""
            Step s1 result='"hello"'
            ChainedInvokeStarted i1 input='"hello"'
            InvocationCompleted
            ChainedInvokeSucceeded i1 result='"hello"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="5-12",
        says="a step uses the result of an invoke",
        work=before_a_step,
        given="hello",
        result="hello used",
        history="""
            ChainedInvokeStarted i1 input='"hello"'
            InvocationCompleted
            ChainedInvokeSucceeded i1 result='"hello"'
            Step s1 result='"hello used"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="5-13",
        says="an invoke is in a context",
        work=lambda given, context: context.run_in_child_context(
            lambda child: child.invoke("echo", given), name="group"
        ),
        given="hello",
        result="hello",
        history="""
            ContextStarted:RunInChildContext c1 name=group
            ChainedInvokeStarted i1<c1 input='"hello"'
            InvocationCompleted
            ChainedInvokeSucceeded i1<c1 result='"hello"'
            ContextSucceeded:RunInChildContext c1 name=group result='"hello"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="5-14",
        says="an invoke follows another",
        work=one_after_the_other,
        given="hello",
        result=["hello 1", "hello 2"],
        history="""
            ChainedInvokeStarted i1 input='"hello 1"'
            InvocationCompleted
            ChainedInvokeSucceeded i1 result='"hello 1"'
            ChainedInvokeStarted i2 input='"hello 2"'
            InvocationCompleted
            ChainedInvokeSucceeded i2 result='"hello 2"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="5-15",
        says="a serialiser writes what is passed",
        work=lambda given, context: context.invoke(
            "echo", given, config=InvokeConfig(serdes_payload=Capitals())
        ),
        given={"data": "hello"},
        result={"DATA": "HELLO"},
        history="""
            ChainedInvokeStarted i1 input='{"DATA": "HELLO"}'
            InvocationCompleted
            ChainedInvokeSucceeded i1 result='{"DATA": "HELLO"}'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="5-16",
        says="a serialiser reads what is given",
        work=lambda given, context: context.invoke(
            "echo", given, config=InvokeConfig(serdes_result=Capitals())
        ),
        given="hello",
        result="HELLO",
        history="""
            ChainedInvokeStarted i1 input='"hello"'
            InvocationCompleted
            ChainedInvokeSucceeded i1 result='"hello"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="invoke-1",
        says="a function that is not there fails the invoke at once",
        work=lambda given, context: context.invoke("nobody", given),
        ends="FAILED",
        history="""
            ChainedInvokeStarted i1 input=null
            ChainedInvokeFailed i1 error=ResourceNotFoundException
            InvocationCompleted
        """,
    ),
    Requirement(
        number="invoke-2",
        says="invokes of branches run beside each other",
        work=side_by_side,
        given=[1, 2, 3],
        result=[1, 2, 3],
        history=None,
    ),
)
