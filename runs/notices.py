"""What those who may decide are to be told: that they are asked, reminders, and that it is over.

Pure. An outbox: the approval says what was told, the head when the next look is due (`notify_at`).
Who tells sends first and records afterwards, so that after a crash in between it is told again,
under the same id, and never not at all.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from runs.asked import Approval, ApprovalState
from runs.differences import asked_before
from runs.events import Event, EventType
from runs.instants import to_iso
from runs.lifecycle import Change
from runs.run import Run

#: What could not be sent is tried again after as long as it is late, within these.
_SOONEST, _LATEST = timedelta(seconds=15), timedelta(minutes=15)
#: A run that has ended is watched for so long to tell of it, if that fails; it holds up what
#: follows its end.
_LAST_TRIES = timedelta(minutes=2)
_HASH_SHOWN = 8


class NoticeKind(StrEnum):
    """What a notice is about."""

    #: A decision is asked for.
    ASKED = "asked"
    #: It still is, and its time is running out.
    REMINDER = "reminder"
    #: Nobody decided: the time passed, or the run ended.
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to tell about an approval."""

    kind: NoticeKind
    approval: Approval
    run: Run
    #: What the run asked last about the same thing, if it did.
    before: Approval | None = None
    #: Of a reminder: how many times of `Approval.remind_at` it stands for.
    number: int = 0
    #: Since when it should have been told.
    due_at: datetime

    @property
    def notice_id(self) -> str:
        """Give what tells it from others; the same however often it is sent."""
        # An edit makes another question of an approval.
        suffix = {
            NoticeKind.ASKED: f"-{self.approval.hash[:_HASH_SHOWN]}",
            NoticeKind.REMINDER: f"-{self.number}",
            NoticeKind.ENDED: "",
        }
        return f"{self.approval.approval_id}-{self.kind}{suffix[self.kind]}"

    @property
    def is_withdrawn(self) -> bool:
        """Say, of an end, whether the run ended first; else nobody decided in time."""
        return self.approval.as_of(self.run, self.due_at) is ApprovalState.WITHDRAWN


#: Reads all approvals of a run that can be read.
ReadApprovals = Callable[[], Sequence[Approval]]


def due_notices(run: Run, approvals: Sequence[Approval], *, now: datetime) -> list[Notice]:
    """Give what is to be told now."""
    return [notice for each in approvals for notice in _due(run, each, approvals, now)]


def next_notice_at(run: Run, approvals: Iterable[Approval], *, now: datetime) -> datetime | None:
    """Give when there will be something to tell, if nothing is now and nothing happens until then.

    Args:
        run: The run.
        approvals: All of it.
        now: As of when.
    """
    instants = [at for each in approvals for at in _ahead(run, each, now)]
    return min(instants, default=None)


def note_sent(run: Run, read: ReadApprovals, *, sent: Collection[Notice], now: datetime) -> Change:
    """Record what was told, and when to look again."""
    approvals = read()
    told = {notice.notice_id: notice for notice in sent}
    changed: list[Approval] = []
    events: list[Event] = []
    for notice in due_notices(run, approvals, now=now):
        if notice.notice_id in told:
            changed.append(_marked(notice, now))
            events.append(_event(notice, now))
    latest = {each.approval_id: each for each in (*approvals, *changed)}
    notify_at = _look_at(run, list(latest.values()), now)
    if not changed and notify_at == run.notify_at:
        return Change(run=run)
    # Neither moves the run in a listing: nothing goes on because of it.
    held = replace(run, notify_at=notify_at, version=run.version + 1)
    return Change(run=held, events=tuple(events), approvals=tuple(changed))


def asked_again(approvals: Iterable[Approval]) -> list[Approval]:
    """Give what is asked still, as it is when the run is taken up again that had ended meanwhile.

    Whoever was told that nobody wants an answer any more is told that it is wanted.
    """
    asking = (each for each in approvals if each.state is ApprovalState.OPEN)
    return [replace(each, announced_at=None, end_told_at=None) for each in asking]


def _due(
    run: Run, approval: Approval, of_run: Sequence[Approval], now: datetime
) -> Iterator[Notice]:
    make = _maker(run, approval, of_run)
    match approval.as_of(run, now):
        case ApprovalState.OPEN if approval.announced_at is None:
            yield make(NoticeKind.ASKED, approval.asked_at, 0)
        case ApprovalState.OPEN:
            past = [at for at in approval.remind_at if at <= now]
            if len(past) > approval.reminders:
                yield make(NoticeKind.REMINDER, past[-1], len(past))
        case ApprovalState.EXPIRED | ApprovalState.WITHDRAWN as state:
            # Whoever never heard of a question need not hear that nobody wants an answer.
            is_news = state is ApprovalState.EXPIRED or approval.announced_at is not None
            if approval.end_told_at is None and is_news:
                yield make(NoticeKind.ENDED, _ended_at(run, approval), 0)
        case _:
            return


def _maker(
    run: Run, approval: Approval, of_run: Sequence[Approval]
) -> Callable[[NoticeKind, datetime, int], Notice]:
    def make(kind: NoticeKind, due_at: datetime, number: int) -> Notice:
        before = asked_before(approval, of_run)
        return Notice(
            kind=kind, approval=approval, run=run, before=before, number=number, due_at=due_at
        )

    return make


def _ended_at(run: Run, approval: Approval) -> datetime:
    return approval.decided_at or run.finished_at or approval.ends_at(run)


def _ahead(run: Run, approval: Approval, now: datetime) -> Iterator[datetime]:
    if approval.as_of(run, now) is ApprovalState.OPEN:
        yield from (at for at in approval.remind_at if at > now)
        yield approval.ends_at(run)


def _look_at(run: Run, approvals: Sequence[Approval], now: datetime) -> datetime | None:
    unsent = due_notices(run, approvals, now=now)
    if run.finished_at is not None and now - run.finished_at > _LAST_TRIES:
        return None
    late = [now - notice.due_at for notice in unsent]
    again = [now + min(max(each, _SOONEST), _LATEST) for each in late]
    following = next_notice_at(run, approvals, now=now)
    return min([*again, *([] if following is None else [following])], default=None)


def _marked(notice: Notice, now: datetime) -> Approval:
    approval = notice.approval
    past = sum(at <= now for at in approval.remind_at)
    match notice.kind:
        case NoticeKind.ASKED:
            # Who hears of it only now needs no reminder of before.
            return replace(approval, announced_at=now, reminders=past)
        case NoticeKind.REMINDER:
            return replace(approval, reminders=notice.number)
        case NoticeKind.ENDED:
            return replace(approval, end_told_at=now)


def _event(notice: Notice, now: datetime) -> Event:
    approval = notice.approval
    if notice.kind is NoticeKind.REMINDER:
        until = to_iso(approval.ends_at(notice.run))
        return approval.event(EventType.APPROVAL_REMINDED, now, ExpiresAt=until)
    return approval.event(EventType.APPROVAL_ANNOUNCED, now, Notice=notice.kind.value)
