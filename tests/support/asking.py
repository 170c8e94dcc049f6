"""A workflow whose agent asks: by a tool, and before tools that are behind a gate."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from strands import Agent, ToolContext, tool

from agent.agents import run_agent
from agent.effects import InterruptedCall, NotTaken, Taken, effect, idempotency_key
from agent.models.conversation import Conversation, ToolCall, Turn
from crash.subject import OUTSIDE
from runs.approvals import Decision, Question
from runs.json_types import Json

REGISTRY = Path(__file__).with_suffix(".toml")


def post_of(key: str) -> Path:
    """Give the file that a call's post is in; there are as many lines as it was posted times."""
    return Path(os.environ[OUTSIDE]) / key.replace("/", "_")


def find(call: InterruptedCall) -> Taken | NotTaken:
    """Find out whether a call has published its post."""
    post = post_of(call.idempotency_key)
    return Taken(f"published {post.read_text().split()[0]}") if post.exists() else NotTaken()


@effect(reconcile=find)
@tool(context=True)
def publish(content: str, tool_context: ToolContext) -> str:
    """Publish.

    Args:
        content: What.
        tool_context: Who publishes.
    """
    with post_of(idempotency_key(tool_context)).open("a") as post:
        post.write(f"{content}\n")
    return f"published {content}"


@effect(idempotent=True)
@tool
def look(what: str) -> str:
    """Look.

    Args:
        what: At what.
    """
    return f"seen {what}"


@effect(idempotent=True)
@tool(context=True)
def ask(content: str, tool_context: ToolContext) -> str:
    """Ask.

    Args:
        content: What.
        tool_context: Who asks.
    """
    answer = tool_context.interrupt("may it be published?", reason=content)
    return Decision.from_payload(answer).verdict.value


def gate(arguments: Mapping[str, Json]) -> Question:
    """Ask about every post."""
    return Question(what="publish it", content=str(arguments["content"]), edits="content")


def writes(conversation: Conversation) -> Turn:
    """Look and ask at once, then publish two posts at once, then tell of all of it."""
    match conversation.turn:
        case 0:
            looks = [ToolCall("look", {"what": what}) for what in ("left", "right")]
            return Turn(calls=[looks[0], ToolCall("ask", {"content": "two posts"}), looks[1]])
        case 1:
            return Turn(calls=[ToolCall("publish", {"content": word}) for word in ("one", "two")])
        case _:
            return Turn("; ".join(answer.text for answer in conversation.answers))


def build(**parts: Any) -> Agent:  # noqa: ANN401 - passed on
    """Make the agent."""
    return Agent(tools=[publish, look, ask], **parts)


@durable_execution
def poster(event: dict[str, Any], context: DurableContext) -> str:
    """Post, with leave."""
    return run_agent(
        context,
        name="poster",
        build=build,
        prompt="post",
        playbook=writes,
        approve={"publish": gate},
    )
