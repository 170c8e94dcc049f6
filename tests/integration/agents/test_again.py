"""Agents in runs that are taken up again: what they said stays, or goes with their step."""

from pathlib import Path
from typing import Any

import pytest
from aws_durable_execution_sdk_python import DurableContext
from strands import Agent, ToolContext, tool

from agent.agents import run_agent
from agent.effects import idempotency_key
from agent.models.conversation import Conversation, ToolCall, Turn
from runs.again import Retry
from runs.events import EventType
from runs.run import Status
from tests.support.agents import SESSION_ID
from tests.support.plant import Plant


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path)


class Office:
    """Where an agent sends letters, and a workflow that publishes what it said."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.is_open = False

    def workflow(self, event: dict[str, Any], context: DurableContext) -> str:
        said = run_agent(
            context, name="clerk", build=self.build, prompt="Write.", playbook=self.answer
        )
        return run_agent(
            context, name="editor", build=self.build, prompt=said, playbook=self.publish
        )

    def build(self, **parts: Any) -> Agent:  # noqa: ANN401 - passed on
        @tool(context=True)
        def send(tool_context: ToolContext) -> str:
            """Send a letter."""
            self.keys.append(idempotency_key(tool_context))
            return "sent"

        return Agent(tools=[send], **parts)

    def answer(self, conversation: Conversation) -> Turn:
        return Turn("Done.") if conversation.turn else Turn(calls=[ToolCall("send", {})])

    def publish(self, conversation: Conversation) -> Turn:
        if conversation.turn and not self.is_open:
            msg = "the office is closed"
            raise RuntimeError(msg)
        return self.answer(conversation)


def retry(plant: Plant, start: str | None = None) -> None:
    """Retry the run."""
    plant.journal.retry(SESSION_ID, Retry(by="test", start=start), now=plant.clock())


def test_an_agent_whose_step_failed_goes_on_where_it_was(plant: Plant) -> None:
    office = Office()
    failed = plant.run(office.workflow)
    office.is_open = True
    retry(plant)

    run = plant.run(office.workflow)

    assert failed.status is Status.FAILED
    assert (run.status, run.result) == (Status.COMPLETED, "Done.")
    assert office.keys == [f"{SESSION_ID}/clerk-1-0", f"{SESSION_ID}/editor-1-0"]
    # Two of the clerk, and two of the editor: none was made twice.
    assert plant.count(EventType.MODEL_CALLED) == 4


def test_an_agent_that_begins_anew_has_keys_of_its_own(plant: Plant) -> None:
    office = Office()
    plant.run(office.workflow)
    office.is_open = True
    retry(plant, "editor")

    run = plant.run(office.workflow)

    assert run.result == "Done."
    assert office.keys == [
        f"{SESSION_ID}/clerk-1-0",
        f"{SESSION_ID}/editor-1-0",
        f"{SESSION_ID}/retry-1/editor-1-0",
    ]
    assert len(plant.journal.messages(SESSION_ID, "editor")) == 4


def test_an_agent_keeps_its_keys_however_often_it_is_taken_up(plant: Plant) -> None:
    office = Office()
    plant.run(office.workflow)
    retry(plant, "editor")
    plant.run(office.workflow)
    retry(plant)
    office.is_open = True

    plant.run(office.workflow)

    assert office.keys[2:] == [f"{SESSION_ID}/retry-1/editor-1-0"]
