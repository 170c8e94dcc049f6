"""Workflows that fail where a test wants it, until the test has repaired the cause."""

from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python import (
    BatchResult,
    DurableContext,
    StepContext,
    durable_execution,
)
from aws_durable_execution_sdk_python.config import (
    ChildConfig,
    CompletionConfig,
    Duration,
    MapConfig,
    NestingType,
    WaitForCallbackConfig,
)
from aws_durable_execution_sdk_python.types import WaitForCallbackContext

from agent.registry import Registry
from agent.services import attempt_of
from tests.support.durable_workflows import ONCE, REGISTRY, breaks, echo
from tests.support.workflows import note

Event = Any


def break_at(notes: Path, *names: str) -> None:
    """Make what has these names fail from now on."""
    for name in names:
        notes.with_name(f"{name}.broken").touch()


def repair(notes: Path, *names: str) -> None:
    """Make them work again."""
    for name in names:
        notes.with_name(f"{name}.broken").unlink()


def _work(event: Event, name: str) -> str:
    if Path(event["input"]).with_name(f"{name}.broken").exists():
        msg = f"{name} is broken"
        raise ValueError(msg)
    return note(event, name)


def _step(context: DurableContext, event: Event, name: str) -> str:
    return context.step(lambda _: _work(event, name), name=name, config=ONCE)


@durable_execution
def chain(event: Event, context: DurableContext) -> str:
    """Do three steps, one after the other; each saves a file."""

    def saving(name: str) -> str:
        def work(_: StepContext) -> str:
            attempt_of(context).save(f"{name}.txt", name.encode(), media_type="text/plain")
            return _work(event, name)

        return context.step(work, name=name, config=ONCE)

    return " ".join(saving(name) for name in ("one", "two", "three"))


@durable_execution
def bears(event: Event, context: DurableContext) -> str:
    """Do something else where a step fails, and a last step."""
    try:
        done = _step(context, event, "risky")
    except Exception:  # noqa: BLE001 - whatever it was
        done = _step(context, event, "instead")
    return f"{done} {_step(context, event, 'last')}"


@durable_execution
def cleans_up(event: Event, context: DurableContext) -> str:
    """Clean up after a step that fails, and fail with its error."""
    try:
        _step(context, event, "risky")
    except Exception:
        _step(context, event, "cleanup")
        raise
    return _step(context, event, "publish")


@durable_execution
def thinks(event: Event, context: DurableContext) -> str:
    """Do a step, then something that is none, then another step."""
    _step(context, event, "one")
    if Path(event["input"]).with_name("thought.broken").exists():
        msg = "the thought is broken"
        raise RuntimeError(msg)
    return _step(context, event, "two")


@durable_execution
def spreads(event: Event, context: DurableContext) -> str:
    """Do two steps in each branch of a map that bears failures, and fail if there were any.

    The prompt is the nesting, and how the failure is told: by the error itself, or in own words.
    """
    nesting, _, telling = event["prompt"].partition(" ")
    _step(context, event, "begin")

    def branch(child: DurableContext, item: str, *_: Any) -> str:  # noqa: ANN401 - the SDK's
        _step(child, event, f"first {item}")
        return _step(child, event, f"second {item}")

    config: MapConfig[Any] = MapConfig(
        max_concurrency=2,
        completion_config=CompletionConfig(tolerated_failure_percentage=100),
        nesting_type=NestingType[nesting],
    )
    found: BatchResult[str] = context.map(["a", "b", "c"], branch, name="all", config=config)
    if telling and found.failure_count:
        msg = f"{found.failure_count} of 3 failed"
        raise RuntimeError(msg)
    found.throw_if_error()
    return _step(context, event, "end")


@durable_execution
def nests(event: Event, context: DurableContext) -> str:
    """Do steps in a context inside a context, one of which leaves no record of itself."""

    def inner(child: DurableContext) -> str:
        _step(child, event, "inner one")
        return _step(child, event, "inner two")

    def outer(child: DurableContext) -> str:
        _step(child, event, "outer one")
        virtual: ChildConfig[Any] = ChildConfig(is_virtual=True)
        child.run_in_child_context(inner, name="inner", config=virtual)
        return _step(child, event, "outer two")

    context.run_in_child_context(outer, name="outer")
    return _step(context, event, "end")


@durable_execution
def delegates(event: Event, context: DurableContext) -> str:
    """Have another run do the chain, between two steps."""
    _step(context, event, "before")
    done: str = context.invoke("chain", {"input": event["input"]}, name="child")
    _step(context, event, "after")
    return done


@durable_execution
def asks(event: Event, context: DurableContext) -> str:
    """Ask for an answer within a minute, and give it."""

    def submit(callback_id: str, _: WaitForCallbackContext) -> None:
        note(event, callback_id)

    config = WaitForCallbackConfig(timeout=Duration.from_seconds(60))
    answer: str = context.wait_for_callback(submit, name="question", config=config)
    _step(context, event, "after")
    return answer


AGAIN = Registry(
    {
        **REGISTRY.handlers,
        "asks": asks,
        "bears": bears,
        "breaks": breaks,
        "chain": chain,
        "cleans-up": cleans_up,
        "delegates": delegates,
        "echo": echo,
        "nests": nests,
        "spreads": spreads,
        "thinks": thinks,
    }
)
