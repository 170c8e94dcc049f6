"""Notices to put into words."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from runs.approvals import Question
from runs.asked import Approval, asked
from runs.callbacks import callback_id_of
from runs.letters import Letter, write_letter
from runs.notices import Notice, NoticeKind
from runs.run import Status
from tests.support.approvals import POST, a_callback
from tests.support.journals import NOW, a_run

SESSION = "0b5d3a52-6a3f-4a7e-9d0f-1f6f1f2f3f4f"
URL = "https://api.example/a/.token"


def an_approval(question: Question = POST, operation_id: str = "cb-1", **changes: Any) -> Approval:  # noqa: ANN401 - any field of an approval
    """Make an approval that was asked at `NOW`."""
    ends = None if question.expires_in is None else NOW + question.expires_in
    callback = a_callback(
        SESSION,
        operation_id,
        timeout_at=ends,
        due_at=ends,
        callback_id=callback_id_of(SESSION, operation_id),
    )
    approval, _ = asked(callback, question, session_id=SESSION, now=NOW)
    return replace(approval, **changes)


def a_notice(approval: Approval | None = None, **changes: Any) -> Notice:  # noqa: ANN401 - any field of a notice
    """Make a notice that somebody is asked."""
    run = a_run(session_id=SESSION, status=Status.WAITING, workflow="marketing-post")
    fields: dict[str, Any] = {
        "kind": NoticeKind.ASKED,
        "approval": approval or an_approval(),
        "run": run,
        "due_at": NOW,
    }
    return Notice(**fields | changes)


def a_letter(question: Question = POST, **changes: Any) -> Letter:  # noqa: ANN401 - any field of a notice
    """Write a letter a minute after something was asked."""
    notice = a_notice(an_approval(question), **changes)
    return write_letter(notice, url=URL, now=NOW + timedelta(minutes=1))
