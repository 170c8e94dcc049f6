"""The agent without a language model: drafts, asks, heeds comments, publishes what was approved."""

import json

from agent.models.conversation import Answer, Conversation, ToolCall, Turn
from agent.workflows.marketing.rulings import ASK, PUBLISH

_OFFLINE = "I am the offline playbook, not a language model."
#: How often a call that UniTok did not answer is made.
_TRIES = 3
_LONGEST_TASK = 2_000


def post(conversation: Conversation) -> Turn:
    """Give the agent's next turn, from what its tools gave back."""
    if not conversation.answers:
        draft = _draft(conversation.prompt, ())
        return Turn(f"{_OFFLINE} May this be published?", [_ask(draft)])
    last = conversation.answers[-1]
    return (
        _after_asking(conversation, last)
        if last.call.name == ASK
        else _after_publishing(conversation, last)
    )


def _after_asking(conversation: Conversation, last: Answer) -> Turn:
    if last.is_error:
        return Turn(f"{_OFFLINE} Nothing was published. {last.text}")
    ruling = json.loads(last.text)
    if ruling["approved"]:
        publish = ToolCall(PUBLISH, {"content": ruling["content"]})
        return Turn("It is approved.", [publish])
    if ruling["expired"]:
        return Turn(f"{_OFFLINE} Nothing was published: {ruling['comment']}.")
    comments = [str(json.loads(each.text)["comment"]) for each in _rulings(conversation)]
    draft = _draft(conversation.prompt, tuple(comments))
    return Turn(f"They said: {ruling['comment']}", [_ask(draft)])


def _after_publishing(conversation: Conversation, last: Answer) -> Turn:
    if not last.is_error:
        published = json.loads(last.text.partition("\n")[0])
        return Turn(f"{_OFFLINE} Published as post {published['post_id']}: {published['url']}")
    tries = conversation.answers_of(PUBLISH)
    if len(tries) < _TRIES:
        return Turn("Once more.", [last.call])
    return Turn(f"{_OFFLINE} It could not be published. {last.text}")


def _rulings(conversation: Conversation) -> list[Answer]:
    return [each for each in conversation.answers_of(ASK) if not each.is_error]


def _ask(draft: str) -> ToolCall:
    return ToolCall(ASK, {"content": draft})


def _draft(task: str, comments: tuple[str, ...]) -> str:
    """Write a post of the task's own words, and of what was said about the drafts before."""
    heeded = "".join(f"\n\nRevised, as you said: {comment}" for comment in comments)
    return f"🦄 {task.strip()[:_LONGEST_TASK]}\n\nRent a unicorn at Unicorn Rentals.{heeded}"
