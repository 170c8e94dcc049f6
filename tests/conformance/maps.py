"""Maps: one workflow for each of many items, and when they are enough."""

from aws_durable_execution_sdk_python import DurableContext
from aws_durable_execution_sdk_python.config import CompletionConfig, NestingType
from aws_durable_execution_sdk_python.serdes import JsonSerDes

from tests.conformance.batches import FAIL_FAST, Joined, counts, mapped, rethrown
from tests.conformance.doing import Value, Wrapped, seconds, value
from tests.support.conformance import Requirement


def stepping(child: DurableContext, item: Value, *_: object) -> Value:
    return child.step(value(item))


def greeting(child: DurableContext, item: str, *_: object) -> Value:
    return child.step(value(f"Hello, {item}!"))


def waiting(child: DurableContext, item: str, index: int, _items: object) -> Value:
    if index == 1:
        child.wait(seconds(1))
    return child.step(value(item))


def large(_child: DurableContext, item: str, *_: object) -> str:
    return item * 70_000


def before_a_wait(batched: Value) -> Value:
    def work(given: Value, context: DurableContext) -> Value:
        found = batched(given, context)
        context.wait(seconds(1))
        return found

    return work


def added(_child: DurableContext, item: int, index: int, _items: object) -> int:
    return item + index


def capitals(_child: DurableContext, item: str, *_: object) -> str:
    return item.upper()


JOINED: dict[str, Value] = {"serdes": Joined(), "item_serdes": JsonSerDes()}

REQUIREMENTS = (
    Requirement(
        number="9-1",
        says="a function is applied to each item",
        work=mapped(work=greeting, name="map"),
        given=["World", "Kiro"],
        result=["Hello, World!", "Hello, Kiro!"],
        history="""
            ContextStarted:Map c1 name=map
            ContextStarted:MapIteration c2<c1 name=map-item-0
            Step s1<c2 result='"Hello, World!"'
            ContextSucceeded:MapIteration c2<c1 name=map-item-0 result='"Hello, World!"'
            ContextStarted:MapIteration c3<c1 name=map-item-1
            Step s2<c3 result='"Hello, Kiro!"'
            ContextSucceeded:MapIteration c3<c1 name=map-item-1 result='"Hello, Kiro!"'
            ContextSucceeded:Map c1 name=map
            InvocationCompleted
        """,
    ),
    Requirement(
        number="9-2",
        says="a map needs no name",
        work=mapped(work=lambda _child, item, *_: item * 2),
        given=[1, 2],
        result=[2, 4],
        history="""
            ContextStarted:Map c1
            ContextStarted:MapIteration c2<c1 name=map-item-0
            ContextSucceeded:MapIteration c2<c1 name=map-item-0 result=2
            ContextStarted:MapIteration c3<c1 name=map-item-1
            ContextSucceeded:MapIteration c3<c1 name=map-item-1 result=4
            ContextSucceeded:Map c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="9-3",
        says="a function is given the item and its place",
        work=mapped(work=added),
        given=[10, 20, 30],
        result=[10, 21, 32],
        history="""
            ContextStarted:Map c1
            ContextStarted:MapIteration c2<c1 name=map-item-0
            ContextSucceeded:MapIteration c2<c1 name=map-item-0 result=10
            ContextStarted:MapIteration c3<c1 name=map-item-1
            ContextSucceeded:MapIteration c3<c1 name=map-item-1 result=21
            ContextStarted:MapIteration c4<c1 name=map-item-2
            ContextSucceeded:MapIteration c4<c1 name=map-item-2 result=32
            ContextSucceeded:Map c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="9-4",
        says="no items are over at once",
        work=mapped(),
        given=[],
        result=[],
        history="""
            ContextStarted:Map c1
            ContextSucceeded:Map c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="9-5",
        says="the first failure stops a map that is to fail fast",
        work=mapped(counts, completion_config=FAIL_FAST),
        given=["ok", "bad", "late"],
        result=["FAILURE_TOLERANCE_EXCEEDED", "FAILED", 1, 1, 2],
        history="""
            ContextStarted:Map c1
            ContextStarted:MapIteration c2<c1 name=map-item-0
            ContextSucceeded:MapIteration c2<c1 name=map-item-0 result='"ok"'
            ContextStarted:MapIteration c3<c1 name=map-item-1
            ContextFailed:MapIteration c3<c1 name=map-item-1 error=ValueError
            ContextSucceeded:Map c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="9-6",
        says="an item's error is raised when it is asked for",
        work=mapped(rethrown, completion_config=FAIL_FAST),
        given=["bad", "late"],
        ends="FAILED",
        history="""
            ContextStarted:Map c1
            ContextStarted:MapIteration c2<c1 name=map-item-0
            ContextFailed:MapIteration c2<c1 name=map-item-0 error=ValueError
            ContextSucceeded:Map c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="9-7",
        says="enough successes stop the others",
        work=mapped(counts, completion_config=CompletionConfig(min_successful=2)),
        given=["a", "b", "c", "d"],
        result=["MIN_SUCCESSFUL_REACHED", "SUCCEEDED", 2, 0, 2],
        history="""
            ContextStarted:Map c1
            ContextStarted:MapIteration c2<c1 name=map-item-0
            ContextSucceeded:MapIteration c2<c1 name=map-item-0 result='"a"'
            ContextStarted:MapIteration c3<c1 name=map-item-1
            ContextSucceeded:MapIteration c3<c1 name=map-item-1 result='"b"'
            ContextSucceeded:Map c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="9-8",
        says="a failure that is tolerated stops nobody",
        work=mapped(counts, completion_config=CompletionConfig(tolerated_failure_count=1)),
        given=["a", "bad", "c"],
        result=["ALL_COMPLETED", "FAILED", 2, 1, 3],
        history="""
            ContextStarted:Map c1
            ContextStarted:MapIteration c2<c1 name=map-item-0
            ContextSucceeded:MapIteration c2<c1 name=map-item-0 result='"a"'
            ContextStarted:MapIteration c3<c1 name=map-item-1
            ContextFailed:MapIteration c3<c1 name=map-item-1 error=ValueError
            ContextStarted:MapIteration c4<c1 name=map-item-2
            ContextSucceeded:MapIteration c4<c1 name=map-item-2 result='"c"'
            ContextSucceeded:Map c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="9-9",
        says="one failure more than is tolerated stops the others",
        work=mapped(counts, completion_config=CompletionConfig(tolerated_failure_count=1)),
        given=["bad 1", "bad 2", "late"],
        result=["FAILURE_TOLERANCE_EXCEEDED", "FAILED", 0, 2, 2],
        history="""
            ContextStarted:Map c1
            ContextStarted:MapIteration c2<c1 name=map-item-0
            ContextFailed:MapIteration c2<c1 name=map-item-0 error=ValueError
            ContextStarted:MapIteration c3<c1 name=map-item-1
            ContextFailed:MapIteration c3<c1 name=map-item-1 error=ValueError
            ContextSucceeded:Map c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="9-10",
        says="a larger part of failures than is tolerated stops the others",
        work=mapped(counts, completion_config=CompletionConfig(tolerated_failure_percentage=25)),
        given=["bad 1", "bad 2", "c", "d"],
        result=["FAILURE_TOLERANCE_EXCEEDED", "FAILED", 0, 2, 2],
        history="""
            ContextStarted:Map c1
            ContextStarted:MapIteration c2<c1 name=map-item-0
            ContextFailed:MapIteration c2<c1 name=map-item-0 error=ValueError
            ContextStarted:MapIteration c3<c1 name=map-item-1
            ContextFailed:MapIteration c3<c1 name=map-item-1 error=ValueError
            ContextSucceeded:Map c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="9-11",
        says="results are in the items' order, however they end",
        work=mapped(max_concurrency=2),
        given=["r0", "r1", "r2"],
        result=["r0", "r1", "r2"],
        history=None,
    ),
    Requirement(
        number="9-12",
        says="flat items leave no trace of their own",
        work=mapped(work=stepping, nesting_type=NestingType.FLAT),
        given=["fa", "fb"],
        result=["fa", "fb"],
        history="""
            ContextStarted:Map c1
            Step s1<c1 result='"fa"'
            Step s2<c1 result='"fb"'
            ContextSucceeded:Map c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="9-13",
        says="items are named by a function",
        work=mapped(
            work=lambda _child, item, *_: item * 10,
            name="named-items",
            item_namer=lambda item, _index: f"item-{item}",
        ),
        given=[1, 2],
        result=[10, 20],
        history="""
            ContextStarted:Map c1 name=named-items
            ContextStarted:MapIteration c2<c1 name=item-1
            ContextSucceeded:MapIteration c2<c1 name=item-1 result=10
            ContextStarted:MapIteration c3<c1 name=item-2
            ContextSucceeded:MapIteration c3<c1 name=item-2 result=20
            ContextSucceeded:Map c1 name=named-items
            InvocationCompleted
        """,
    ),
    Requirement(
        number="9-14",
        says="results of items have a serialiser of their own",
        work=mapped(work=capitals, item_serdes=Wrapped()),
        given=["x", "y"],
        result=["X", "Y"],
        history="""
            ContextStarted:Map c1
            ContextStarted:MapIteration c2<c1 name=map-item-0
            ContextSucceeded:MapIteration c2<c1 name=map-item-0 result=wrapped:X
            ContextStarted:MapIteration c3<c1 name=map-item-1
            ContextSucceeded:MapIteration c3<c1 name=map-item-1 result=wrapped:Y
            ContextSucceeded:Map c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="9-15",
        says="an item waits while another is done",
        work=mapped(work=waiting),
        given=["r0", "r1"],
        result=["r0", "r1"],
        history="""
            ContextStarted:Map c1
            ContextStarted:MapIteration c2<c1 name=map-item-0
            Step s1<c2 result='"r0"'
            ContextSucceeded:MapIteration c2<c1 name=map-item-0 result='"r0"'
            ContextStarted:MapIteration c3<c1 name=map-item-1
            Wait w1<c3 duration=1
            Step s2<c3 result='"r1"'
            ContextSucceeded:MapIteration c3<c1 name=map-item-1 result='"r1"'
            ContextSucceeded:Map c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="9-16",
        says="results that are together too large are made again from the items",
        work=before_a_wait(mapped(counts, large, name="large")),
        given=["x", "x", "x", "x"],
        result=["ALL_COMPLETED", "SUCCEEDED", 4, 0, 4],
        history="""
            ContextStarted:Map c1 name=large
            ContextStarted:MapIteration c2<c1 name=map-item-0
            ContextSucceeded:MapIteration c2<c1 name=map-item-0
            ContextStarted:MapIteration c3<c1 name=map-item-1
            ContextSucceeded:MapIteration c3<c1 name=map-item-1
            ContextStarted:MapIteration c4<c1 name=map-item-2
            ContextSucceeded:MapIteration c4<c1 name=map-item-2
            ContextStarted:MapIteration c5<c1 name=map-item-3
            ContextSucceeded:MapIteration c5<c1 name=map-item-3
            ContextSucceeded:Map c1 name=large
            Wait w1 duration=1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="9-17",
        says="a map is replayed with its results",
        work=before_a_wait(mapped(work=capitals)),
        given=["a", "b"],
        result=["A", "B"],
        history="""
            ContextStarted:Map c1
            ContextStarted:MapIteration c2<c1 name=map-item-0
            ContextSucceeded:MapIteration c2<c1 name=map-item-0 result='"A"'
            ContextStarted:MapIteration c3<c1 name=map-item-1
            ContextSucceeded:MapIteration c3<c1 name=map-item-1 result='"B"'
            ContextSucceeded:Map c1
            Wait w1 duration=1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="9-18",
        says="a map is replayed with its failures",
        work=before_a_wait(
            mapped(counts, completion_config=CompletionConfig(tolerated_failure_count=1))
        ),
        given=["ok", "bad"],
        result=["ALL_COMPLETED", "FAILED", 1, 1, 2],
        history="""
            ContextStarted:Map c1
            ContextStarted:MapIteration c2<c1 name=map-item-0
            ContextSucceeded:MapIteration c2<c1 name=map-item-0 result='"ok"'
            ContextStarted:MapIteration c3<c1 name=map-item-1
            ContextFailed:MapIteration c3<c1 name=map-item-1 error=ValueError
            ContextSucceeded:Map c1
            Wait w1 duration=1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="9-19",
        says="a map as a whole has a serialiser of its own",
        work=mapped(work=capitals, **JOINED),
        given=["x", "y"],
        result=["X", "Y"],
        history="""
            ContextStarted:Map c1
            ContextStarted:MapIteration c2<c1 name=map-item-0
            ContextSucceeded:MapIteration c2<c1 name=map-item-0 result='"X"'
            ContextStarted:MapIteration c3<c1 name=map-item-1
            ContextSucceeded:MapIteration c3<c1 name=map-item-1 result='"Y"'
            ContextSucceeded:Map c1 result=joined:X,Y
            InvocationCompleted
        """,
    ),
    Requirement(
        number="9-20",
        says="a map as a whole is read by its serialiser when it is replayed",
        work=before_a_wait(mapped(work=capitals, **JOINED)),
        given=["x", "y"],
        result=["X", "Y"],
        history="""
            ContextStarted:Map c1
            ContextStarted:MapIteration c2<c1 name=map-item-0
            ContextSucceeded:MapIteration c2<c1 name=map-item-0 result='"X"'
            ContextStarted:MapIteration c3<c1 name=map-item-1
            ContextSucceeded:MapIteration c3<c1 name=map-item-1 result='"Y"'
            ContextSucceeded:Map c1 result=joined:X,Y
            Wait w1 duration=1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="map-1",
        says="a large map is recorded with its summary",
        work=before_a_wait(
            mapped(counts, large, summary_generator=lambda batch: f"{batch.success_count} texts")
        ),
        given=["x", "x", "x", "x"],
        result=["ALL_COMPLETED", "SUCCEEDED", 4, 0, 4],
        history="""
            ContextStarted:Map c1
            ContextStarted:MapIteration c2<c1 name=map-item-0
            ContextSucceeded:MapIteration c2<c1 name=map-item-0
            ContextStarted:MapIteration c3<c1 name=map-item-1
            ContextSucceeded:MapIteration c3<c1 name=map-item-1
            ContextStarted:MapIteration c4<c1 name=map-item-2
            ContextSucceeded:MapIteration c4<c1 name=map-item-2
            ContextStarted:MapIteration c5<c1 name=map-item-3
            ContextSucceeded:MapIteration c5<c1 name=map-item-3
            ContextSucceeded:Map c1
            Wait w1 duration=1
            InvocationCompleted
        """,
    ),
)
