"""Workflows that use every durable operation, for tests against the rules of the service."""

import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python import (
    BatchResult,
    DurableContext,
    StepContext,
    durable_execution,
)
from aws_durable_execution_sdk_python.config import (
    CallbackConfig,
    ChildConfig,
    CompletionConfig,
    Duration,
    JitterStrategy,
    MapConfig,
    NestingType,
    ParallelConfig,
    StepConfig,
    WaitForCallbackConfig,
)
from aws_durable_execution_sdk_python.retries import (
    RetryStrategyConfig,
    create_retry_strategy,
)
from aws_durable_execution_sdk_python.serdes import SerDes, SerDesContext
from aws_durable_execution_sdk_python.types import WaitForCallbackContext

from agent.registry import Registry
from tests.support.workflows import REGISTRY as SMALL
from tests.support.workflows import note

Event = Any

ONCE = StepConfig(retry_strategy=create_retry_strategy(RetryStrategyConfig(max_attempts=1)))
TWICE = StepConfig(
    retry_strategy=create_retry_strategy(
        RetryStrategyConfig(
            max_attempts=2,
            initial_delay=Duration.from_seconds(1),
            backoff_rate=1.0,
            jitter_strategy=JitterStrategy.NONE,
        )
    )
)


class Reversed(SerDes[str]):
    """Writes a text backwards, so that a test sees who wrote it."""

    def serialize(self, value: str, _: SerDesContext) -> str:
        """Write it."""
        return value[::-1]

    def deserialize(self, data: str, _: SerDesContext) -> str:
        """Read it."""
        return data[::-1]


@durable_execution
def echo(event: Event, context: DurableContext) -> Event:
    """Give back what was given, by way of a step."""
    return context.step(lambda _: event, name="echo")


@durable_execution
def breaks(event: Event, context: DurableContext) -> None:
    """Fail in a step."""

    def work(_step: StepContext) -> None:
        msg = f"broken by {event}"
        raise ValueError(msg)

    context.step(work, name="break", config=ONCE)


@durable_execution
def sleeps(event: Event, context: DurableContext) -> str:
    """Wait for an hour."""
    context.wait(Duration.from_seconds(3_600), name="long")
    return f"slept for {event}"


@durable_execution
def invokes(event: Event, context: DurableContext) -> Event:
    """Invoke the workflow that the prompt's JSON names, with what it names, between two steps."""
    asked: Mapping[str, Any] = json.loads(event["prompt"])
    context.step(lambda _: "before", name="before")
    given: Event = context.invoke(asked["workflow"], asked["payload"], name="child")
    return context.step(lambda _: {"from child": given}, name="after")


@durable_execution
def fans_out(event: Event, context: DurableContext) -> list[Event]:
    """Invoke `echo` in as many branches as the prompt says."""

    def branch(child: DurableContext, item: int, _index: int, _items: Any) -> Event:  # noqa: ANN401 - the SDK's
        return child.invoke("echo", {"item": item}, name=f"echo {item}")

    found: BatchResult[Event] = context.map(list(range(int(event["prompt"]))), branch, name="all")
    return found.get_results()


@durable_execution
def approves(event: Event, context: DurableContext) -> str:
    """Ask somebody, as `wait_for_callback` does, with the prompt's time-outs: `"60 10"`."""
    timeout, _, heartbeat = event["prompt"].partition(" ")

    def submit(callback_id: str, _context: WaitForCallbackContext) -> None:
        note(event, callback_id)

    config = WaitForCallbackConfig(
        timeout=Duration.from_seconds(int(timeout or 0)),
        heartbeat_timeout=Duration.from_seconds(int(heartbeat or 0)),
    )
    answer = context.wait_for_callback(submit, name="approval", config=config)
    return context.step(lambda _: f"answer: {answer}", name="after")


@durable_execution
def asks_and_waits(event: Event, context: DurableContext) -> str:
    """Ask somebody, work in a step for the prompt's seconds, and only then look at the answer."""
    callback = context.create_callback(name="approve")
    context.step(lambda _: _wait_for_file(event["input"]), name="work")
    return f"answer: {callback.result()}"


def _wait_for_file(path: str) -> str:
    for _ in range(400):
        if Path(path).exists():
            return "there"
        time.sleep(0.02)
    return "not there"


@durable_execution
def waits_and_asks(event: Event, context: DurableContext) -> str:
    """Wait for an answer in one branch and for a timer, of the prompt's seconds, in the other."""

    def asking(child: DurableContext) -> str:
        return child.create_callback(name="approve").result() or ""

    def timing(child: DurableContext) -> str:
        child.wait(Duration.from_seconds(int(event["prompt"])), name="pause")
        return "waited"

    both: BatchResult[str] = context.parallel([asking, timing], name="both")
    return " and ".join(both.get_results())


@durable_execution
def answers_with_serdes(event: Event, context: DurableContext) -> str:
    """Read an answer, a step's result and a child's result by a serialiser of its own."""
    step = context.step(lambda _: "step", name="step", config=StepConfig(serdes=Reversed()))
    child = context.run_in_child_context(
        lambda _: "child", name="child", config=ChildConfig(serdes=Reversed())
    )
    answer = context.create_callback(
        name="approve", config=CallbackConfig(serdes=Reversed())
    ).result()
    return f"{step} {child} {answer}"


_COMPLETIONS: Mapping[str, Callable[[], CompletionConfig]] = {
    "all": CompletionConfig.all_successful,
    "any": CompletionConfig.all_completed,
    "first": CompletionConfig.first_successful,
    "two": lambda: CompletionConfig(min_successful=2),
    "one failure": lambda: CompletionConfig(tolerated_failure_count=1),
    "half": lambda: CompletionConfig(tolerated_failure_percentage=50),
}


@durable_execution
def completes(event: Event, context: DurableContext) -> dict[str, Any]:
    """Map (or run in parallel) over ok and failing items: `{kind, completion, nesting, items}`."""
    asked = json.loads(event["prompt"])
    completion = _COMPLETIONS[asked["completion"]]()
    nesting = NestingType[asked.get("nesting", "NESTED")]

    def work(item: str) -> str:
        if item != "ok":
            raise ValueError(item)
        return item

    def branch(child: DurableContext, item: str) -> str:
        return child.step(lambda _: work(item), name="work", config=ONCE)

    items = asked["items"]
    found: BatchResult[str]
    if asked["kind"] == "map":
        config: MapConfig[Any] = MapConfig(
            max_concurrency=1, completion_config=completion, nesting_type=nesting
        )
        found = context.map(
            items, lambda child, item, *_: branch(child, item), name="all", config=config
        )
    else:
        parallel = ParallelConfig(
            max_concurrency=1, completion_config=completion, nesting_type=nesting
        )
        branches = [partial(branch, item=item) for item in items]
        found = context.parallel(branches, name="all", config=parallel)
    # After the branches a wait, so that their results are replayed and not only computed.
    context.wait(Duration.from_seconds(1), name="pause")
    return {
        "succeeded": found.success_count,
        "failed": found.failure_count,
        "reason": found.completion_reason.value,
    }


@durable_execution
def nests(event: Event, context: DurableContext) -> int:
    """Count the leaves of contexts nested as deep as the prompt says, two in each."""

    def level(child: DurableContext, depth: int) -> int:
        if depth == 0:
            return child.step(lambda _: 1, name="leaf")
        both: BatchResult[int] = child.map(
            [0, 1], lambda inner, *_: level(inner, depth - 1), name=f"level {depth}"
        )
        return sum(both.get_results())

    return level(context, int(event["prompt"]))


@durable_execution
def replays_children(event: Event, context: DurableContext) -> int:
    """Give a child's result of as many kilobytes as the prompt says back after a wait."""
    size = int(event["prompt"]) * 1024

    def make(child: DurableContext) -> str:
        return child.step(lambda _: "x", name="small") * size

    large = context.run_in_child_context(make, name="large")
    context.wait(Duration.from_seconds(1), name="pause")
    return len(large)


@durable_execution
def large_steps(event: Event, context: DurableContext) -> list[int]:
    """Pass a text of as many kilobytes as the prompt says from a step to a step, over a wait."""
    size = int(event["prompt"]) * 1024
    first = context.step(lambda _: "x" * size, name="first")
    context.wait(Duration.from_seconds(1), name="pause")
    second = context.step(lambda _: first + "y", name="second")
    return [len(first), len(second)]


REGISTRY = Registry(
    {
        **SMALL.handlers,
        "answers-with-serdes": answers_with_serdes,
        "approves": approves,
        "asks-and-waits": asks_and_waits,
        "breaks": breaks,
        "completes": completes,
        "echo": echo,
        "fans-out": fans_out,
        "invokes": invokes,
        "large-steps": large_steps,
        "nests": nests,
        "replays-children": replays_children,
        "sleeps": sleeps,
        "waits-and-asks": waits_and_asks,
    }
)
