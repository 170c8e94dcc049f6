"""Approvals to decide on, in a journal of any kind."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from runs.approvals import Question, Verdict
from runs.asked import Approval, Person, asked
from runs.callbacks import callback_id_of
from runs.deciding import Ballot
from runs.journal.base import Changes, Journal
from runs.operations import Operation, OperationStatus, OperationType
from runs.run import Lease
from tests.support.journals import NOW, accept, an_operation, claim

ADA = Person(name="ada", origin="cli on lab")
BOB = Person(name="bob", origin="203.0.113.7")
POST = Question(
    what="publish this post",
    content="Unicorns for rent!",
    tool="publish_post",
    arguments={"content": "Unicorns for rent!", "color": "pink"},
    edits="content",
    expires_in=timedelta(hours=1),
)


def a_callback(session_id: str, operation_id: str = "cb-1", **changes: Any) -> Operation:  # noqa: ANN401 - any field of an operation
    """Make a callback that was opened at `NOW`."""
    fields: dict[str, Any] = {
        "type": OperationType.CALLBACK,
        "status": OperationStatus.STARTED,
        "name": "publish create callback id",
        "attempt": 0,
        "payload": None,
        "ended_at": None,
        "callback_id": callback_id_of(session_id, operation_id),
    }
    return an_operation(operation_id, **fields | changes)


def ask(
    journal: Journal,
    question: Question | None = POST,
    *,
    lease: Lease | None = None,
    operation_id: str = "cb-1",
    at: datetime = NOW,
    **run: Any,  # noqa: ANN401 - any field of a run
) -> tuple[Lease, Approval]:
    """Begin a run whose workflow asks something; or ask one thing more in one."""
    if lease is None:
        lease = claim(journal, accept(journal, **run).session_id).lease
    expires_in = None if question is None else question.expires_in
    ends = None if expires_in is None else at + expires_in
    callback = a_callback(
        lease.session_id, operation_id, due_at=ends, timeout_at=ends, started_at=at
    )
    approval, event = asked(callback, question, session_id=lease.session_id, now=at)
    changes = Changes(operations=(callback,), approvals=(approval,), events=(event,))
    journal.commit(lease, changes, now=at)
    return lease, approval


def yes(approval: Approval, person: Person = ADA, **changes: Any) -> Ballot:  # noqa: ANN401 - any field of a ballot
    """Make the approval of somebody who was shown it as it is."""
    ballot = Ballot(verdict=Verdict.APPROVED, person=person, hash=approval.hash)
    return replace(ballot, **changes)


def no(approval: Approval, person: Person = ADA, comment: str = "Too loud.") -> Ballot:
    """Make the denial of somebody who was shown it as it is."""
    return Ballot(verdict=Verdict.DENIED, person=person, hash=approval.hash, comment=comment)
