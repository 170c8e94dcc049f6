"""Callbacks: questions that somebody outside answers, refuses, keeps open or lets pass."""

import json
from datetime import datetime

from aws_durable_execution_sdk_python import DurableContext
from aws_durable_execution_sdk_python.config import CallbackConfig
from aws_durable_execution_sdk_python.exceptions import (
    CallbackExternalError,
    CallbackTimeoutError,
)
from aws_durable_execution_sdk_python.serdes import SerDes, SerDesContext

from runs.operations import OperationError
from tests.conformance.doing import Value, seconds, value
from tests.support.conformance import Reply, Requirement

YES = Reply(result='"yes"')
NO = Reply(error=OperationError(type="RejectedError", message="not approved"))


class Dated(SerDes[dict[str, Value]]):
    """Reads an object and the instant in it."""

    def serialize(self, value: dict[str, Value], _: SerDesContext) -> str:
        """Write it."""
        return json.dumps(value)

    def deserialize(self, data: str, _: SerDesContext) -> dict[str, Value]:
        """Read it."""
        found: dict[str, Value] = json.loads(data)
        return found | {"timestamp": int(datetime.fromisoformat(found["timestamp"]).timestamp())}


class Number(SerDes[int]):
    """Reads a number."""

    def serialize(self, value: int, _: SerDesContext) -> str:
        """Write it."""
        return str(value)

    def deserialize(self, data: str, _: SerDesContext) -> int:
        """Read it."""
        return int(data)


def asking(config: CallbackConfig | None = None) -> Value:
    return lambda given, context: context.create_callback(name=given, config=config).result()


def limited(timeout: int = 0, heartbeat: int = 0) -> CallbackConfig:
    return CallbackConfig(timeout=seconds(timeout), heartbeat_timeout=seconds(heartbeat))


def before_a_step(config: CallbackConfig | None = None) -> Value:
    def work(given: Value, context: DurableContext) -> Value:
        callback = context.create_callback(name=given, config=config)
        context.step(value("done"))
        return callback.result()

    return work


def before_a_wait(wait: int, config: CallbackConfig | None = None) -> Value:
    def work(given: Value, context: DurableContext) -> Value:
        callback = context.create_callback(name=given, config=config)
        context.wait(seconds(wait))
        return callback.result()

    return work


def and_then_a_wait(config: CallbackConfig | None = None) -> Value:
    def work(given: Value, context: DurableContext) -> Value:
        try:
            answer = context.create_callback(name=given, config=config).result()
        except (CallbackExternalError, CallbackTimeoutError) as error:
            answer = f"{type(error).__name__}: {error}"
        context.wait(seconds(2))
        return answer

    return work


def counted(given: Value, context: DurableContext) -> dict[str, int]:
    callback = context.create_callback(name=given, config=CallbackConfig(serdes=Number()))
    count = callback.result() or 0
    return {"count": count, "doubled": count * 2}


def one_after_the_other(_given: Value, context: DurableContext) -> list[Value]:
    return [context.create_callback(name=name).result() for name in ("a", "b")]


def both(first: str, second: str) -> Value:
    def work(_given: Value, context: DurableContext) -> list[Value]:
        asked = {name: context.create_callback(name=name) for name in ("a", "b")}
        return [asked[first].result(), asked[second].result()]

    return work


REQUIREMENTS = (
    Requirement(
        number="4-1",
        says="a callback is answered",
        work=asking(),
        given="approve",
        replies=(YES,),
        result='"yes"',
        history="""
            CallbackStarted b1 name=approve
            InvocationCompleted
            CallbackSucceeded b1 name=approve result='"yes"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="4-2",
        says="a callback has a name",
        work=asking(),
        given="approve",
        replies=(Reply(result="1", name="approve"),),
        result="1",
        history="""
            CallbackStarted b1 name=approve
            InvocationCompleted
            CallbackSucceeded b1 name=approve result=1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="4-3",
        says="a callback nobody answers times out",
        work=asking(limited(3)),
        given="approve",
        ends="FAILED",
        history="""
            CallbackStarted b1 name=approve timeout=3
            InvocationCompleted
            CallbackTimedOut b1 name=approve error=Callback.Timeout message='Callback timed out'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="4-4",
        says="a callback without heartbeats times out",
        work=asking(limited(heartbeat=5)),
        given="approve",
        ends="FAILED",
        history="""
            CallbackStarted b1 name=approve heartbeat=5
            InvocationCompleted
            CallbackTimedOut b1 name=approve error=Callback.Heartbeat
            InvocationCompleted
        """,
    ),
    Requirement(
        number="4-5",
        says="a heartbeat keeps a callback open",
        work=asking(limited(heartbeat=10)),
        given="approve",
        replies=(Reply(is_heartbeat=True, after=8), Reply(result='"yes"', after=8)),
        result='"yes"',
        history="""
            CallbackStarted b1 name=approve heartbeat=10
            InvocationCompleted
            CallbackSucceeded b1 name=approve result='"yes"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="4-6",
        says="a callback is refused",
        work=asking(),
        given="approve",
        replies=(NO,),
        ends="FAILED",
        history="""
            CallbackStarted b1 name=approve
            InvocationCompleted
            CallbackFailed b1 name=approve error=RejectedError message='not approved'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="4-7",
        says="a callback is refused after a step",
        work=before_a_step(),
        given="approve",
        replies=(NO,),
        ends="FAILED",
        history="""
            CallbackStarted b1 name=approve
            Step s1 result='"done"'
            InvocationCompleted
            CallbackFailed b1 name=approve error=RejectedError message='not approved'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="4-8",
        says="a callback times out after a step",
        work=before_a_step(limited(5)),
        given="approve",
        ends="FAILED",
        history="""
            CallbackStarted b1 name=approve timeout=5
            Step s1 result='"done"'
            InvocationCompleted
            CallbackTimedOut b1 name=approve error=Callback.Timeout message='Callback timed out'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="4-9",
        says="a callback is answered while the run waits for a time",
        work=before_a_wait(5),
        given="approve",
        replies=(YES,),
        result='"yes"',
        history="""
            CallbackStarted b1 name=approve
            WaitStarted w1 duration=5
            InvocationCompleted
            CallbackSucceeded b1 name=approve result='"yes"'
            InvocationCompleted
            WaitSucceeded w1 duration=5
            InvocationCompleted
        """,
    ),
    Requirement(
        number="4-10",
        says="a callback is refused while the run waits for a time",
        work=before_a_wait(5),
        given="approve",
        replies=(NO,),
        ends="FAILED",
        history="""
            CallbackStarted b1 name=approve
            WaitStarted w1 duration=5
            InvocationCompleted
            CallbackFailed b1 name=approve error=RejectedError message='not approved'
            InvocationCompleted
            WaitSucceeded w1 duration=5
            InvocationCompleted
        """,
    ),
    Requirement(
        number="4-11",
        says="a callback times out while the run waits for a time",
        work=before_a_wait(6, limited(3)),
        given="approve",
        ends="FAILED",
        history="""
            CallbackStarted b1 name=approve timeout=3
            WaitStarted w1 duration=6
            InvocationCompleted
            CallbackTimedOut b1 name=approve error=Callback.Timeout message='Callback timed out'
            InvocationCompleted
            WaitSucceeded w1 duration=6
            InvocationCompleted
        """,
    ),
    Requirement(
        number="4-12",
        says="an answer is replayed after a wait",
        work=and_then_a_wait(),
        given="approve",
        replies=(YES,),
        result='"yes"',
        history="""
            CallbackStarted b1 name=approve
            InvocationCompleted
            CallbackSucceeded b1 name=approve result='"yes"'
            Wait w1 duration=2
            InvocationCompleted
        """,
    ),
    Requirement(
        number="4-13",
        says="a refusal is replayed after a wait",
        work=and_then_a_wait(),
        given="approve",
        replies=(NO,),
        result="CallbackExternalError: not approved",
        history="""
            CallbackStarted b1 name=approve
            InvocationCompleted
            CallbackFailed b1 name=approve error=RejectedError message='not approved'
            Wait w1 duration=2
            InvocationCompleted
        """,
    ),
    Requirement(
        number="4-14",
        says="a time-out is replayed after a wait",
        work=and_then_a_wait(limited(3)),
        given="approve",
        result="CallbackTimeoutError: Callback timed out",
        history="""
            CallbackStarted b1 name=approve timeout=3
            InvocationCompleted
            CallbackTimedOut b1 name=approve error=Callback.Timeout message='Callback timed out'
            Wait w1 duration=2
            InvocationCompleted
        """,
    ),
    Requirement(
        number="4-15",
        says="a serialiser reads an answer's object",
        work=lambda given, context: {
            "received": context.create_callback(
                name=given, config=CallbackConfig(serdes=Dated())
            ).result()
        },
        given="approve",
        replies=(
            Reply(result='{"id": "7", "message": "hello", "timestamp": "2026-01-01T00:00:00Z"}'),
        ),
        result={"received": {"id": "7", "message": "hello", "timestamp": 1767225600}},
        history="""
            CallbackStarted b1 name=approve
            InvocationCompleted
            CallbackSucceeded b1 name=approve
            InvocationCompleted
        """,
    ),
    Requirement(
        number="4-16",
        says="a serialiser reads an answer's number",
        work=counted,
        given="approve",
        replies=(Reply(result="42"),),
        result={"count": 42, "doubled": 84},
        history="""
            CallbackStarted b1 name=approve
            InvocationCompleted
            CallbackSucceeded b1 name=approve result=42
            InvocationCompleted
        """,
    ),
    Requirement(
        number="4-17",
        says="a callback is asked after another is answered",
        work=one_after_the_other,
        replies=(Reply(result="1", name="a"), Reply(result="2", name="b")),
        result=["1", "2"],
        history="""
            CallbackStarted b1 name=a
            InvocationCompleted
            CallbackSucceeded b1 name=a result=1
            CallbackStarted b2 name=b
            InvocationCompleted
            CallbackSucceeded b2 name=b result=2
            InvocationCompleted
        """,
    ),
    Requirement(
        number="4-18",
        says="two callbacks are answered in the order in which they are looked at",
        work=both("a", "b"),
        replies=(Reply(result="1", name="a"), Reply(result="2", name="b")),
        result=["1", "2"],
        history="""
            CallbackStarted b1 name=a
            CallbackStarted b2 name=b
            InvocationCompleted
            CallbackSucceeded b1 name=a result=1
            InvocationCompleted
            CallbackSucceeded b2 name=b result=2
            InvocationCompleted
        """,
    ),
    Requirement(
        number="4-19",
        says="two callbacks are answered in the other order",
        work=both("b", "a"),
        replies=(Reply(result="1", name="a"), Reply(result="2", name="b")),
        result=["2", "1"],
        history="""
            CallbackStarted b1 name=a
            CallbackStarted b2 name=b
            InvocationCompleted
            CallbackSucceeded b1 name=a result=1
            InvocationCompleted
            CallbackSucceeded b2 name=b result=2
            InvocationCompleted
        """,
    ),
    Requirement(
        number="callback-1",
        says="an answer may be bytes",
        work=asking(),
        given="approve",
        replies=(Reply(result='"é"'.encode()),),
        result='"é"',
        history="""
            CallbackStarted b1 name=approve
            InvocationCompleted
            CallbackSucceeded b1 name=approve result='"é"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="callback-2",
        says="an answer may be nothing",
        work=asking(),
        given="approve",
        replies=(Reply(result=None),),
        result=None,
        history="""
            CallbackStarted b1 name=approve
            InvocationCompleted
            CallbackSucceeded b1 name=approve
            InvocationCompleted
        """,
    ),
    Requirement(
        number="callback-3",
        says="a heartbeat does not move the callback's own time-out",
        work=asking(limited(10, 6)),
        given="approve",
        replies=(Reply(is_heartbeat=True, after=5), Reply(is_heartbeat=True, after=4)),
        ends="FAILED",
        history="""
            CallbackStarted b1 name=approve timeout=10 heartbeat=6
            InvocationCompleted
            InvocationCompleted
            CallbackTimedOut b1 name=approve error=Callback.Timeout message='Callback timed out'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="callback-4",
        says="a refusal may say nothing",
        work=asking(),
        given="approve",
        replies=(Reply(error=OperationError()),),
        ends="FAILED",
        history="""
            CallbackStarted b1 name=approve
            InvocationCompleted
            CallbackFailed b1 name=approve
            InvocationCompleted
        """,
    ),
    Requirement(
        number="callback-5",
        says="a refusal carries data and the stack of its sender",
        work=asking(),
        given="approve",
        replies=(
            Reply(
                error=OperationError(
                    type="Rejected", message="no", data='{"by": "Ann"}', stack_trace=("a", "b")
                )
            ),
        ),
        ends="FAILED",
        history="""
            CallbackStarted b1 name=approve
            InvocationCompleted
            CallbackFailed b1 name=approve error=Rejected message=no data='{"by": "Ann"}'
            InvocationCompleted
        """,
    ),
)
