"""Workflows for the crash kit: a sound one that does a bit of everything, and faulty ones."""

import json
import os
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python import DurableContext, StepContext, durable_execution
from aws_durable_execution_sdk_python.config import Duration
from aws_durable_execution_sdk_python.waits import (
    WaitForConditionConfig,
    WaitForConditionDecision,
)
from strands import Agent, tool

from agent.agents import run_agent
from agent.approvals import ask_approval
from agent.effects import effect
from agent.models.conversation import Conversation, Playbook, ToolCall, Turn
from agent.services import attempt_of
from crash.subject import OUTSIDE
from runs.approvals import Question

REGISTRY = Path(__file__).with_suffix(".toml")

Event = Any


def _stop_at_two(seen: int, _: int) -> WaitForConditionDecision:
    if seen >= 2:
        return WaitForConditionDecision.stop_polling()
    return WaitForConditionDecision.continue_waiting(Duration.from_days(1))


_TWICE = WaitForConditionConfig(wait_strategy=_stop_at_two, initial_state=0)


def tell(text: str) -> int:
    """Have an effect on the world outside: a line in a file; give how many there are."""
    path = Path(os.environ[OUTSIDE]) / "told.txt"
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")
    return len(path.read_text(encoding="utf-8").splitlines())


@effect(idempotent=True)
@tool
def look(where: str) -> str:
    """Look, which does no harm.

    Args:
        where: At what.
    """
    return f"a {where}"


@effect(idempotent=True)
@tool
def ring(bell: str) -> str:
    """Ring, and say falsely that a second time would do no harm.

    Args:
        bell: Which.
    """
    return f"{bell} rang {tell(bell)} times"


@tool
def pay(whom: str) -> str:
    """Pay, which must not be done twice, and say so.

    Args:
        whom: Whom.
    """
    tell(whom)
    return f"paid {whom}"


def ask(context: DurableContext, agent_tool: object, call: ToolCall) -> str:
    """Have an agent use a tool once."""

    def build(**parts: Any) -> Agent:  # noqa: ANN401 - passed on as they are
        return Agent(tools=[agent_tool], **parts)

    return run_agent(context, name="user", build=build, prompt="go", playbook=_uses(call))


def _uses(call: ToolCall) -> Playbook:
    def playbook(conversation: Conversation) -> Turn:
        if not conversation.answers:
            return Turn("First:", calls=[call])
        return Turn(f"It says: {conversation.answers[-1].text}")

    return playbook


@durable_execution
def sound(event: Event, context: DurableContext) -> Event:
    """Step, wait, poll, map, ask a person, start a child, let an agent work, keep a file."""
    attempt = attempt_of(context)

    def double(branch: DurableContext, item: int, *_: object) -> int:
        return branch.step(lambda _: item * 2, name=f"double {item}")

    numbers = context.step(lambda _: [1, 2, 3], name="numbers")
    context.wait(Duration.from_days(3), name="days")
    looks = context.wait_for_condition(lambda seen, _: seen + 1, config=_TWICE, name="looks")
    doubled: list[int] = context.map(numbers, double, name="doubles").get_results()
    answer = context.wait_for_callback(lambda *_: None, name="review")
    decision = ask_approval(context, Question(what="go on"), name="approval")
    given: int = context.invoke("child", {"number": 4}, name="child")
    said = ask(context, look, ToolCall("look", {"where": "tree"}))

    def keep(_: StepContext) -> str:
        return attempt.save("said.txt", said.encode(), media_type="text/plain").uri

    context.step(keep, name="keep")
    return {
        "looks": looks,
        "doubled": doubled,
        "answer": json.loads(answer),
        "verdict": decision.verdict,
        "child": given,
        "said": said,
    }


@durable_execution
def child(event: Event, context: DurableContext) -> Event:
    """Do a little."""
    return context.step(lambda _: event["number"] + 1, name="add")


@durable_execution
def side_effect(event: Event, context: DurableContext) -> Event:
    """Have an effect outside of any step."""
    tell("hello")
    return context.step(lambda _: "done", name="only")


@durable_execution
def attempt(event: Event, context: DurableContext) -> Event:
    """Make a result that depends on the attempt."""
    context.step(lambda _: "done", name="only")
    return {"attempt": attempt_of(context).lease.attempt}


@durable_execution
def step_twice(event: Event, context: DurableContext) -> Event:
    """Do in a step what must not be done twice."""
    context.step(lambda _: tell("hello"), name="tells")
    return context.step(lambda _: "done", name="after")


@durable_execution
def slow(event: Event, context: DurableContext) -> Event:
    """Do what takes so long that its start is written by itself."""
    context.step(lambda _: time.sleep(1), name="takes a while")
    return "done"


@durable_execution
def tool_twice(event: Event, context: DurableContext) -> Event:
    """Let an agent use a tool that is not what it says it is."""
    return ask(context, ring, ToolCall("ring", {"bell": "bell"}))


@durable_execution
def careful(event: Event, context: DurableContext) -> Event:
    """Let an agent use a tool that must not be called twice, and says so."""
    return ask(context, pay, ToolCall("pay", {"whom": "Ann"}))


@durable_execution
def unsteady(event: Event, context: DurableContext) -> Event:
    """Make a result that is never the same."""
    context.step(lambda _: "done", name="only")
    return {"id": str(uuid.uuid4()), "always": 1}


@durable_execution
def failing(event: Event, context: DurableContext) -> Event:
    """Fail."""
    msg = f"{event['prompt']} is no good"
    raise ValueError(msg)


@durable_execution
def exits(event: Event, context: DurableContext) -> Event:
    """End the worker's process."""
    leave: Callable[[int], None] = os._exit
    leave(7)


@durable_execution
def hangs(event: Event, context: DurableContext) -> Event:
    """Never come to an end."""
    return context.step(lambda _: threading.Event().wait(), name="forever")
