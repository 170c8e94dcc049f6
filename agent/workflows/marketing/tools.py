"""The two tools of `marketing-post`, and the gates before them.

    human_approval(content)     asks a person, and pauses the agent until they have decided
    publish_post(content, …)    publishes the approved post, once

The gates are not the model's choice. `publish_post` is entered only for a post that somebody has
approved as it is: in answer to `human_approval`, so that one decision is enough, or in answer to
the gate's own question where nobody was asked before.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta

from strands import ToolContext, tool
from strands.types.tools import AgentTool

from agent.attempt import Attempt
from agent.effects import InterruptedCall, NotTaken, Taken, effect, idempotency_key
from agent.gate import Policy, WithPast
from agent.models.conversation import Answer
from agent.questions import Answered
from agent.workflows.marketing.errors import NotApprovedError, UniTokUnavailableError
from agent.workflows.marketing.post import AUTHOR, COLOR, Post
from agent.workflows.marketing.rulings import ASK, PUBLISH, Rulings, question_of
from agent.workflows.marketing.unitok import UniTok
from runs.approvals import Decision, Question
from runs.json_types import Json

#: How long people have, if the run's deadline leaves so much.
PATIENCE = timedelta(days=7)
#: What is left of the run when nobody has answered, for the agent to say so.
_REST = timedelta(hours=1)


def gates(attempt: Attempt) -> dict[str, Policy]:
    """Give what is asked before the tools are entered, and what is refused."""

    def before_asking(arguments: Mapping[str, Json], past: Sequence[Answered]) -> None:
        post = Post.from_json(dict(arguments))
        rulings = Rulings.of(past)
        if rulings.allow(post):
            msg = "this post is approved already; publish it"
            raise NotApprovedError(msg)
        rulings.check_may_ask()

    def before_publishing(
        arguments: Mapping[str, Json], past: Sequence[Answered]
    ) -> Question | None:
        post = Post.from_json(dict(arguments))
        rulings = Rulings.of(past)
        if rulings.allow(post):
            return None
        rulings.check_may_ask()
        return question_of(post, expires_in=time_to_answer(attempt))

    return {ASK: WithPast(before_asking), PUBLISH: WithPast(before_publishing)}


def asking(attempt: Attempt) -> AgentTool:
    """Make the tool that asks a person."""

    @effect(idempotent=True)  # up to the question it does nothing
    @tool(context=True, name=ASK)
    def human_approval(content: str, tool_context: ToolContext) -> str:
        """Ask a person whether a post may be published. You go on with their answer, days later.

        They approve it as it is, by Unicorn Rentals, in rainbow and without a picture. They may
        change its words: then publish exactly what they made of it. If they deny it, they say why.

        Args:
            content: The whole text of the post.
            tool_context: Given by the agent.
        """
        question = question_of(Post(content=content), expires_in=time_to_answer(attempt))
        decision = Decision.from_payload(tool_context.interrupt(ASK, reason=question))
        return json.dumps(_told(decision, content), ensure_ascii=False)

    return human_approval


def publishing(attempt: Attempt, unitok: UniTok) -> AgentTool:
    """Make the tool that publishes posts."""

    def find(call: InterruptedCall) -> Taken | NotTaken | None:
        """Ask UniTok whether a call that was cut has published its post."""
        post = Post.from_json(dict(call.input))
        try:
            found = unitok.find(_key(call.idempotency_key, post))
        except UniTokUnavailableError:
            return None
        return NotTaken() if found is None else Taken(_text(found.to_json()))

    @effect(reconcile=find)
    @tool(context=True, name=PUBLISH)
    def publish_post(
        content: str,
        tool_context: ToolContext,
        author: str = AUTHOR,
        unicorn_color: str = COLOR,
        image_url: str | None = None,
    ) -> str:
        """Publish a post on UniTok that a person has approved. The same post is published once.

        A post that nobody has approved as it is, or another author, colour or picture, is asked
        about first.

        Args:
            content: The whole text of the post, exactly as it was approved.
            tool_context: Given by the agent.
            author: Who posts.
            unicorn_color: One of pink, blue, purple, green, yellow, rainbow.
            image_url: An http or https address of a picture.
        """
        post = Post(
            content=content, author=author, unicorn_color=unicorn_color, image_url=image_url
        )
        key = _key(idempotency_key(tool_context), post)
        return _text(unitok.publish(post, key=key, stop=attempt.stop).to_json())

    return publish_post


def published_in(answer: Answer) -> Mapping[str, Json]:
    """Read what `publish_post` gave back; a gate that changed the call says so after it."""
    published: dict[str, Json] = json.loads(answer.text.partition("\n")[0])
    return published


def time_to_answer(attempt: Attempt) -> timedelta:
    """Give how long people have from now: the run must be there to hear that nobody answered."""
    left = attempt.run.deadline_at - attempt.clock()
    return max(timedelta(seconds=1), min(PATIENCE, left - min(_REST, left / 10)))


def _key(call_key: str, post: Post) -> str:
    """Name a post within its run, whichever call publishes it.

    A model that got no answer of a call makes another one, under another id; what is published must
    be one post all the same.
    """
    run = call_key.rpartition("/")[0]
    shown = json.dumps(post.to_json(), sort_keys=True)
    return f"{run}/{hashlib.sha256(shown.encode()).hexdigest()[:32]}"


def _told(decision: Decision, content: str) -> dict[str, Json]:
    """Say to the model what was decided."""
    told: dict[str, Json] = {"approved": decision.is_approved, "comment": decision.comment}
    if decision.is_approved:
        told["content"] = content if decision.content is None else decision.content
        told["next"] = "publish exactly this content with publish_post"
    elif decision.is_expired:
        told["next"] = "nobody answered in time: don't ask again, say that nothing was published"
    else:
        told["next"] = "write another post that heeds the comment and ask again, or end"
    return {**told, "expired": decision.is_expired, "by": decision.by}


def _text(data: Mapping[str, Json]) -> str:
    return json.dumps(data, ensure_ascii=False)
