"""What the bus is told of approvals: that a decision is asked for, and that none was made.

Pure. It says what is asked, of whom and until when, and neither the content nor a link: whoever may
read the bus need not be one of those who may decide.
"""

from runs.asked import Approval
from runs.bus.base import BusEvent, EventKind
from runs.inert import one_line
from runs.instants import to_iso
from runs.json_types import Json
from runs.notices import Notice, NoticeKind
from runs.run import Run

#: An event has at most 256 KB, and the names are the workflow's own.
_MOST_NAMES, _MAX_NAME = 100, 100
_MAX_LINE = 500


def event_of(notice: Notice) -> BusEvent | None:
    """Give the event that tells what a notice does; None for a reminder, which is no news."""
    approval, run = notice.approval, notice.run
    if notice.kind is NoticeKind.REMINDER:
        return None
    kind = EventKind.APPROVAL_REQUESTED
    data = _question(approval, run)
    if notice.kind is NoticeKind.ASKED:
        data |= _asking(approval, run)
    else:
        kind = EventKind.APPROVAL_WITHDRAWN if notice.is_withdrawn else EventKind.APPROVAL_EXPIRED
    return BusEvent(
        # A run that is taken up again asks again, and that is news.
        event_id=f"{notice.notice_id}-{run.retries}",
        kind=kind,
        session_id=run.session_id,
        at=notice.due_at,
        data=data,
    )


def _question(approval: Approval, run: Run) -> dict[str, Json]:
    tool = approval.question.tool
    return {
        "session_id": run.session_id,
        "workflow": run.workflow,
        "approval_id": approval.approval_id,
        "what": one_line(approval.question.what, _MAX_LINE),
        **({} if tool is None else {"tool": one_line(tool, _MAX_LINE)}),
        "hash": approval.hash,
        "asked_at": to_iso(approval.asked_at),
        "expires_at": to_iso(approval.ends_at(run)),
    }


def _asking(approval: Approval, run: Run) -> dict[str, Json]:
    names = approval.question.may_decide[:_MOST_NAMES]
    return {
        "may_decide": [one_line(each, _MAX_NAME) for each in names],
        "missing": approval.missing,
    }
