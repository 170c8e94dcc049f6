"""Tools of the older style: they stop the loop, and their results come from outside."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from strands import Agent, ToolContext, tool

from agent.agents import run_agent
from agent.models.conversation import Conversation, ToolCall, Turn
from runs.approvals import Verdict
from runs.json_types import Json
from runs.run import Run, Status
from tests.support.agents import SESSION_ID
from tests.support.queueing import Counter, existing


class Office:
    """Where such a tool begins something."""

    def __init__(self) -> None:
        self.mails: list[str] = []

    def build(self, **parts: Any) -> Agent:  # noqa: ANN401 - passed on
        @tool(context=True)
        def human_approval(content: str, tool_context: ToolContext) -> str:
            """Ask by mail.

            Args:
                content: What.
                tool_context: Given by the agent.
            """
            self.mails.append(content)
            if content != "now":
                tool_context.invocation_state["request_state"]["stop_event_loop"] = True
            return f"waiting for an answer about {content}"

        return Agent(tools=[human_approval], **parts)


def asks(*contents: str) -> Callable[[Conversation], Turn]:
    def playbook(conversation: Conversation) -> Turn:
        if conversation.turn == 0:
            return Turn(calls=[ToolCall("human_approval", {"content": each}) for each in contents])
        return Turn("; ".join(f"{each.is_error} {each.text}" for each in conversation.answers))

    return playbook


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def counter(tmp_path: Any) -> Counter:  # noqa: ANN401 - a path
    return Counter(tmp_path)


def run(counter: Counter, office: Office, *contents: str) -> Run:
    def workflow(event: dict[str, Any], context: Any) -> str:  # noqa: ANN401 - the SDK's
        return run_agent(
            context, name="poster", build=office.build, prompt="post", playbook=asks(*contents)
        )

    return counter.plant.run(workflow)


@pytest.mark.parametrize(
    ("status", "text", "told"),
    [
        (
            "success",
            "Fine, by all of us. " + "x" * 9_000,
            "False Fine, by all of us. " + "x" * 9_000,
        ),
        ("error", "Never.", "True Never."),
        ("success", json.dumps({"decision": "denied", "comment": "No."}), "True No."),
    ],
)
def test_the_result_comes_as_a_message_and_the_tool_is_entered_once(
    counter: Counter, office: Office, status: str, text: str, told: str
) -> None:
    parked = run(counter, office, "a post")
    message: Json = existing(SESSION_ID, "poster-1-0", text, status=status)
    failed = counter.deliver(counter.record(message), counter.record(message))

    ended = run(counter, office, "a post")

    assert parked.status is Status.WAITING
    assert failed == []
    assert ended.result == told
    assert office.mails == ["a post"]
    assert ended.usage.model_calls == 2
    assert counter.queues.dead == []


def test_whoever_answers_is_shown_what_the_tool_said(counter: Counter, office: Office) -> None:
    run(counter, office, "a post")
    (approval,) = counter.plant.open_approvals()
    counter.plant.decide(approval, content="ok")

    ended = run(counter, office, "a post")

    assert approval.question.what == "give the result of human_approval"
    assert approval.question.content == "waiting for an answer about a post"
    assert approval.question.tool_use_id == "poster-1-0"
    assert ended.result == "False ok"


def test_a_denial_is_the_tool_s_error(counter: Counter, office: Office) -> None:
    run(counter, office, "a post")
    counter.plant.decide(counter.plant.open_approvals()[0], Verdict.DENIED, comment="No.")

    assert run(counter, office, "a post").result == "True No."


def test_of_tools_side_by_side_only_those_that_stop_are_waited_for(
    counter: Counter, office: Office
) -> None:
    run(counter, office, "one", "now", "two")
    asked = {each.question.tool_use_id for each in counter.plant.open_approvals()}
    for number in (2, 0):
        message = existing(SESSION_ID, f"poster-1-{number}", f"answer {number}")
        counter.deliver(counter.record(message, message_id=str(number) * 36))

    ended = run(counter, office, "one", "now", "two")

    assert asked == {"poster-1-0", "poster-1-2"}
    assert ended.result == "; ".join(
        ["False answer 0", "False waiting for an answer about now", "False answer 2"]
    )
    assert sorted(office.mails) == ["now", "one", "two"]
