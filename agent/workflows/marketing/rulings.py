"""What people ruled on posts in a conversation, and so which of them may be published.

Two tools ask: `human_approval` about a content, which stands for the post that UniTok makes of it
when nothing else is said, and `publish_post` about a whole post. An approval is for that one post,
with every part of it; an approver's own words take the place of those that were shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from agent.questions import Answered, denial
from agent.workflows.marketing.errors import NotApprovedError, PostError
from agent.workflows.marketing.post import Post
from runs.approvals import Decision, Question
from runs.json_types import Json

ASK = "human_approval"
PUBLISH = "publish_post"
#: How often people are asked in one run. Who said no so often does not want to be asked again.
MAX_ASKED = 3


@dataclass(frozen=True, slots=True)
class Ruling:
    """What was decided about one post."""

    post: Post
    decision: Decision

    @property
    def approved(self) -> Post | None:
        """Give the post that may be published; an edit has made it another one."""
        if not self.decision.is_approved:
            return None
        content = self.decision.content
        try:
            return self.post if content is None else with_content(self.post, content)
        except PostError:
            # An approver made a text of it that no post can have.
            return None


@dataclass(frozen=True, slots=True)
class Rulings:
    """All that was decided so far, in the order it was asked."""

    all: Sequence[Ruling]

    @classmethod
    def of(cls, past: Iterable[Answered]) -> "Rulings":
        """Read the answers of a conversation."""
        return cls([Ruling(_post(each), each.decision) for each in past if _is_about_post(each)])

    def allow(self, post: Post) -> bool:
        """Say whether somebody approved this very post; the latest word on it counts.

        Raises:
            NotApprovedError: Somebody denied it, or approved other words in its place.
        """
        for ruling in reversed(self.all):
            if ruling.approved == post:
                return True
            if ruling.post == post:
                raise NotApprovedError(_why_not(ruling))
        return False

    def check_may_ask(self) -> None:
        """See that people may be asked once more.

        Raises:
            NotApprovedError: They were asked often enough, or did not answer.
        """
        if any(ruling.decision.is_expired for ruling in self.all):
            msg = "nobody answered in time; don't ask again, say that nothing was published"
            raise NotApprovedError(msg)
        if len(self.all) >= MAX_ASKED:
            msg = f"people were asked {MAX_ASKED} times; don't ask again, say how it ended"
            raise NotApprovedError(msg)


def with_content(post: Post, content: str) -> Post:
    """Give a post with other words.

    Raises:
        PostError: No post can have these.
    """
    return Post.from_json({**post.to_json(), "content": content})


def question_of(post: Post, *, expires_in: timedelta) -> Question:
    """Ask whether a post may be published."""
    image = f", with the picture {post.image_url}" if post.image_url else ""
    return Question(
        what=f"publish this post on UniTok, by {post.author}, in {post.unicorn_color}{image}",
        content=post.content,
        edits="content",
        expires_in=expires_in,
    )


def _is_about_post(answered: Answered) -> bool:
    return answered.asked.question.tool in {ASK, PUBLISH}


def _post(answered: Answered) -> Post:
    # Both tools' arguments were a post before anybody was asked.
    return Post.from_json(dict(cast("Mapping[str, Json]", answered.asked.question.arguments)))


def _why_not(ruling: Ruling) -> str:
    other = ruling.approved
    if other is not None:
        return f"a person changed this post; publish exactly what they made of it: {other.content}"
    if ruling.decision.is_approved:
        return "a person changed this post to one that can't be published; ask with another one"
    return f"this post was {denial(ruling.decision)}; write another one and ask again, or end"
