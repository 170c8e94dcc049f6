"""Waits: the run gives up its machine and goes on when the time has come."""

from aws_durable_execution_sdk_python import DurableContext
from aws_durable_execution_sdk_python.config import Duration

from tests.conformance.doing import Value, seconds
from tests.support.conformance import Requirement


def twice(_given: Value, context: DurableContext) -> dict[str, int]:
    context.wait(seconds(2), name="wait-1")
    context.wait(seconds(2), name="wait-2")
    return {"completedWaits": 2}


REQUIREMENTS = (
    Requirement(
        number="2-1",
        says="a wait suspends the run and ends when its time has come",
        work=lambda _, context: context.wait(seconds(2)),
        history="""
            Wait w1 duration=2
            InvocationCompleted
        """,
    ),
    Requirement(
        number="2-2",
        says="a wait has a name",
        work=lambda _, context: context.wait(seconds(2), name="custom_wait_name"),
        history="""
            Wait w1 name=custom_wait_name duration=2
            InvocationCompleted
        """,
    ),
    Requirement(
        number="2-3",
        says="a wait follows another",
        work=twice,
        result={"completedWaits": 2},
        history="""
            Wait w1 name=wait-1 duration=2
            Wait w2 name=wait-2 duration=2
            InvocationCompleted
        """,
    ),
    Requirement(
        number="2-4",
        says="a wait is as long as its minutes",
        work=lambda _, context: context.wait(Duration.from_minutes(1)),
        ends="RUNNING",
        history="""
            WaitStarted w1 duration=60
            InvocationCompleted
        """,
    ),
    Requirement(
        number="2-5",
        says="a wait is as long as its hours",
        work=lambda _, context: context.wait(Duration.from_hours(1)),
        ends="RUNNING",
        history="""
            WaitStarted w1 duration=3600
            InvocationCompleted
        """,
    ),
    Requirement(
        number="wait-1",
        says="a wait may outlast a run's own deadline, which ends it",
        work=lambda _, context: context.wait(Duration.from_days(30)),
        ends="TIMED_OUT",
        history="""
            WaitStarted w1 duration=2592000
            InvocationCompleted
        """,
    ),
)
