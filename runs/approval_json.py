"""Approvals as JSON: the shape that `docs/cli.md` documents and programs rely on."""

from datetime import datetime

from runs.asked import Vote
from runs.instants import to_iso
from runs.journal.base import Asked
from runs.json_types import Json


def approval_to_json(asked: Asked, *, now: datetime) -> dict[str, Json]:
    """Give an approval's JSON object, without what depends on who asks for it."""
    approval, question = asked.approval, asked.approval.question
    return {
        "id": approval.approval_id,
        "session_id": approval.session_id,
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
        "decisions": [vote_to_json(vote) for vote in approval.votes],
        "decided_at": None if approval.decided_at is None else to_iso(approval.decided_at),
        "decided_by": approval.decided_by,
        "comment": approval.comment,
    }


def vote_to_json(vote: Vote) -> dict[str, Json]:
    """Give what one person said."""
    return {
        "decision": vote.verdict.value,
        "by": vote.by,
        "at": to_iso(vote.at),
        "comment": vote.comment,
    }
