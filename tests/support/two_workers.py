"""Workflows that two workers make at the same time."""

import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python import DurableContext, StepContext, durable_execution
from aws_durable_execution_sdk_python.config import CallbackConfig, Duration
from strands import Agent, ToolContext, tool

from agent.agents import run_agent
from agent.effects import attempt_number, effect, idempotency_key
from agent.models.conversation import Conversation, ToolCall, Turn
from agent.services import attempt_of
from tests.support.holding import hold

Event = dict[str, Any]


@durable_execution
def works(event: Event, context: DurableContext) -> Event:
    """Do two steps, let an agent have an effect at the service of the prompt, and keep a file."""
    attempt = attempt_of(context)
    number = attempt.lease.attempt
    session_id = attempt.session_id

    def build(**parts: Any) -> Agent:  # noqa: ANN401 - passed on as they are
        return Agent(tools=[book], **parts)

    def keep(_: StepContext) -> str:
        return attempt.save("made.txt", f"by {number}".encode(), media_type="text/plain").name

    first = context.step(lambda _: number, name="first")
    hold(session_id, "between")
    second = context.step(lambda _: _wait_for(event["input"], number), name="second")
    said = run_agent(context, name=session_id, build=build, prompt=event["prompt"], playbook=_books)
    context.step(keep, name="keep")
    return {"first": first, "second": second, "said": said}


@durable_execution
def invokes(event: Event, context: DurableContext) -> int:
    """Have a child do a step."""
    number: int = context.invoke("adds", 1, name="child")
    return number


@durable_execution
def adds(event: int, context: DurableContext) -> int:
    """Add one."""
    return context.step(lambda _: event + 1, name="add")


@durable_execution
def asks(event: Event, context: DurableContext) -> str | None:
    """Ask somebody who does not answer."""
    config = CallbackConfig(timeout=Duration.from_seconds(1))
    try:
        return context.create_callback(name="ask", config=config).result()
    except Exception as error:  # noqa: BLE001 - the SDK's, of whatever kind
        return type(error).__name__


@durable_execution
def counts(event: Event, context: DurableContext) -> list[int]:
    """Do as many steps as the prompt says, each of its milliseconds: `"5 100"`."""
    count, milliseconds = map(int, event["prompt"].split())
    number = attempt_of(context).lease.attempt

    def count_to(at: int) -> int:
        with Path(event["input"]).open("a", encoding="utf-8") as file:
            file.write(f"{at} in attempt {number}\n")
        time.sleep(milliseconds / 1000)
        return at

    return [context.step(lambda _, at=at: count_to(at), name=f"step {at}") for at in range(count)]  # type: ignore[misc] # a lambda's default


@effect(idempotent=True)
@tool(context=True)
def book(service: str, tool_context: ToolContext) -> str:
    """Book at a service, which is told the key of the call and the number of the attempt.

    Args:
        service: Its address.
        tool_context: What the call is given.
    """
    key, attempt = idempotency_key(tool_context), attempt_number(tool_context)
    session_id = key.partition("/")[0]
    hold(session_id, "tool")
    body = json.dumps({"run": session_id, "key": key, "attempt": attempt}).encode()
    request = urllib.request.Request(service, data=body)  # noqa: S310 - the test's own
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
            told: str = answer.read().decode()
    finally:
        hold(session_id, "tool's end")
    return told


def _books(conversation: Conversation) -> Turn:
    if not conversation.answers:
        return Turn("First:", calls=[ToolCall("book", {"service": conversation.prompt})])
    return Turn(f"It says: {conversation.answers[-1].text}")


def _wait_for(path: str, attempt: int) -> int:
    """Have every attempt but the first wait until a file is there, if one is named."""
    while attempt > 1 and path != "nothing" and not Path(path).exists():
        time.sleep(0.02)
    return attempt
