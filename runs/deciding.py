"""The rules by which approvals are looked at, decided, and closed.

Pure: a run's head, one of its callbacks and the approval beside it give all three as they are next,
and the facts to record. A journal writes them in one transaction, on the condition that the head is
still the one read: of two people who decide in the same moment one is told of the other.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from runs import callbacks
from runs.approvals import MAX_COMMENT, Decision, Verdict, denied
from runs.asked import (
    Approval,
    ApprovalState,
    Person,
    View,
    Vote,
    decision_of,
    folded,
)
from runs.errors import (
    AlreadyVotedError,
    ApprovalChangedError,
    ApprovalClosedError,
    BallotUsedError,
    NotADeciderError,
)
from runs.events import Event, EventType
from runs.lifecycle import Change
from runs.operations import Operation, OperationStatus
from runs.run import Run

#: Looks of one person from one place within this are one look: a page that reloads itself, or a
#: mail scanner, must not fill the timeline.
SAME_VIEW = timedelta(minutes=1)
_KEPT_VIEWS = 50

#: A rule with its arguments bound, as a journal applies it.
ApprovalRule = Callable[[Run, Operation, Approval], Change]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """What somebody decides.

    Raises:
        ValueError: A denial comes with edited content.
    """

    verdict: Verdict
    person: Person
    #: `Approval.hash` of what they were shown.
    hash: str
    comment: str = ""
    #: The content as they edited it; approvals only.
    content: str | None = None
    #: Names the form they were given to decide with, if it may be used once only.
    form: str | None = None

    def __post_init__(self) -> None:
        if self.content is not None and self.verdict is Verdict.DENIED:
            msg = "a denial comes with edited content, expected content with approvals only"
            raise ValueError(msg)


def decide(
    run: Run, callback: Operation, approval: Approval, *, ballot: Ballot, now: datetime
) -> Change:
    """Take a decision: the callback completes with a denial, or with the last approval needed.

    One denial denies. An edit makes a new question of it: who approved before approved other
    words, and their approvals no longer count.

    Raises:
        ApprovalClosedError: It is decided, expired or withdrawn.
        ApprovalChangedError: The decider was shown something else.
        NotADeciderError: They are not among those who may decide.
        AlreadyVotedError: They have approved before, and others still have to.
        BallotUsedError: It has been taken before.
        CallbackPayloadError: With the edited content the answer would be larger than one can be.
    """
    check_open(run, callback, approval, now)
    _check_ballot(approval, ballot)
    voted = _voted(approval, ballot, now)
    if ballot.content is not None:
        # Now, and not when the last of them has approved what no workflow could be told.
        answer = decision_of(replace(voted, state=ApprovalState.APPROVED)).to_payload()
        callbacks.text_of(approval.callback_id, answer)
    event = _decided(voted, voted.votes[-1], is_edited=voted.content != approval.content)
    if voted.state is ApprovalState.OPEN:
        # A vote is an event of the run, and moves it in no listing: nothing goes on because of it.
        # But those who have still to decide must hear of an edit.
        notify_at = now if voted.announced_at is None else run.notify_at
        changed = replace(run, version=run.version + 1, notify_at=notify_at)
        return Change(run=changed, events=(event,), approvals=(voted,))
    payload = decision_of(voted).to_payload()
    by = ballot.person.name
    change = callbacks.complete(run, callback, payload=payload, now=now, by=by)
    return replace(change, events=(event, *change.events), approvals=(voted,))


def look(
    run: Run, callback: Operation, approval: Approval, *, person: Person, now: datetime
) -> Change:
    """Record that somebody looked at an approval that is open; others are left as they are."""
    if not _is_open(run, callback, approval, now) or _has_just_looked(approval, person, now):
        return Change(run=run)
    others = [view for view in approval.views if not _is_by(view, person)]
    view = View(by=person.name, origin=person.origin, at=now)
    seen = replace(approval, views=(*others, view)[-_KEPT_VIEWS:])
    event = approval.event(EventType.APPROVAL_VIEWED, now, By=person.name, From=person.origin)
    changed = replace(run, version=run.version + 1)
    return Change(run=changed, events=(event,), approvals=(seen,))


def followed(change: Change, approval: Approval | None) -> Change:
    """Close an approval whose callback was closed by something else than a decision on it."""
    if approval is None or approval.state is not ApprovalState.OPEN or not change.operations:
        return change
    callback = change.operations[0]
    if callback.status is OperationStatus.STARTED or callback.ended_at is None:
        return change
    closed = _closed_with(approval, callback, callback.ended_at)
    if closed.state is not ApprovalState.EXPIRED:
        event = _decided(closed, closed.votes[-1])
        return replace(change, events=(event, *change.events), approvals=(closed,))
    event = closed.event(EventType.APPROVAL_EXPIRED, callback.ended_at)
    run = replace(change.run, notify_at=callback.ended_at)
    return replace(change, run=run, events=(event, *change.events), approvals=(closed,))


def check_open(run: Run, callback: Operation, approval: Approval, now: datetime) -> None:
    """Refuse an approval that takes no decision any more.

    Raises:
        ApprovalClosedError: With what it came to, and by whom and when.
    """
    state = approval.as_of(run, now)
    if state is ApprovalState.OPEN and callback.due_at is not None and callback.due_at <= now:
        # No heartbeat came.
        state = ApprovalState.EXPIRED
    if callback.status is not OperationStatus.STARTED and state is ApprovalState.OPEN:
        # Answered in the moment in which it was asked.
        raise ApprovalClosedError(
            approval.approval_id,
            state=ApprovalState.ANSWERED.value,
            by=callback.answered_by,
            at=callback.ended_at,
        )
    if state is ApprovalState.OPEN:
        return
    at = approval.decided_at
    if at is None:
        at = run.finished_at if state is ApprovalState.WITHDRAWN else approval.ends_at(run)
    raise ApprovalClosedError(
        approval.approval_id,
        state=state.value,
        by=approval.decided_by,
        at=at,
        why=f"run {run.session_id!r} is {run.status}" if state is ApprovalState.WITHDRAWN else "",
    )


def _is_open(run: Run, callback: Operation, approval: Approval, now: datetime) -> bool:
    try:
        check_open(run, callback, approval, now)
    except ApprovalClosedError:
        return False
    return True


def _check_ballot(approval: Approval, ballot: Ballot) -> None:
    person = ballot.person
    if ballot.form in approval.used_forms:
        raise BallotUsedError(approval.approval_id)
    if not approval.may_be_decided_by(person):
        raise NotADeciderError(
            approval.approval_id, name=person.name, may_decide=approval.question.may_decide
        )
    if ballot.hash != approval.hash:
        raise ApprovalChangedError(approval.approval_id)
    if ballot.verdict is Verdict.DENIED or _is_edit(approval, ballot):
        return
    for vote in approval.votes:
        if folded(vote.by) == folded(person.name):
            raise AlreadyVotedError(
                approval.approval_id, name=vote.by, at=vote.at, missing=approval.missing
            )


def _voted(approval: Approval, ballot: Ballot, now: datetime) -> Approval:
    if ballot.form is not None:
        # An edit drops the votes before it, but not what they were cast with.
        approval = replace(approval, used_forms=(*approval.used_forms, ballot.form))
    vote = Vote(
        verdict=ballot.verdict,
        by=ballot.person.name,
        at=now,
        origin=ballot.person.origin,
        comment=ballot.comment[:MAX_COMMENT],
    )
    if ballot.verdict is Verdict.DENIED:
        votes = (*approval.votes, vote)
        return replace(approval, votes=votes, state=ApprovalState.DENIED, decided_at=now)
    if _is_edit(approval, ballot):
        voted = replace(approval, votes=(vote,), content=ballot.content, announced_at=None)
    else:
        voted = replace(approval, votes=(*approval.votes, vote))
    if voted.missing:
        return voted
    return replace(voted, state=ApprovalState.APPROVED, decided_at=now)


def _is_edit(approval: Approval, ballot: Ballot) -> bool:
    return ballot.content is not None and ballot.content != approval.shown


def _closed_with(approval: Approval, callback: Operation, at: datetime) -> Approval:
    if callback.status is OperationStatus.TIMED_OUT:
        return replace(approval, state=ApprovalState.EXPIRED, decided_at=at)
    decision, state = _answer_of(callback, is_bare=approval.is_bare)
    vote = Vote(
        verdict=decision.verdict,
        by=callback.answered_by or decision.by or "somebody",
        at=at,
        origin="callback",
        comment=decision.comment,
    )
    content = decision.content if decision.is_approved else None
    votes = (*approval.votes, vote)
    return replace(approval, state=state, votes=votes, content=content, decided_at=at)


def _answer_of(callback: Operation, *, is_bare: bool) -> tuple[Decision, ApprovalState]:
    if callback.error is not None:
        why = callback.error.message or callback.error.type or ""
        return denied(why), ApprovalState.DENIED
    if is_bare and Decision.read(callback.payload) is None:
        return denied(""), ApprovalState.ANSWERED
    decision = Decision.from_payload(callback.payload)
    return decision, ApprovalState(decision.verdict.value)


def _decided(approval: Approval, vote: Vote, *, is_edited: bool = False) -> Event:
    is_open = approval.state is ApprovalState.OPEN
    return approval.event(
        EventType.APPROVAL_DECIDED,
        vote.at,
        Decision=vote.verdict.value if is_open else approval.state.value,
        By=vote.by,
        From=vote.origin,
        Comment=vote.comment,
        Edited=is_edited or None,
        Missing=approval.missing if is_open else None,
        Hash=approval.hash,
    )


def _has_just_looked(approval: Approval, person: Person, now: datetime) -> bool:
    return any(_is_by(view, person) and now - view.at < SAME_VIEW for view in approval.views)


def _is_by(view: View, person: Person) -> bool:
    return (view.by, view.origin) == (person.name, person.origin)
