"""Small real workflows, and a registry of them, for tests of the engine.

Each writes a line into a file (its input) whenever its own code really runs, so that a test can
count what ran, over any number of processes.
"""

import time
from collections.abc import Callable
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
    Duration,
    JitterStrategy,
    StepConfig,
    StepSemantics,
)
from aws_durable_execution_sdk_python.retries import (
    RetryStrategyConfig,
    create_retry_strategy,
)
from aws_durable_execution_sdk_python.types import WaitForConditionCheckContext
from aws_durable_execution_sdk_python.waits import (
    WaitForConditionConfig,
    WaitForConditionDecision,
)

from agent.registry import Registry
from agent.services import attempt_of

Event = dict[str, Any]

_SOON = create_retry_strategy(
    RetryStrategyConfig(
        max_attempts=3,
        initial_delay=Duration.from_seconds(1),
        backoff_rate=1.0,
        jitter_strategy=JitterStrategy.NONE,
    )
)


def note(event: Event, line: str) -> str:
    """Write down that something ran, and give the line."""
    with Path(event["input"]).open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    return line


def noted(path: Path) -> list[str]:
    """Read what ran."""
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@durable_execution
def steps(event: Event, context: DurableContext) -> list[int]:
    """Do as many steps as the prompt says, each of its milliseconds: `"5 100"`."""
    count, _, milliseconds = event["prompt"].partition(" ")

    def step(number: int) -> int:
        def work(_step: StepContext) -> int:
            note(event, f"begin {number}")
            time.sleep(int(milliseconds or 0) / 1000)
            note(event, f"end {number}")
            return number

        return context.step(work, name=f"step {number}")

    return [step(number) for number in range(int(count))]


@durable_execution
def waits(event: Event, context: DurableContext) -> str:
    """Wait as many seconds as the prompt says, between two steps."""
    context.step(lambda _: note(event, "before"), name="before")
    context.wait(Duration.from_seconds(int(event["prompt"])), name="pause")
    context.step(lambda _: note(event, "after"), name="after")
    return "waited"


@durable_execution
def retries(event: Event, context: DurableContext) -> int:
    """Fail a step as often as the prompt says."""

    def work(step: StepContext) -> int:
        note(event, f"try {step.attempt}")
        if step.attempt <= int(event["prompt"]):
            msg = f"no such file: try {step.attempt}"
            raise ValueError(msg)
        return step.attempt

    return context.step(work, name="flaky", config=StepConfig(retry_strategy=_SOON))


@durable_execution
def maps(event: Event, context: DurableContext) -> list[int]:
    """Square as many numbers as the prompt says, in branches that each have two steps."""

    def branch(child: DurableContext, item: int, _index: int, _items: Any) -> int:  # noqa: ANN401 - the SDK's
        child.step(lambda _: note(event, f"first {item}"), name="first")
        child.wait(Duration.from_seconds(1), name="breath")
        child.step(lambda _: note(event, f"second {item}"), name="second")
        return item * item

    numbers = list(range(int(event["prompt"])))
    squares: BatchResult[int] = context.map(numbers, branch, name="squares")
    return squares.get_results()


@durable_execution
def parallels(event: Event, context: DurableContext) -> list[str]:
    """Run two branches side by side, and a child context after them."""

    def part(name: str) -> Callable[[DurableContext], str]:
        return lambda child: child.step(lambda _: note(event, name), name=name)

    both: BatchResult[str] = context.parallel([part("left"), part("right")], name="both")
    last = context.run_in_child_context(part("last"), name="child")
    return [*both.get_results(), last]


@durable_execution
def polls(event: Event, context: DurableContext) -> int:
    """Poll until as many polls were made as the prompt says."""

    def check(state: int, _poll: WaitForConditionCheckContext) -> int:
        note(event, f"poll {state}")
        return state + 1

    def decide(state: int, _attempt: int) -> WaitForConditionDecision:
        if state >= int(event["prompt"]):
            return WaitForConditionDecision.stop_polling()
        return WaitForConditionDecision.continue_waiting(Duration.from_seconds(1))

    config = WaitForConditionConfig(initial_state=0, wait_strategy=decide)
    return context.wait_for_condition(check, config, name="poll")


@durable_execution
def fails(event: Event, context: DurableContext) -> object:
    """Fail in the way the prompt names."""
    never = StepConfig(retry_strategy=create_retry_strategy(RetryStrategyConfig(max_attempts=1)))

    def work(_step: StepContext | None = None) -> str:
        msg = f"no such file: {event['input']}"
        raise ValueError(msg)

    def exits() -> str:
        raise SystemExit(3)

    ways: dict[str, Callable[[], object]] = {
        "step": lambda: context.step(work, name="read", config=never),
        "child": lambda: context.run_in_child_context(
            lambda child: child.step(work, name="read", config=never), name="outer"
        ),
        "branch": lambda: context.map(
            [1], lambda child, *_: child.step(work, name="read", config=never), name="all"
        ).throw_if_error(),
        "workflow": work,
        "exit": exits,
        "invoke": lambda: context.invoke("another", {}, name="another"),
        "result": object,
    }
    return ways[event["prompt"]]()


@durable_execution
def hangs(event: Event, context: DurableContext) -> str:
    """Hang in a step that no stop reaches, as many seconds as the prompt says."""
    context.step(lambda _: note(event, "first"), name="first")
    context.step(lambda _: time.sleep(float(event["prompt"])), name="hang")
    context.step(lambda _: note(event, "third"), name="third")
    return "woke up"


@durable_execution
def minds(event: Event, context: DurableContext) -> str:
    """Work in one long step that looks at every edge whether to stop."""
    attempt = attempt_of(context)

    def work(_step: StepContext) -> str:
        note(event, f"attempt {attempt.lease.attempt}")
        for _ in range(int(event["prompt"]) * 20):
            attempt.leave_if_stopped()
            time.sleep(0.05)
        return "done"

    return context.step(work, name="long")


@durable_execution
def once(event: Event, context: DurableContext) -> str:
    """Do a step at most once per try, and take the prompt's seconds for the first try."""
    attempt = attempt_of(context)
    config = StepConfig(step_semantics=StepSemantics.AT_MOST_ONCE_PER_RETRY, retry_strategy=_SOON)

    def work(step: StepContext) -> str:
        note(event, f"try {step.attempt} of attempt {attempt.lease.attempt}")
        time.sleep(float(event["prompt"]) if step.attempt == 1 else 0)
        return f"try {step.attempt}"

    return context.step(work, name="once", config=config)


@durable_execution
def asks(event: Event, context: DurableContext) -> str:
    """Ask somebody, and give up after the prompt's seconds if it is not 0."""
    seconds = int(event["prompt"])
    config = CallbackConfig(timeout=Duration.from_seconds(seconds)) if seconds else None
    return context.create_callback(name="approve", config=config).result() or ""


@durable_execution
def catches(event: Event, context: DurableContext) -> str:
    """Catch whatever a step raises, as careless workflows do."""
    try:
        context.step(lambda _: time.sleep(float(event["prompt"])), name="sleep")
    except Exception as error:  # noqa: BLE001 - what is tried out
        return note(event, f"caught {error!r}")
    return note(event, "went on")


@durable_execution
def large(event: Event, context: DurableContext) -> dict[str, str]:
    """Return as many megabytes as the prompt says, half of them through a child context."""
    half = "x" * (int(event["prompt"]) * 512 * 1024)

    def make(child: DurableContext) -> str:
        child.step(lambda _: note(event, "made"), name="make")
        return half

    return {"one": context.run_in_child_context(make, name="half"), "two": half}


#: The same, as a file for processes of their own.
REGISTRY_FILE = Path(__file__).with_name("workflows.toml")

REGISTRY = Registry(
    {
        "asks": asks,
        "catches": catches,
        "fails": fails,
        "hangs": hangs,
        "large": large,
        "maps": maps,
        "minds": minds,
        "once": once,
        "parallels": parallels,
        "polls": polls,
        "retries": retries,
        "steps": steps,
        "waits": waits,
    }
)
