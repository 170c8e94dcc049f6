"""A workflow that says secrets to everybody it can, and an agent server that writes its spans down.

Run as `python -m tests.support.traced`: a composition root that sets OpenTelemetry up if it is told
a file; else that is left to `opentelemetry-instrument`.
"""

import logging
import os
import time
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python import BatchResult, DurableContext, durable_execution
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from strands import Agent, tool

from agent import logs
from agent.agents import run_agent
from agent.composition import compose, serve
from agent.config import Config
from agent.effects import effect
from agent.models.conversation import Conversation, ToolCall, Turn
from agent.registry import Registry

REGISTRY = Path(__file__).with_suffix(".toml")
#: The files: where spans go, and which tells that the worker may go past the wait.
SPANS = "TEST_SPANS"
GATE = "TEST_GATE"

#: No span may have this unless it is asked for.
SECRET = "xylophone"
TOPICS = ("left", "right")

logger = logging.getLogger(__name__)


@effect(idempotent=True)
@tool
def look(what: str) -> str:
    """Look.

    Args:
        what: At what.
    """
    logger.info("looking")
    return f"seen {what}"


@effect(idempotent=True)
@tool
def stumble(what: str) -> str:
    """Fail, and quote.

    Args:
        what: What to quote.
    """
    raise ValueError(what)


def plays(conversation: Conversation) -> Turn:
    """Use both tools, then answer."""
    if conversation.turn == 0:
        given = {"what": f"the {SECRET} of a call"}
        return Turn(calls=[ToolCall("look", given), ToolCall("stumble", given)])
    return Turn(f"the {SECRET} of an answer")


def build(**parts: Any) -> Agent:  # noqa: ANN401 - passed on
    """Make the agent."""
    return Agent(tools=[look, stumble], system_prompt=f"the {SECRET} of a system", **parts)


@durable_execution
def traced(event: dict[str, Any], context: DurableContext) -> list[str]:
    """Research in branches, after a wait for leave to go on."""
    logger.info("begun")

    def wait_for_leave(_: object) -> str:
        logger.info("waiting for leave")
        while not Path(os.environ[GATE]).exists():
            time.sleep(0.02)
        return "go"

    def branch(child: DurableContext, topic: str, _: int, __: object) -> str:
        logger.info("branching")
        return run_agent(
            child, name=topic, build=build, prompt=f"the {SECRET} of {topic}", playbook=plays
        )

    first: str = context.step(lambda _: event["prompt"], name="first")
    context.step(wait_for_leave, name="leave")
    found: BatchResult[str] = context.map(list(TOPICS), branch, name="topics")
    return [first, *found.get_results()]


def write_spans(path: Path) -> None:
    """Set up tracing: a line for each span."""
    out = path.open("a", encoding="utf-8")
    exporter = ConsoleSpanExporter(out=out, formatter=lambda span: span.to_json(indent=None) + "\n")
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def main() -> None:
    """Serve, and write every span down when it ends, where that is asked for."""
    if path := os.environ.get(SPANS):
        write_spans(Path(path))
    config = Config.from_env(os.environ)
    logs.configure(debug=config.debug)
    serve(compose(config, Registry.load(REGISTRY)), port=config.port)


if __name__ == "__main__":
    main()
