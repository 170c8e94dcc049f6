"""A workflow whose agent is told things while it works, from inside its own tools."""

from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from strands import Agent, tool

from agent.agents import run_agent
from agent.attempt import Attempt
from agent.effects import effect
from agent.models.conversation import Conversation, ToolCall, Turn
from agent.services import attempt_of
from runs.told import Tell

REGISTRY = Path(__file__).with_suffix(".toml")

#: What is said, one in each turn but the last.
WORDS = ("in euros", "without the networking costs", "in French")
ANSWER = f"heard {list(WORDS)}"


def say(attempt: Attempt, word: str) -> None:
    """Tell the attempt's own run something; however often, it is the same message."""
    now = attempt.clock()
    message = Tell(tell_id=word, text=word, by="ada", told_at=now)
    attempt.journal.tell(attempt.session_id, message, now=now)


def heard(conversation: Conversation) -> list[str]:
    """Give what a person has said since the prompt, as the model is given it."""
    return [
        block["text"]
        for message in conversation.messages
        if message["role"] == "user"
        for block in message["content"]
        if block.get("text") in WORDS
    ]


@durable_execution
def listener(event: dict[str, Any], context: DurableContext) -> str:
    """Listen to people while counting."""
    attempt = attempt_of(context)

    @effect(idempotent=True)
    @tool
    def count(word: str) -> int:
        """Count, while somebody says something.

        Args:
            word: What they say.
        """
        say(attempt, word)
        return len(word)

    def answers(conversation: Conversation) -> Turn:
        if conversation.turn < len(WORDS):
            return Turn(calls=[ToolCall("count", {"word": WORDS[conversation.turn]})])
        return Turn(f"heard {heard(conversation)}")

    def build(**parts: Any) -> Agent:  # noqa: ANN401 - passed on
        return Agent(tools=[count], **parts)

    answer = run_agent(context, name="listener", build=build, prompt="count", playbook=answers)
    if answer != ANSWER:
        msg = f"the agent answered {answer!r}, expected {ANSWER!r}"
        raise AssertionError(msg)
    return answer
