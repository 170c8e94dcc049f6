"""An approval: a question that was asked in a run, and how it stands.

It lives beside the callback that carries its answer: one approval, one callback. The callback
decides whether an answer is taken; the approval keeps who was asked what, and who said what.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from runs.approvals import ROLE, Decision, Question, Verdict, content_hash
from runs.events import Event, EventType
from runs.instants import to_iso
from runs.json_types import Json
from runs.operations import Operation
from runs.run import Run

_ID_LENGTH = 10
#: Crockford's digits in lower case, so that an id is easily typed and has no o, l or u in it.
_DIGITS = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789abcdefghjkmnpqrstvwxyz")
#: How the SDK names the callback of `wait_for_callback`.
_SDK_SUFFIX = "create callback id"


class ApprovalState(StrEnum):
    """How an approval stands."""

    #: An answer is waited for.
    OPEN = "open"
    #: So many said yes as were needed.
    APPROVED = "approved"
    #: Somebody said no.
    DENIED = "denied"
    #: Nobody decided in time, which is a no.
    EXPIRED = "expired"
    #: The run ended without it.
    WITHDRAWN = "withdrawn"
    #: A callback that asked nothing in words got an answer that only its workflow can read.
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who looks at approvals or decides, as whoever let them in knows them."""

    name: str
    roles: frozenset[str] = frozenset()
    #: From where: `cli on ada-laptop`, an address.
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """What one person said, and when and from where."""

    verdict: Verdict
    by: str
    at: datetime
    origin: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """That somebody looked."""

    by: str
    origin: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A question that was asked; `state` is as last recorded, `as_of` tells how it stands."""

    #: Short enough to be typed, and the same wherever the callback is seen.
    approval_id: str
    session_id: str
    operation_id: str
    callback_id: str
    #: The operation's name.
    name: str
    question: Question
    #: The workflow waits for a callback without a question in words; its answer is its own.
    is_bare: bool = False
    asked_at: datetime
    expires_at: datetime | None = None
    #: When those who may decide were told of it as it stands now, and of its end.
    announced_at: datetime | None = None
    end_told_at: datetime | None = None
    #: When deciders are reminded, in order, and how many of these times have been used.
    remind_at: tuple[datetime, ...] = ()
    reminders: int = 0
    state: ApprovalState = ApprovalState.OPEN
    #: Who decided so far; one who denied is the last.
    votes: tuple[Vote, ...] = ()
    #: The content as an approver edited it; what is asked now, if more must approve.
    content: str | None = None
    decided_at: datetime | None = None
    #: Who looked last, one of each name and origin.
    views: tuple[View, ...] = ()
    #: The forms that were used to decide, of those that may be used once only.
    used_forms: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """Give the content that is asked about now."""
        return self.question.content if self.content is None else self.content

    @property
    def arguments(self) -> Json:
        """Give the tool's arguments as they are asked about now."""
        given, name = self.question.arguments, self.question.edits
        if self.content is None or name is None or not isinstance(given, Mapping):
            return given
        return {**given, name: self.content}

    @property
    def hash(self) -> str:
        """Give the hash of what a decider is shown now; a decision must name it."""
        question = self.question
        return content_hash(
            what=question.what, content=self.shown, tool=question.tool, arguments=self.arguments
        )

    @property
    def decided_by(self) -> str | None:
        """Give who decided; None while it is open, and where nobody did."""
        is_decided = self.state is not ApprovalState.OPEN and self.votes
        return self.votes[-1].by if is_decided else None

    @property
    def missing(self) -> int:
        """Count the approvals that are still needed."""
        return max(0, self.question.quorum - len(self.votes))

    @property
    def comment(self) -> str:
        """Give what the last decider said."""
        return self.votes[-1].comment if self.votes else ""

    def as_of(self, run: Run, now: datetime) -> ApprovalState:
        """Say how it stands: time, and the end of its run, decide where nobody was there to."""
        if self.state is not ApprovalState.OPEN:
            return self.state
        is_over = run.status.is_terminal
        if self.ends_at(run) <= ((run.finished_at if is_over else None) or now):
            return ApprovalState.EXPIRED
        return ApprovalState.WITHDRAWN if is_over else ApprovalState.OPEN

    def ends_at(self, run: Run) -> datetime:
        """Give the instant until which an answer is taken: the run's deadline at the latest."""
        return run.deadline_at if self.expires_at is None else min(self.expires_at, run.deadline_at)

    def may_be_decided_by(self, person: Person) -> bool:
        """Say whether somebody is among those who may decide.

        Names are often what people say of themselves, and roles never are: a name that is written
        like a role stands for none.
        """
        allowed = {folded(each) for each in self.question.may_decide}
        known = {folded(f"{ROLE}{role}") for role in person.roles}
        if not folded(person.name).startswith(ROLE):
            known.add(folded(person.name))
        return not allowed or bool(allowed & known)

    def event(self, kind: EventType, at: datetime, **details: Json) -> Event:
        """Make a fact about this approval."""
        told: dict[str, Json] = {"ApprovalId": self.approval_id, **details}
        return Event(
            type=kind,
            at=at,
            operation_id=self.operation_id,
            name=self.name,
            details={name: value for name, value in told.items() if value not in (None, "")},
        )


def approval_id_of(callback_id: str) -> str:
    """Give the short name of a callback's approval."""
    digest = hashlib.sha256(callback_id.encode()).digest()
    return base64.b32encode(digest).decode().translate(_DIGITS)[:_ID_LENGTH]


def asked(
    callback: Operation, question: Question | None, *, session_id: str, now: datetime
) -> tuple[Approval, Event]:
    """Give the approval of a callback that was opened, and the fact that it was asked.

    Args:
        callback: The operation that takes the answer.
        question: What is asked; None for a callback of a workflow that says nothing about it.
        session_id: The run.
        now: When it is asked.
    """
    callback_id = callback.callback_id or ""
    name = (callback.name or "").removesuffix(_SDK_SUFFIX).strip() or "callback"
    asking = question or Question(what=name)
    approval = Approval(
        approval_id=approval_id_of(callback_id),
        session_id=session_id,
        operation_id=callback.operation_id,
        callback_id=callback_id,
        name=name,
        question=asking,
        is_bare=question is None,
        asked_at=now,
        expires_at=callback.timeout_at,
        remind_at=_reminders(asking, now, callback.timeout_at),
    )
    event = approval.event(
        EventType.APPROVAL_REQUESTED,
        now,
        What=asking.what,
        Tool=asking.tool,
        Hash=approval.hash,
        ExpiresAt=to_iso(approval.expires_at) if approval.expires_at else None,
        MayDecide=list(asking.may_decide) or None,
        Quorum=asking.quorum,
    )
    return approval, event


def decision_of(approval: Approval) -> Decision:
    """Give the answer that a decided approval is to its workflow."""
    verdict = Verdict.APPROVED if approval.state is ApprovalState.APPROVED else Verdict.DENIED
    return Decision(
        verdict=verdict,
        comment=approval.comment,
        content=approval.content if verdict is Verdict.APPROVED else None,
        by=approval.decided_by,
        at=approval.decided_at,
        answers=None if approval.is_bare else approval.question.hash,
    )


def folded(name: str) -> str:
    """Give a name as names are compared."""
    return name.strip().casefold()


def _reminders(
    question: Question, now: datetime, expires_at: datetime | None
) -> tuple[datetime, ...]:
    if expires_at is None:
        return ()
    before = question.remind_before
    if before is None:
        before = ((expires_at - now) / 4,)
    at = {expires_at - span for span in before if timedelta(0) < span < expires_at - now}
    return tuple(sorted(at))
