"""Agents that ask people, under the real runner: parked meanwhile, and gone on with by another."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aws_durable_execution_sdk_python import DurableContext
from strands import Agent, ToolContext, tool

from agent.agents import run_agent
from agent.models.conversation import Conversation, ToolCall, Turn
from runs.approvals import Question, Verdict
from runs.events import EventType
from runs.json_types import Json
from runs.run import Status
from tests.support.agents import SESSION_ID
from tests.support.plant import Plant, Workflow

AGENT = "poster"


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path)


class Board:
    """Where posts are published."""

    def __init__(self) -> None:
        self.posts: list[str] = []

    def build(self, **parts: Any) -> Agent:  # noqa: ANN401 - passed on
        @tool
        def publish(content: str) -> str:
            """Publish.

            Args:
                content: What.
            """
            self.posts.append(content)
            return f"published {content}"

        @tool(context=True)
        def ask(content: str, tool_context: ToolContext) -> str:
            """Ask.

            Args:
                content: What to show.
                tool_context: Who asks.
            """
            answer = tool_context.interrupt("shall it be published?", reason=content)
            return f"{answer['decision']}: {answer.get('content', content)}"

        return Agent(tools=[publish, ask], **parts)


def gate(arguments: Mapping[str, Json]) -> Question:
    content = str(arguments["content"])
    return Question(
        what="publish it", content=content, edits="content", expires_in=timedelta(days=30)
    )


def publishes(*posts: str) -> Any:  # noqa: ANN401 - a playbook
    def playbook(conversation: Conversation) -> Turn:
        if conversation.turn == 0:
            return Turn(calls=[ToolCall("publish", {"content": post}) for post in posts])
        return Turn("; ".join(answer.text for answer in conversation.answers))

    return playbook


def posting(board: Board, *posts: str) -> Workflow:
    def workflow(event: dict[str, Any], context: DurableContext) -> str:
        return run_agent(
            context,
            name=AGENT,
            build=board.build,
            prompt="post",
            playbook=publishes(*posts),
            approve={"publish": gate},
        )

    return workflow


def test_a_gated_call_parks_the_run_until_somebody_approves_it_days_later(plant: Plant) -> None:
    board = Board()
    parked = plant.run(posting(board, "Hello"))
    (approval,) = plant.open_approvals()
    plant.clock.advance(20 * 86_400)
    plant.decide(approval)

    run = plant.run(posting(board, "Hello"))

    assert parked.status is Status.WAITING
    assert (approval.question.tool, approval.question.arguments) == (
        "publish",
        {"content": "Hello"},
    )
    assert run.result == "published Hello"
    assert board.posts == ["Hello"]
    assert run.usage.model_calls == 2
    steps = [name for name, status in plant.steps().items() if status == "SUCCEEDED"]
    assert {AGENT, f"{AGENT}-2"} <= set(steps)


def test_a_parked_run_that_is_taken_up_too_early_asks_nothing_twice(plant: Plant) -> None:
    board = Board()
    plant.run(posting(board, "Hello"))
    again = plant.run(posting(board, "Hello"))

    assert again.status is Status.WAITING
    assert len(plant.journal.approvals(SESSION_ID)) == 1
    assert plant.count(EventType.MODEL_CALLED) == 1


def test_what_one_turn_asks_is_open_at_the_same_time(plant: Plant) -> None:
    board = Board()
    workflow = posting(board, "one", "two", "three")
    plant.run(workflow)
    one, two, three = sorted(plant.open_approvals(), key=lambda approval: approval.name)
    plant.decide(two, content="TWO")
    waiting = plant.run(workflow)
    plant.decide(three, Verdict.DENIED, by="bob", comment="no")
    plant.decide(one)

    run = plant.run(workflow)

    assert waiting.status is Status.WAITING
    assert [each.question.content for each in (one, two, three)] == ["one", "two", "three"]
    assert sorted(board.posts) == ["TWO", "one"]
    assert run.result == (
        'published one; published TWO\nMade with content as a person changed it: "TWO"; '
        "This call was not made: it was denied by bob: no"
    )
    assert run.usage.model_calls == 2


def test_no_answer_in_time_is_a_no(plant: Plant) -> None:
    board = Board()
    plant.run(posting(board, "Hello"))
    plant.clock.advance(31 * 86_400)

    run = plant.run(posting(board, "Hello"))

    assert "This call was not made: it was denied: nobody answered within 30 days" in str(
        run.result
    )
    assert board.posts == []


def test_a_tool_that_asks_gets_the_answer(plant: Plant) -> None:
    board = Board()

    def asks(conversation: Conversation) -> Turn:
        match conversation.turn:
            case 0:
                return Turn(calls=[ToolCall("ask", {"content": "Hello"})])
            case 1:
                return Turn(calls=[ToolCall("ask", {"content": conversation.answers[-1].text})])
            case _:
                return Turn(conversation.answers[-1].text)

    def workflow(event: dict[str, Any], context: DurableContext) -> str:
        return run_agent(context, name=AGENT, build=board.build, prompt="post", playbook=asks)

    plant.run(workflow)
    plant.decide(plant.open_approvals()[0], content="Edited")
    plant.run(workflow)
    plant.decide(plant.open_approvals()[0], Verdict.DENIED)

    run = plant.run(workflow)

    assert run.result == "denied: approved: Edited"
    assert {AGENT, f"{AGENT}-2", f"{AGENT}-3"} <= plant.steps().keys()
    assert run.usage.model_calls == 3
