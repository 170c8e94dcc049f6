"""Parallels: branches beside each other, and when they are enough."""

from aws_durable_execution_sdk_python import DurableContext
from aws_durable_execution_sdk_python.config import (
    CompletionConfig,
    NestingType,
    ParallelBranch,
    ParallelConfig,
)

from tests.conformance.batches import (
    FAIL_FAST,
    Batch,
    counts,
    enough,
    parallel,
    results,
    rethrown,
)
from tests.conformance.doing import Value, Wrapped, seconds, value
from tests.support.conformance import Requirement


def stepping(child: DurableContext, item: Value) -> Value:
    return child.step(value(item))


def named(_given: Value, context: DurableContext) -> Value:
    branches: list[Value] = [
        ParallelBranch(func=value("one"), name="first"),
        ParallelBranch(func=value("two"), name="second"),
    ]
    return results(
        context.parallel(branches, name="parallel", config=ParallelConfig(max_concurrency=1))
    )


def waiting(child: DurableContext, item: Value) -> Value:
    if item == "b0":
        return child.step(value(item))
    child.wait(seconds(2))
    return item


def pausing(child: DurableContext, item: int) -> int:
    child.wait(seconds(item))
    return item


def none_at_a_time(given: Value, context: DurableContext) -> Value:
    return parallel(max_concurrency=0)(given, context)


def accessors(batch: Batch) -> list[Value]:
    return [
        batch.has_failure,
        len(batch.succeeded()),
        len(batch.failed()),
        [error.message for error in batch.get_errors() if error],
    ]


def inner(child: DurableContext, item: Value) -> Value:
    return parallel(branch=stepping, name="inner")(item, child)


def tolerating(
    count: int | None = None, percentage: float | None = None, successes: int | None = None
) -> CompletionConfig:
    return CompletionConfig(
        tolerated_failure_count=count,
        tolerated_failure_percentage=percentage,
        min_successful=successes,
    )


REQUIREMENTS = (
    Requirement(
        number="8-1",
        says="branches of a step each give their results in order",
        work=parallel(branch=stepping, name="parallel"),
        given=["task-1", "task-2"],
        result=["task-1", "task-2"],
        history="""
            ContextStarted:Parallel c1 name=parallel
            ContextStarted:ParallelBranch c2<c1 name=parallel-branch-0
            Step s1<c2 result='"task-1"'
            ContextSucceeded:ParallelBranch c2<c1 name=parallel-branch-0 result='"task-1"'
            ContextStarted:ParallelBranch c3<c1 name=parallel-branch-1
            Step s2<c3 result='"task-2"'
            ContextSucceeded:ParallelBranch c3<c1 name=parallel-branch-1 result='"task-2"'
            ContextSucceeded:Parallel c1 name=parallel
            InvocationCompleted
        """,
    ),
    Requirement(
        number="8-2",
        says="branches need no name",
        work=parallel(),
        given=["alpha", "beta"],
        result=["alpha", "beta"],
        history="""
            ContextStarted:Parallel c1
            ContextStarted:ParallelBranch c2<c1 name=parallel-branch-0
            ContextSucceeded:ParallelBranch c2<c1 name=parallel-branch-0 result='"alpha"'
            ContextStarted:ParallelBranch c3<c1 name=parallel-branch-1
            ContextSucceeded:ParallelBranch c3<c1 name=parallel-branch-1 result='"beta"'
            ContextSucceeded:Parallel c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="8-3",
        says="branches have names",
        work=named,
        result=["one", "two"],
        history="""
            ContextStarted:Parallel c1 name=parallel
            ContextStarted:ParallelBranch c2<c1 name=first
            ContextSucceeded:ParallelBranch c2<c1 name=first result='"one"'
            ContextStarted:ParallelBranch c3<c1 name=second
            ContextSucceeded:ParallelBranch c3<c1 name=second result='"two"'
            ContextSucceeded:Parallel c1 name=parallel
            InvocationCompleted
        """,
    ),
    Requirement(
        number="8-4",
        says="branches give results of any type",
        work=parallel(),
        given=["hello", 42, {"k": "v"}],
        result=["hello", 42, {"k": "v"}],
        history="""
            ContextStarted:Parallel c1
            ContextStarted:ParallelBranch c2<c1 name=parallel-branch-0
            ContextSucceeded:ParallelBranch c2<c1 name=parallel-branch-0 result='"hello"'
            ContextStarted:ParallelBranch c3<c1 name=parallel-branch-1
            ContextSucceeded:ParallelBranch c3<c1 name=parallel-branch-1 result=42
            ContextStarted:ParallelBranch c4<c1 name=parallel-branch-2
            ContextSucceeded:ParallelBranch c4<c1 name=parallel-branch-2
            ContextSucceeded:Parallel c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="8-5",
        says="no branches are over at once",
        work=parallel(),
        given=[],
        result=[],
        history="""
            ContextStarted:Parallel c1
            ContextSucceeded:Parallel c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="8-6",
        says="the first failure stops branches that are to fail fast",
        work=parallel(counts, completion_config=FAIL_FAST),
        given=["ok", "bad", "late"],
        result=["FAILURE_TOLERANCE_EXCEEDED", "FAILED", 1, 1, 2],
        history="""
            ContextStarted:Parallel c1
            ContextStarted:ParallelBranch c2<c1 name=parallel-branch-0
            ContextSucceeded:ParallelBranch c2<c1 name=parallel-branch-0 result='"ok"'
            ContextStarted:ParallelBranch c3<c1 name=parallel-branch-1
            ContextFailed:ParallelBranch c3<c1 name=parallel-branch-1 error=ValueError
            ContextSucceeded:Parallel c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="8-7",
        says="a branch's error is raised when it is asked for",
        work=parallel(rethrown, completion_config=FAIL_FAST),
        given=["bad", "late"],
        ends="FAILED",
        history="""
            ContextStarted:Parallel c1
            ContextStarted:ParallelBranch c2<c1 name=parallel-branch-0
            ContextFailed:ParallelBranch c2<c1 name=parallel-branch-0 error=ValueError
            ContextSucceeded:Parallel c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="8-8",
        says="enough successes stop the others",
        work=parallel(counts, completion_config=CompletionConfig(min_successful=2)),
        given=["a", "b", "c", "d"],
        result=["MIN_SUCCESSFUL_REACHED", "SUCCEEDED", 2, 0, 2],
        history="""
            ContextStarted:Parallel c1
            ContextStarted:ParallelBranch c2<c1 name=parallel-branch-0
            ContextSucceeded:ParallelBranch c2<c1 name=parallel-branch-0 result='"a"'
            ContextStarted:ParallelBranch c3<c1 name=parallel-branch-1
            ContextSucceeded:ParallelBranch c3<c1 name=parallel-branch-1 result='"b"'
            ContextSucceeded:Parallel c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="8-9",
        says="a failure that is tolerated stops nobody",
        work=parallel(counts, completion_config=tolerating(1)),
        given=["a", "bad", "c"],
        result=["ALL_COMPLETED", "FAILED", 2, 1, 3],
        history="""
            ContextStarted:Parallel c1
            ContextStarted:ParallelBranch c2<c1 name=parallel-branch-0
            ContextSucceeded:ParallelBranch c2<c1 name=parallel-branch-0 result='"a"'
            ContextStarted:ParallelBranch c3<c1 name=parallel-branch-1
            ContextFailed:ParallelBranch c3<c1 name=parallel-branch-1 error=ValueError
            ContextStarted:ParallelBranch c4<c1 name=parallel-branch-2
            ContextSucceeded:ParallelBranch c4<c1 name=parallel-branch-2 result='"c"'
            ContextSucceeded:Parallel c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="8-10",
        says="one failure more than is tolerated stops the others",
        work=parallel(counts, completion_config=tolerating(1)),
        given=["bad 1", "bad 2", "late"],
        result=["FAILURE_TOLERANCE_EXCEEDED", "FAILED", 0, 2, 2],
        history="""
            ContextStarted:Parallel c1
            ContextStarted:ParallelBranch c2<c1 name=parallel-branch-0
            ContextFailed:ParallelBranch c2<c1 name=parallel-branch-0 error=ValueError
            ContextStarted:ParallelBranch c3<c1 name=parallel-branch-1
            ContextFailed:ParallelBranch c3<c1 name=parallel-branch-1 error=ValueError
            ContextSucceeded:Parallel c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="8-11",
        says="results are in the branches' order, however they end",
        work=parallel(max_concurrency=2),
        given=["r0", "r1", "r2"],
        result=["r0", "r1", "r2"],
        history=None,
    ),
    Requirement(
        number="8-12",
        says="flat branches leave no trace of their own",
        work=parallel(branch=stepping, nesting_type=NestingType.FLAT),
        given=["fa", "fb"],
        result=["fa", "fb"],
        history="""
            ContextStarted:Parallel c1
            Step s1<c1 result='"fa"'
            Step s2<c1 result='"fb"'
            ContextSucceeded:Parallel c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="8-13",
        says="a larger part of failures than is tolerated stops the others",
        work=parallel(counts, completion_config=tolerating(percentage=25)),
        given=["bad 1", "bad 2", "c", "d"],
        result=["FAILURE_TOLERANCE_EXCEEDED", "FAILED", 0, 2, 2],
        history="""
            ContextStarted:Parallel c1
            ContextStarted:ParallelBranch c2<c1 name=parallel-branch-0
            ContextFailed:ParallelBranch c2<c1 name=parallel-branch-0 error=ValueError
            ContextStarted:ParallelBranch c3<c1 name=parallel-branch-1
            ContextFailed:ParallelBranch c3<c1 name=parallel-branch-1 error=ValueError
            ContextSucceeded:Parallel c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="8-14",
        says="a branch waits while another is done",
        work=parallel(branch=waiting),
        given=["b0", "b1"],
        result=["b0", "b1"],
        history="""
            ContextStarted:Parallel c1
            ContextStarted:ParallelBranch c2<c1 name=parallel-branch-0
            Step s1<c2 result='"b0"'
            ContextSucceeded:ParallelBranch c2<c1 name=parallel-branch-0 result='"b0"'
            ContextStarted:ParallelBranch c3<c1 name=parallel-branch-1
            Wait w1<c3 duration=2
            ContextSucceeded:ParallelBranch c3<c1 name=parallel-branch-1 result='"b1"'
            ContextSucceeded:Parallel c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="8-15",
        says="results of branches have a serialiser of their own",
        work=parallel(item_serdes=Wrapped()),
        given=["x", "y"],
        result=["x", "y"],
        history="""
            ContextStarted:Parallel c1
            ContextStarted:ParallelBranch c2<c1 name=parallel-branch-0
            ContextSucceeded:ParallelBranch c2<c1 name=parallel-branch-0 result=wrapped:x
            ContextStarted:ParallelBranch c3<c1 name=parallel-branch-1
            ContextSucceeded:ParallelBranch c3<c1 name=parallel-branch-1 result=wrapped:y
            ContextSucceeded:Parallel c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="8-16",
        says="branches may all fail",
        work=parallel(counts, completion_config=tolerating(3)),
        given=["bad 1", "bad 2", "bad 3"],
        result=["ALL_COMPLETED", "FAILED", 0, 3, 3],
        history="""
            ContextStarted:Parallel c1
            ContextStarted:ParallelBranch c2<c1 name=parallel-branch-0
            ContextFailed:ParallelBranch c2<c1 name=parallel-branch-0 error=ValueError
            ContextStarted:ParallelBranch c3<c1 name=parallel-branch-1
            ContextFailed:ParallelBranch c3<c1 name=parallel-branch-1 error=ValueError
            ContextStarted:ParallelBranch c4<c1 name=parallel-branch-2
            ContextFailed:ParallelBranch c4<c1 name=parallel-branch-2 error=ValueError
            ContextSucceeded:Parallel c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="8-17",
        says="too few successes let all branches run",
        work=parallel(counts, completion_config=CompletionConfig(min_successful=3)),
        given=["a", "bad", "c"],
        result=["ALL_COMPLETED", "FAILED", 2, 1, 3],
        history="""
            ContextStarted:Parallel c1
            ContextStarted:ParallelBranch c2<c1 name=parallel-branch-0
            ContextSucceeded:ParallelBranch c2<c1 name=parallel-branch-0 result='"a"'
            ContextStarted:ParallelBranch c3<c1 name=parallel-branch-1
            ContextFailed:ParallelBranch c3<c1 name=parallel-branch-1 error=ValueError
            ContextStarted:ParallelBranch c4<c1 name=parallel-branch-2
            ContextSucceeded:ParallelBranch c4<c1 name=parallel-branch-2 result='"c"'
            ContextSucceeded:Parallel c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="8-18",
        says="of two limits the first to be met counts",
        work=parallel(counts, completion_config=tolerating(1, successes=3)),
        given=["bad 1", "bad 2", "c", "d"],
        result=["FAILURE_TOLERANCE_EXCEEDED", "FAILED", 0, 2, 2],
        history="""
            ContextStarted:Parallel c1
            ContextStarted:ParallelBranch c2<c1 name=parallel-branch-0
            ContextFailed:ParallelBranch c2<c1 name=parallel-branch-0 error=ValueError
            ContextStarted:ParallelBranch c3<c1 name=parallel-branch-1
            ContextFailed:ParallelBranch c3<c1 name=parallel-branch-1 error=ValueError
            ContextSucceeded:Parallel c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="8-19",
        says="no branch at a time is refused",
        work=none_at_a_time,
        given=["a", "b"],
        ends="FAILED",
        history="""
            InvocationCompleted
        """,
    ),
    Requirement(
        number="8-20",
        says="a batch gives its failures and successes apart",
        work=parallel(accessors, completion_config=tolerating(1)),
        given=["a", "bad", "c"],
        result=[True, 2, 1, ["bad"]],
        history="""
            ContextStarted:Parallel c1
            ContextStarted:ParallelBranch c2<c1 name=parallel-branch-0
            ContextSucceeded:ParallelBranch c2<c1 name=parallel-branch-0 result='"a"'
            ContextStarted:ParallelBranch c3<c1 name=parallel-branch-1
            ContextFailed:ParallelBranch c3<c1 name=parallel-branch-1 error=ValueError
            ContextStarted:ParallelBranch c4<c1 name=parallel-branch-2
            ContextSucceeded:ParallelBranch c4<c1 name=parallel-branch-2 result='"c"'
            ContextSucceeded:Parallel c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="8-21",
        says="a branch has branches",
        work=parallel(branch=inner, name="outer"),
        given=[["i1", "i2"]],
        result=[["i1", "i2"]],
        history="""
            ContextStarted:Parallel c1 name=outer
            ContextStarted:ParallelBranch c2<c1 name=parallel-branch-0
            ContextStarted:Parallel c3<c2 name=inner
            ContextStarted:ParallelBranch c4<c3 name=parallel-branch-0
            Step s1<c4 result='"i1"'
            ContextSucceeded:ParallelBranch c4<c3 name=parallel-branch-0 result='"i1"'
            ContextStarted:ParallelBranch c5<c3 name=parallel-branch-1
            Step s2<c5 result='"i2"'
            ContextSucceeded:ParallelBranch c5<c3 name=parallel-branch-1 result='"i2"'
            ContextSucceeded:Parallel c3<c2 name=inner
            ContextSucceeded:ParallelBranch c2<c1 name=parallel-branch-0 result='["i1","i2"]'
            ContextSucceeded:Parallel c1 name=outer
            InvocationCompleted
        """,
    ),
    Requirement(
        number="8-22",
        says="as large a part of failures as is tolerated stops nobody",
        work=parallel(counts, completion_config=tolerating(percentage=25)),
        given=["bad", "b", "c", "d"],
        result=["ALL_COMPLETED", "FAILED", 3, 1, 4],
        history="""
            ContextStarted:Parallel c1
            ContextStarted:ParallelBranch c2<c1 name=parallel-branch-0
            ContextFailed:ParallelBranch c2<c1 name=parallel-branch-0 error=ValueError
            ContextStarted:ParallelBranch c3<c1 name=parallel-branch-1
            ContextSucceeded:ParallelBranch c3<c1 name=parallel-branch-1 result='"b"'
            ContextStarted:ParallelBranch c4<c1 name=parallel-branch-2
            ContextSucceeded:ParallelBranch c4<c1 name=parallel-branch-2 result='"c"'
            ContextStarted:ParallelBranch c5<c1 name=parallel-branch-3
            ContextSucceeded:ParallelBranch c5<c1 name=parallel-branch-3 result='"d"'
            ContextSucceeded:Parallel c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="parallel-1",
        says="branches wait beside each other, and flat ones too",
        work=parallel(branch=pausing, max_concurrency=None, nesting_type=NestingType.FLAT),
        given=[5, 1, 3],
        result=[5, 1, 3],
        history=None,
    ),
    Requirement(
        number="parallel-2",
        says="a rule of the workflow's own stops the others with success",
        work=parallel(counts, completion_config=enough(2)),
        given=["a", "bad", "c"],
        result=["CUSTOM_COMPLETION_SUCCEEDED", "SUCCEEDED", 1, 1, 2],
        history="""
            ContextStarted:Parallel c1
            ContextStarted:ParallelBranch c2<c1 name=parallel-branch-0
            ContextSucceeded:ParallelBranch c2<c1 name=parallel-branch-0 result='"a"'
            ContextStarted:ParallelBranch c3<c1 name=parallel-branch-1
            ContextFailed:ParallelBranch c3<c1 name=parallel-branch-1 error=ValueError
            ContextSucceeded:Parallel c1
            InvocationCompleted
        """,
    ),
    Requirement(
        number="parallel-3",
        says="a rule of the workflow's own stops the others with a failure",
        work=parallel(counts, completion_config=enough(2, fails=True)),
        given=["a", "b", "c"],
        result=["CUSTOM_COMPLETION_FAILED", "FAILED", 2, 0, 2],
        history="""
            ContextStarted:Parallel c1
            ContextStarted:ParallelBranch c2<c1 name=parallel-branch-0
            ContextSucceeded:ParallelBranch c2<c1 name=parallel-branch-0 result='"a"'
            ContextStarted:ParallelBranch c3<c1 name=parallel-branch-1
            ContextSucceeded:ParallelBranch c3<c1 name=parallel-branch-1 result='"b"'
            ContextSucceeded:Parallel c1
            InvocationCompleted
        """,
    ),
)
