"""The workflow `marketing-post`: write a post, ask a person, publish once what they approved."""

import os
from collections.abc import Sequence
from typing import Any, cast

from aws_durable_execution_sdk_python import DurableContext, StepContext, durable_execution
from strands import Agent
from strands.types.content import Message

from agent.agents import run_agent
from agent.attempt import Attempt
from agent.models.conversation import Conversation
from agent.services import attempt_of
from agent.workflows.marketing import playbook
from agent.workflows.marketing.errors import NotPublishedError
from agent.workflows.marketing.rulings import PUBLISH
from agent.workflows.marketing.tools import asking, gates, published_in, publishing
from agent.workflows.marketing.unitok import UniTok
from runs.asked import ApprovalState
from runs.json_types import Json
from runs.run import Progress

AGENT = "marketer"
MAX_TURNS = 30

_ENDINGS = frozenset({ApprovalState.APPROVED, ApprovalState.DENIED, ApprovalState.EXPIRED})

_TASK = """You write posts for UniTok, for Unicorn Rentals.
Write the post that the task asks for, and call human_approval with its whole text first of all.
If it is approved, call publish_post with exactly the content that was approved, once.
If it is denied, heed the comment, write another post and ask again. After some denials, end.
For another author, colour or picture than the usual ones leave out human_approval: call
publish_post, and it asks.
End with a sentence that says what was published, with its address, or why nothing was."""


@durable_execution
def handler(event: dict[str, Any], context: DurableContext) -> Json:
    """Publish a post about the prompt's task, once a person has approved it."""
    attempt = attempt_of(context)
    unitok = UniTok.from_env(os.environ)

    def build(**parts: Any) -> Agent:  # noqa: ANN401 - passed on
        return Agent(
            system_prompt=_TASK, tools=[asking(attempt), publishing(attempt, unitok)], **parts
        )

    said = run_agent(
        context,
        name=AGENT,
        build=build,
        prompt=_prompt(event),
        playbook=playbook.post,
        max_turns=MAX_TURNS,
        approve=gates(attempt),
    )

    def outcome_step(_: StepContext) -> dict[str, Json]:
        return _outcome(attempt, said)

    outcome: dict[str, Json] = context.step(outcome_step, name="outcome")
    if outcome["status"] == ApprovalState.APPROVED:
        raise NotPublishedError(said)
    return outcome


def _prompt(event: dict[str, Any]) -> str:
    material = event.get("input")
    return f"{event['prompt']}\n\nMaterial: {material}" if material else str(event["prompt"])


def _outcome(attempt: Attempt, said: str) -> dict[str, Json]:
    """Tell what came of it, by what UniTok and the deciders said and not by the agent's words."""
    posts = _published(attempt)
    states = [each.state for each in attempt.journal.approvals(attempt.session_id)]
    attempt.report(Progress(step="outcome", done=1, total=1, message=said[:200]))
    return {"status": "published" if posts else _ending(states), "posts": posts, "said": said}


def _ending(states: Sequence[ApprovalState]) -> str:
    """Say what became of a run without a post: the last decision, or that there was none."""
    ended = [state for state in states if state in _ENDINGS]
    return ended[-1].value if ended else "not asked"


def _published(attempt: Attempt) -> list[Json]:
    """Give the posts that UniTok said are published, each once."""
    saved = attempt.journal.messages(attempt.session_id, AGENT)
    bodies = [cast("dict[str, Any]", each.body) for each in saved]
    messages = [cast("Message", body["message"]) for body in bodies]
    answers = Conversation(messages).answers_of(PUBLISH)
    posts = [published_in(each) for each in answers if not each.is_error]
    return list({str(post["post_id"]): post for post in posts}.values())
