"""Pairs of workflow versions: what a run began under, and what goes on with it.

All park: in a callback named `approve`, so that a test resumes them under the other version.
"""

from collections.abc import Callable, Sequence
from typing import Any

from aws_durable_execution_sdk_python import BatchResult, DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import (
    ChildConfig,
    Duration,
    MapConfig,
    NestingType,
    ParallelBranch,
)

from agent.registry import Handler

Event = Any
Branch = Callable[[DurableContext], Any]


def ask(context: DurableContext) -> str:
    """Wait for an answer."""
    return context.create_callback(name="approve").result() or ""


def step(context: DurableContext, name: str | None, result: object = None) -> Any:  # noqa: ANN401 - a step's
    """Do a step that gives its name, or something else."""
    return context.step(lambda _: name if result is None else result, name=name)


def stepped(*names: str | None, then: str = "after") -> Handler:
    """Make a workflow of steps, a question and another step."""

    def workflow(_event: Event, context: DurableContext) -> list[Any]:
        done = [step(context, name) for name in names]
        return [*done, ask(context), step(context, then)]

    return durable_execution(workflow)


def mapped(
    items: Sequence[object],
    *inner: str,
    nesting: NestingType = NestingType.NESTED,
    asks_first: bool = False,
    raises: str | None = None,
) -> Handler:
    """Make a workflow that maps steps over items and asks, inside of the first branch or after."""

    def branch(child: DurableContext, item: object, index: int, _items: object) -> list[Any]:
        done = [step(child, name, [name, item]) for name in inner]
        if asks_first and index == 0:
            done.append(ask(child))
            if raises is not None:
                raise ValueError(raises)
        return done

    def workflow(_event: Event, context: DurableContext) -> Any:  # noqa: ANN401 - a workflow's
        config = MapConfig[Any](nesting_type=nesting)
        found: BatchResult[Any] = context.map(items, branch, name="all", config=config)
        return [found.get_results(), None if asks_first else ask(context)]

    return durable_execution(workflow)


def left(child: DurableContext) -> Any:  # noqa: ANN401 - a branch's
    """Be a branch."""
    return step(child, "work", "left")


def right(child: DurableContext) -> Any:  # noqa: ANN401 - a branch's
    """Be another."""
    return step(child, "work", "right")


def split(*branches: Callable[[DurableContext], Any] | ParallelBranch[Any]) -> Handler:
    """Make a workflow of branches side by side, and a question after them."""

    def workflow(_event: Event, context: DurableContext) -> Any:  # noqa: ANN401 - a workflow's
        return [context.parallel(branches, name="both").get_results(), ask(context)]

    return durable_execution(workflow)


def nested(*names: str, is_virtual: bool = False, has_context: bool = True) -> Handler:
    """Make a workflow of steps in a child context that asks inside of it."""

    def group(child: DurableContext) -> list[Any]:
        return [*(step(child, name) for name in names), ask(child)]

    def workflow(_event: Event, context: DurableContext) -> Any:  # noqa: ANN401 - a workflow's
        if not has_context:
            return group(context)
        config = ChildConfig[Any](is_virtual=is_virtual)
        return context.run_in_child_context(group, name="group", config=config)

    return durable_execution(workflow)


def invoking(target: str, payload: object) -> Handler:
    """Make a workflow that invokes another one, and asks."""

    def workflow(_event: Event, context: DurableContext) -> Any:  # noqa: ANN401 - a workflow's
        return [context.invoke(target, payload, name="child"), ask(context)]

    return durable_execution(workflow)


def asking_early(*names: str, last: str | None = None) -> Handler:
    """Make a workflow that opens its question, does steps, and only then looks at the answer."""

    def workflow(_event: Event, context: DurableContext) -> Any:  # noqa: ANN401 - a workflow's
        question = context.create_callback(name="approve")
        done = [step(context, name) for name in names]
        answer = question.result()
        return [*done, answer, *([step(context, last)] if last else [])]

    return durable_execution(workflow)


def waiting(seconds: int) -> Handler:
    """Make a workflow that waits between two steps, and asks."""

    def workflow(_event: Event, context: DurableContext) -> Any:  # noqa: ANN401 - a workflow's
        step(context, "before")
        context.wait(Duration.from_seconds(seconds), name="pause")
        return ask(context)

    return durable_execution(workflow)


def careless(name: str) -> Handler:
    """Make a workflow that catches whatever a step raises, and gives something else instead."""

    def workflow(_event: Event, context: DurableContext) -> Any:  # noqa: ANN401 - a workflow's
        try:
            found = step(context, name)
        except Exception:  # noqa: BLE001 - what is tried out
            found = "made up"
        return [found, ask(context)]

    return durable_execution(workflow)


def catching(*names: str, raises: bool = False) -> Handler:
    """Make a workflow that goes on when a child context fails."""

    def group(child: DurableContext) -> list[Any]:
        if raises:
            msg = "no such bill"
            raise ValueError(msg)
        return [*(step(child, name) for name in names), ask(child)]

    def workflow(_event: Event, context: DurableContext) -> Any:  # noqa: ANN401 - a workflow's
        try:
            return context.run_in_child_context(group, name="group")
        except Exception:  # noqa: BLE001 - what is tried out
            return "went on"

    return durable_execution(workflow)


def raising(message: str) -> Handler:
    """Make a workflow that raises before it asks for anything."""

    def workflow(_event: Event, _context: DurableContext) -> None:
        raise ValueError(message)

    return durable_execution(workflow)


def large(*names: str, kilobytes: int = 300) -> Handler:
    """Make a workflow whose child context has a result too large to be kept, and that asks."""

    def group(child: DurableContext) -> str:
        return "x" * 1024 * kilobytes + "".join(step(child, name) for name in names)

    def workflow(_event: Event, context: DurableContext) -> Any:  # noqa: ANN401 - a workflow's
        found = context.run_in_child_context(group, name="large")
        return [len(found), ask(context)]

    return durable_execution(workflow)


def large_map(items: Sequence[str], *, nesting: NestingType = NestingType.NESTED) -> Handler:
    """Make a workflow whose map has results too large to be kept, and that asks."""

    def branch(child: DurableContext, item: str, *_: object) -> str:
        return str(step(child, "work", item)) * 1024 * 200

    def workflow(_event: Event, context: DurableContext) -> Any:  # noqa: ANN401 - a workflow's
        config = MapConfig[Any](nesting_type=nesting)
        found: BatchResult[Any] = context.map(items, branch, name="all", config=config)
        return [len(found.get_results()), ask(context)]

    return durable_execution(workflow)
