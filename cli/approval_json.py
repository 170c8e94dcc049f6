"""Approvals as JSON, as operators see them: with the page, and where deciders were."""

from datetime import datetime

from runs import approval_json
from runs.journal.base import Asked
from runs.json_types import Json


def approval_to_json(asked: Asked, *, now: datetime, url: str | None) -> dict[str, Json]:
    """Give an approval's JSON object.

    Args:
        asked: The approval.
        now: When it is looked at.
        url: The page on which it is decided; None where there is none.
    """
    approval = asked.approval
    return {
        **approval_json.approval_to_json(asked, now=now),
        "url": url,
        "decisions": [
            {**approval_json.vote_to_json(vote), "from": vote.origin} for vote in approval.votes
        ],
        "callback_id": approval.callback_id,
    }
