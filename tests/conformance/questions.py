"""`wait_for_callback`: a callback that is handed to somebody, and waited for, as one operation."""

import json

from aws_durable_execution_sdk_python import DurableContext
from aws_durable_execution_sdk_python.config import WaitForCallbackConfig
from aws_durable_execution_sdk_python.exceptions import CallbackError
from aws_durable_execution_sdk_python.serdes import JsonSerDes

from runs.operations import OperationError
from tests.conformance.doing import Value, failing, retried, seconds, value
from tests.support.conformance import Reply, Requirement

YES = Reply(result='"yes"')
NO = Reply(error=OperationError(type="RejectedError", message="not approved"))


def asking(**config: Value) -> Value:
    return lambda given, context: context.wait_for_callback(
        value(None), name=given, config=WaitForCallbackConfig(**config)
    )


def caught(recovered: str, **config: Value) -> Value:
    def work(given: Value, context: DurableContext) -> Value:
        try:
            return asking(**config)(given, context)
        except CallbackError:
            return recovered

    return work


def one_after_the_other(_given: Value, context: DurableContext) -> Value:
    asking()("first", context)
    return asking()("second", context)


def after_others(given: Value, context: DurableContext) -> Value:
    context.wait(seconds(1))
    context.step(value("data"))
    return asking()(given, context)


def read_as_json(given: Value, context: DurableContext) -> Value:
    return asking(serdes=JsonSerDes())(given, context)["status"]


REQUIREMENTS = (
    Requirement(
        number="7-1",
        says="a question is submitted and answered",
        work=asking(),
        given="ask",
        replies=(YES,),
        result='"yes"',
        history="""
            ContextStarted:WaitForCallback c1 name=ask
            CallbackStarted b1<c1 name='ask create callback id'
            Step s1<c1 name='ask submitter' result=null
            InvocationCompleted
            CallbackSucceeded b1<c1 name='ask create callback id' result='"yes"'
            ContextSucceeded:WaitForCallback c1 name=ask
            InvocationCompleted
        """,
    ),
    Requirement(
        number="7-2",
        says="a question has a name",
        work=lambda _, context: context.wait_for_callback(value(None), name="approval"),
        replies=(YES,),
        result='"yes"',
        history="""
            ContextStarted:WaitForCallback c1 name=approval
            CallbackStarted b1<c1 name='approval create callback id'
            Step s1<c1 name='approval submitter' result=null
            InvocationCompleted
            CallbackSucceeded b1<c1 name='approval create callback id' result='"yes"'
            ContextSucceeded:WaitForCallback c1 name=approval
            InvocationCompleted
        """,
    ),
    Requirement(
        number="7-3",
        says="a question has no name",
        work=lambda _, context: context.wait_for_callback(value(None)),
        replies=(YES,),
        result='"yes"',
        history="""
            ContextStarted:WaitForCallback c1
            CallbackStarted b1<c1 name='create callback id'
            Step s1<c1 name=submitter result=null
            InvocationCompleted
            CallbackSucceeded b1<c1 name='create callback id' result='"yes"'
            ContextSucceeded:WaitForCallback c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="7-4",
        says="a question is refused",
        work=asking(),
        given="ask",
        replies=(NO,),
        ends="FAILED",
        history="""
            ContextStarted:WaitForCallback c1 name=ask
            CallbackStarted b1<c1 name='ask create callback id'
            Step s1<c1 name='ask submitter' result=null
            InvocationCompleted
            CallbackFailed b1<c1 name='ask create callback id' error=RejectedError
            ContextFailed:WaitForCallback c1 name=ask
            InvocationCompleted
        """,
    ),
    Requirement(
        number="7-5",
        says="a question times out",
        work=asking(timeout=seconds(3)),
        given="ask",
        ends="FAILED",
        history="""
            ContextStarted:WaitForCallback c1 name=ask
            CallbackStarted b1<c1 name='ask create callback id' timeout=3
            Step s1<c1 name='ask submitter' result=null
            InvocationCompleted
            CallbackTimedOut b1<c1 name='ask create callback id' error=Callback.Timeout
            ContextFailed:WaitForCallback c1 name=ask
            InvocationCompleted
        """,
    ),
    Requirement(
        number="7-6",
        says="a refusal may be caught",
        work=caught("recovered"),
        given="ask",
        replies=(NO,),
        result="recovered",
        history="""
            ContextStarted:WaitForCallback c1 name=ask
            CallbackStarted b1<c1 name='ask create callback id'
            Step s1<c1 name='ask submitter' result=null
            InvocationCompleted
            CallbackFailed b1<c1 name='ask create callback id' error=RejectedError
            ContextFailed:WaitForCallback c1 name=ask
            InvocationCompleted
        """,
    ),
    Requirement(
        number="7-7",
        says="a question that can't be submitted fails",
        work=lambda given, context: context.wait_for_callback(
            failing("no mail"),
            name=given,
            config=WaitForCallbackConfig(retry_strategy=retried(2).retry_strategy),
        ),
        given="ask",
        ends="FAILED",
        history="""
            ContextStarted:WaitForCallback c1 name=ask
            CallbackStarted b1<c1 name='ask create callback id'
            StepStarted s1<c1 name='ask submitter'
            StepFailed s1<c1 name='ask submitter' attempt=1 delay=1 error=ValueError
            InvocationCompleted
            StepStarted s1<c1 name='ask submitter'
            StepFailed s1<c1 name='ask submitter' attempt=2 error=ValueError
            ContextFailed:WaitForCallback c1 name=ask error=StepError
            InvocationCompleted
        """,
    ),
    Requirement(
        number="7-8",
        says="a question is in a context",
        work=lambda given, context: context.run_in_child_context(
            lambda child: asking()(given, child), name="wrapper"
        ),
        given="ask",
        replies=(YES,),
        result='"yes"',
        history="""
            ContextStarted:RunInChildContext c1 name=wrapper
            ContextStarted:WaitForCallback c2<c1 name=ask
            CallbackStarted b1<c2 name='ask create callback id'
            Step s1<c2 name='ask submitter' result=null
            InvocationCompleted
            CallbackSucceeded b1<c2 name='ask create callback id' result='"yes"'
            ContextSucceeded:WaitForCallback c2<c1 name=ask
            ContextSucceeded:RunInChildContext c1 name=wrapper
            InvocationCompleted
        """,
    ),
    Requirement(
        number="7-9",
        says="a question follows another",
        work=one_after_the_other,
        replies=(Reply(result="1"), Reply(result="2")),
        result="2",
        history="""
            ContextStarted:WaitForCallback c1 name=first
            CallbackStarted b1<c1 name='first create callback id'
            Step s1<c1 name='first submitter' result=null
            InvocationCompleted
            CallbackSucceeded b1<c1 name='first create callback id' result=1
            ContextSucceeded:WaitForCallback c1 name=first result='"1"'
            ContextStarted:WaitForCallback c2 name=second
            CallbackStarted b2<c2 name='second create callback id'
            Step s2<c2 name='second submitter' result=null
            InvocationCompleted
            CallbackSucceeded b2<c2 name='second create callback id' result=2
            ContextSucceeded:WaitForCallback c2 name=second result='"2"'
            InvocationCompleted
        """,
    ),
    Requirement(
        number="7-10",
        says="a question follows a wait and a step",
        work=after_others,
        given="ask",
        replies=(YES,),
        result='"yes"',
        history="""
            Wait w1 duration=1
            Step s1 result='"data"'
            ContextStarted:WaitForCallback c1 name=ask
            CallbackStarted b1<c1 name='ask create callback id'
            Step s2<c1 name='ask submitter' result=null
            InvocationCompleted
            CallbackSucceeded b1<c1 name='ask create callback id' result='"yes"'
            ContextSucceeded:WaitForCallback c1 name=ask
            InvocationCompleted
        """,
    ),
    Requirement(
        number="7-11",
        says="a serialiser reads the answer",
        work=read_as_json,
        given="ask",
        replies=(Reply(result=json.dumps({"status": "approved"})),),
        result="approved",
        history="""
            ContextStarted:WaitForCallback c1 name=ask
            CallbackStarted b1<c1 name='ask create callback id'
            Step s1<c1 name='ask submitter' result=null
            InvocationCompleted
            CallbackSucceeded b1<c1 name='ask create callback id' result='{"status": "approved"}'
            ContextSucceeded:WaitForCallback c1 name=ask
            InvocationCompleted
        """,
    ),
    Requirement(
        number="7-12",
        says="a question without heartbeats times out",
        work=asking(heartbeat_timeout=seconds(5)),
        given="ask",
        ends="FAILED",
        history="""
            ContextStarted:WaitForCallback c1 name=ask
            CallbackStarted b1<c1 name='ask create callback id' heartbeat=5
            Step s1<c1 name='ask submitter' result=null
            InvocationCompleted
            CallbackTimedOut b1<c1 name='ask create callback id' error=Callback.Heartbeat
            ContextFailed:WaitForCallback c1 name=ask
            InvocationCompleted
        """,
    ),
    Requirement(
        number="7-13",
        says="a heartbeat keeps a question open",
        work=asking(heartbeat_timeout=seconds(10)),
        given="ask",
        replies=(Reply(is_heartbeat=True, after=8), Reply(result='"yes"', after=8)),
        result='"yes"',
        history="""
            ContextStarted:WaitForCallback c1 name=ask
            CallbackStarted b1<c1 name='ask create callback id' heartbeat=10
            Step s1<c1 name='ask submitter' result=null
            InvocationCompleted
            CallbackSucceeded b1<c1 name='ask create callback id' result='"yes"'
            ContextSucceeded:WaitForCallback c1 name=ask
            InvocationCompleted
        """,
    ),
    Requirement(
        number="7-14",
        says="a time-out may be caught",
        work=caught("timed-out-handled", timeout=seconds(3)),
        given="ask",
        result="timed-out-handled",
        history="""
            ContextStarted:WaitForCallback c1 name=ask
            CallbackStarted b1<c1 name='ask create callback id' timeout=3
            Step s1<c1 name='ask submitter' result=null
            InvocationCompleted
            CallbackTimedOut b1<c1 name='ask create callback id' error=Callback.Timeout
            ContextFailed:WaitForCallback c1 name=ask
            InvocationCompleted
        """,
    ),
    Requirement(
        number="7-15",
        says="an answer may be nothing",
        work=asking(),
        given="ask",
        replies=(Reply(),),
        result=None,
        history="""
            ContextStarted:WaitForCallback c1 name=ask
            CallbackStarted b1<c1 name='ask create callback id'
            Step s1<c1 name='ask submitter' result=null
            InvocationCompleted
            CallbackSucceeded b1<c1 name='ask create callback id'
            ContextSucceeded:WaitForCallback c1 name=ask result=null
            InvocationCompleted
        """,
    ),
)
