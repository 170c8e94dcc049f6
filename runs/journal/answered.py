"""What comes from outside an attempt: answers to callbacks, and decisions on approvals.

Each is a rule on a head, one of its callbacks and the approval beside it, written in one
transaction. The condition on the head covers the other two: whatever changes one of them adds to
the head's version, and they are read after it.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial

from runs import callbacks, deciding, notices
from runs.approval_record import APPROVAL
from runs.asked import Approval, Person
from runs.callbacks import CallbackRule, place_of
from runs.deciding import ApprovalRule, Ballot
from runs.errors import (
    ApprovalNotFoundError,
    CallbackNotFoundError,
    RunNotFoundError,
)
from runs.journal.base import Answered, Asked, AskedPage
from runs.journal.cursors import check_limit
from runs.journal.keys import APPROVALS, approval_key, operation_key
from runs.journal.stored import UNREADABLE, RecordStore, tell_left_out
from runs.lifecycle import Change
from runs.notices import Notice
from runs.operations import Operation, OperationError
from runs.records import OPERATION, Record
from runs.run import Lease, Run

_Rule = Callable[[Run, Operation, Approval | None], Change]


class AnsweredRecords(RecordStore):
    """See `runs.journal.base.Journal`."""

    def complete_callback(
        self, callback_id: str, payload: str | bytes | None, *, now: datetime, by: str | None = None
    ) -> Answered:
        """See `Journal.complete_callback`."""
        text = callbacks.text_of(callback_id, payload)
        rule = partial(callbacks.complete, payload=text, now=now, by=by)
        return self._answer(callback_id, rule)

    def fail_callback(
        self, callback_id: str, error: OperationError, *, now: datetime, by: str | None = None
    ) -> Answered:
        """See `Journal.fail_callback`."""
        callbacks.check_error(callback_id, error)
        return self._answer(callback_id, partial(callbacks.fail, error=error, now=now, by=by))

    def heartbeat_callback(self, callback_id: str, *, now: datetime) -> Answered:
        """See `Journal.heartbeat_callback`."""
        return self._answer(callback_id, partial(callbacks.heartbeat, now=now))

    def time_out_callback(self, lease: Lease, callback_id: str, *, now: datetime) -> Operation:
        """See `Journal.time_out_callback`."""
        return self._answer(callback_id, partial(callbacks.time_out, lease=lease, now=now)).callback

    def approval(self, callback_id: str) -> Asked:
        """See `Journal.approval`."""
        session_id, operation_id = place_of(callback_id)
        approval = self._one(APPROVAL, session_id, approval_key(operation_id))
        head = self._head(session_id)
        if approval is None or head is None:
            raise ApprovalNotFoundError(callback_id)
        run = self._head_for(head, session_id, is_strict=False)
        return Asked(approval=approval, run=run)

    def approvals(self, session_id: str) -> list[Approval]:
        """See `Journal.approvals`."""
        found = self._records(session_id, APPROVALS)
        approvals = [self._decoded(APPROVAL, session_id, *pair) for pair in found]
        return sorted(approvals, key=lambda approval: approval.asked_at)

    def list_approvals(
        self, *, is_open: bool, limit: int = 50, cursor: str | None = None
    ) -> AskedPage:
        """See `Journal.list_approvals`."""
        check_limit(limit)
        records, following = self._approval_records(is_open=is_open, limit=limit, cursor=cursor)
        heads = self._heads({session_id for session_id, _ in records})
        found = (self._asked(record, heads.get(session_id)) for session_id, record in records)
        return AskedPage(asked=tuple(asked for asked in found if asked), cursor=following)

    def decide_approval(self, callback_id: str, ballot: Ballot, *, now: datetime) -> Asked:
        """See `Journal.decide_approval`."""
        return self._decide(callback_id, partial(deciding.decide, ballot=ballot, now=now))

    def view_approval(self, callback_id: str, person: Person, *, now: datetime) -> Asked:
        """See `Journal.view_approval`."""
        return self._decide(callback_id, partial(deciding.look, person=person, now=now))

    def notices(self, session_id: str, *, now: datetime) -> list[Notice]:
        """See `Journal.notices`."""
        head = self._head(session_id)
        if head is None:
            raise RunNotFoundError(session_id)
        run = self._head_for(head, session_id, is_strict=False)
        return notices.due_notices(run, self._readable_approvals(session_id), now=now)

    def note_sent(self, session_id: str, sent: Collection[Notice], *, now: datetime) -> Run:
        """See `Journal.note_sent`."""
        read = partial(self._readable_approvals, session_id)
        return self._change(session_id, partial(notices.note_sent, read=read, sent=sent, now=now))

    def _answer(self, callback_id: str, rule: CallbackRule) -> Answered:
        #: As of the last try: a rule may be applied more than once.
        latest: list[Operation] = []

        def apply(run: Run, callback: Operation, approval: Approval | None) -> Change:
            change = deciding.followed(rule(run, callback), approval)
            latest[:] = change.operations or (callback,)
            return change

        run = self._change_asked(callback_id, apply)
        return Answered(run=run, callback=latest[0])

    def _decide(self, callback_id: str, rule: ApprovalRule) -> Asked:
        latest: list[Approval] = []

        def apply(run: Run, callback: Operation, approval: Approval | None) -> Change:
            if approval is None:
                raise ApprovalNotFoundError(callback_id)
            change = rule(run, callback, approval)
            latest[:] = change.approvals or (approval,)
            return change

        try:
            run = self._change_asked(callback_id, apply)
        except CallbackNotFoundError as error:
            raise ApprovalNotFoundError(callback_id) from error
        return Asked(approval=latest[0], run=run)

    def _change_asked(self, callback_id: str, rule: _Rule) -> Run:
        session_id, operation_id = place_of(callback_id)

        def apply(run: Run) -> Change:
            callback = self._one(OPERATION, session_id, operation_key(operation_id))
            if callback is None or callback.callback_id != callback_id:
                raise CallbackNotFoundError(callback_id)
            approval = self._one(APPROVAL, session_id, approval_key(operation_id))
            return rule(run, callback, approval)

        try:
            return self._change(session_id, apply)
        except RunNotFoundError as error:
            raise CallbackNotFoundError(callback_id) from error

    def _asked(self, record: Record, head: Record | None) -> Asked | None:
        if head is None:
            return None
        session_id = str(record.get("session_id"))
        try:
            key = approval_key(str(record.get("operation_id")))
            approval = self._decoded(APPROVAL, session_id, key, record)
            run = self._head_for(head, session_id, is_strict=False)
            return Asked(approval=approval, run=run)
        except UNREADABLE as error:
            tell_left_out(session_id, error)
            return None
