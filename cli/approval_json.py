"""Approvals as JSON: the shape that `docs/cli.md` documents and programs rely on."""

from datetime import datetime

from runs.asked import Vote
from runs.instants import to_iso
from runs.journal.base import Asked
from runs.json_types import Json


def approval_to_json(asked: Asked, *, now: datetime) -> dict[str, Json]:
    """Give an approval's JSON object."""
    approval, question = asked.approval, asked.approval.question
    return {
        "id": approval.approval_id,
        "session_id": approval.session_id,
        "url": None,
        "asked_at": to_iso(approval.asked_at),
        "expires_at": to_iso(approval.ends_at(asked.run)),
        "what": question.what,
        "state": asked.state(now).value,
        "workflow": asked.run.workflow,
        "name": approval.name,
        "content": approval.shown,
        "tool": question.tool,
        "arguments": approval.arguments,
        "tool_use_id": question.tool_use_id,
        "hash": approval.hash,
        "may_decide": list(question.may_decide),
        "quorum": question.quorum,
        "missing": approval.missing,
        "decisions": [_vote(vote) for vote in approval.votes],
        "decided_at": None if approval.decided_at is None else to_iso(approval.decided_at),
        "decided_by": approval.decided_by,
        "comment": approval.comment,
        "callback_id": approval.callback_id,
    }


def _vote(vote: Vote) -> Json:
    return {
        "decision": vote.verdict.value,
        "by": vote.by,
        "at": to_iso(vote.at),
        "from": vote.origin,
        "comment": vote.comment,
    }
