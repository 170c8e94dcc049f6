"""What journals that keep records by key have in common: the port, on four methods of a store."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import TypeVar

from runs import callbacks, lifecycle
from runs.callbacks import CallbackRule, place_of
from runs.children import open_children
from runs.errors import CallbackNotFoundError, LeaseLostError, RunError, RunNotFoundError
from runs.history import history
from runs.journal.base import AgentRecord, Answered, Claim, Message, Recorded, ToolEntry
from runs.journal.keys import (
    OPERATIONS,
    KeyRange,
    agent_key,
    event_id_of,
    events_after,
    messages_of,
    operation_key,
    tool_key,
)
from runs.json_types import Json
from runs.lifecycle import Change, Ending, Rule
from runs.operations import Operation, OperationError
from runs.payloads import Codec
from runs.records import AGENT, EVENT, MESSAGE, OPERATION, TOOL, Kind, Record
from runs.run import Lease, Run, RunFailure, Status

logger = logging.getLogger(__name__)

T = TypeVar("T")


class RecordJournal(ABC):
    """Applies rules to heads and reads records; see `runs.journal.base.Journal`."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    @abstractmethod
    def _change(self, session_id: str, rule: Rule, *, is_strict: bool = False) -> Run:
        """Apply a rule to a head and write what it makes, with its events, or nothing.

        Args:
            session_id: The run.
            rule: May be applied more than once, to newer heads.
            is_strict: Whether a payload of the head that can't be read is an error.

        Raises:
            RunNotFoundError: There is no such run.
        """

    @abstractmethod
    def _record(self, session_id: str, key: str) -> Record | None:
        """Read one record."""

    @abstractmethod
    def _records(self, session_id: str, keys: KeyRange) -> list[tuple[str, Record]]:
        """Read the records in a range, in the order of their keys."""

    @abstractmethod
    def _records_by_age(self, session_id: str, keys: KeyRange) -> list[tuple[str, Record]]:
        """Read the records in a range, in the order in which they were first written."""

    def get(self, session_id: str) -> Run | None:
        """See `Journal.get`."""
        record = self._head(session_id)
        return None if record is None else self._codec.decode_head(record, session_id=session_id)

    @abstractmethod
    def _head(self, session_id: str) -> Record | None:
        """Read a head's record."""

    def claim(  # noqa: PLR0913 - the port's
        self,
        session_id: str,
        *,
        owner: str,
        token: str,
        now: datetime,
        lease_seconds: float,
        versions: Mapping[str, str] = MappingProxyType({}),
    ) -> Claim:
        """See `Journal.claim`."""
        rule = partial(
            lifecycle.claim,
            owner=owner,
            token=token,
            now=now,
            lease_seconds=lease_seconds,
            versions=versions,
        )
        # Strict: an attempt without its prompt would be an attempt at nothing.
        run = self._change(session_id, rule, is_strict=True)
        return Claim(run=run, lease=lifecycle.lease_of(run))

    def renew(self, lease: Lease, *, now: datetime) -> Run:
        """See `Journal.renew`."""
        return self._fenced(lease, partial(lifecycle.renew, lease=lease, now=now))

    def settle(self, lease: Lease, ending: Ending, *, now: datetime) -> Run:
        """See `Journal.settle`."""
        rule = partial(lifecycle.settle, lease=lease, ending=ending, now=now)
        return self._with_children(self._fenced(lease, rule), now)

    def park(
        self,
        lease: Lease,
        *,
        wake_at: datetime | None,
        waiting_for: str,
        now: datetime,
        seen_answers: int | None = None,
    ) -> Run:
        """See `Journal.park`."""
        rule = partial(
            lifecycle.park,
            lease=lease,
            wake_at=wake_at,
            waiting_for=waiting_for,
            seen_answers=seen_answers,
            now=now,
        )
        return self._fenced(lease, rule)

    def release(self, lease: Lease, *, now: datetime, why: str) -> Run:
        """See `Journal.release`."""
        return self._fenced(lease, partial(lifecycle.release, lease=lease, now=now, why=why))

    def dispatch(self, session_id: str, *, now: datetime, retry_at: datetime) -> Run:
        """See `Journal.dispatch`."""
        return self._change(session_id, partial(lifecycle.dispatch, now=now, retry_at=retry_at))

    def cancel(self, session_id: str, *, now: datetime, reason: str) -> Run:
        """See `Journal.cancel`."""
        run = self._change(session_id, partial(lifecycle.cancel, now=now, reason=reason))
        return self._with_children(run, now)

    def expire(self, session_id: str, *, now: datetime) -> Run:
        """See `Journal.expire`."""
        run = self._change(session_id, partial(lifecycle.expire, now=now))
        return self._with_children(run, now)

    def give_up(self, session_id: str, *, error: RunFailure, now: datetime) -> Run:
        """See `Journal.give_up`."""
        run = self._change(session_id, partial(lifecycle.give_up, error=error, now=now))
        return self._with_children(run, now)

    def _with_children(self, run: Run, now: datetime) -> Run:
        """Cancel what an ended run started and nobody waits for any more."""
        if not run.status.is_terminal or run.status is Status.COMPLETED:
            return run
        reason = f"its parent run {run.session_id} is {run.status}"
        try:
            for child_id in open_children(run.session_id, self.operations(run.session_id)):
                with suppress(RunNotFoundError):
                    # Its deadline is the parent's: it may be over by itself.
                    if not self.expire(child_id, now=now).status.is_terminal:
                        self.cancel(child_id, now=now, reason=reason)
        except RunError as error:
            # The run has ended all the same, and a child's worker looks at its parent too.
            extra = {"session_id": run.session_id, "error": str(error)}
            logger.warning("children not cancelled", extra=extra)
        return run

    def complete_callback(
        self, callback_id: str, payload: str | None, *, now: datetime, by: str | None = None
    ) -> Answered:
        """See `Journal.complete_callback`."""
        rule = partial(callbacks.complete, payload=payload, now=now, by=by)
        return self._answer(callback_id, rule)

    def fail_callback(
        self, callback_id: str, error: OperationError, *, now: datetime, by: str | None = None
    ) -> Answered:
        """See `Journal.fail_callback`."""
        return self._answer(callback_id, partial(callbacks.fail, error=error, now=now, by=by))

    def heartbeat_callback(self, callback_id: str, *, now: datetime) -> Answered:
        """See `Journal.heartbeat_callback`."""
        return self._answer(callback_id, partial(callbacks.heartbeat, now=now))

    def time_out_callback(self, lease: Lease, callback_id: str, *, now: datetime) -> Operation:
        """See `Journal.time_out_callback`."""
        return self._answer(callback_id, partial(callbacks.time_out, lease=lease, now=now)).callback

    def _answer(self, callback_id: str, rule: CallbackRule) -> Answered:
        session_id, operation_id = place_of(callback_id)
        #: As of the last try: a rule may be applied more than once.
        latest: list[Operation] = []

        def apply(run: Run) -> Change:
            # Read after the head: the write's condition on the head then covers it too, because
            # whatever changes an operation changes the head's version.
            known = self._one(OPERATION, session_id, operation_key(operation_id))
            if known is None or known.callback_id != callback_id:
                raise CallbackNotFoundError(callback_id)
            change = rule(run, known)
            latest[:] = change.operations or (known,)
            return change

        try:
            run = self._change(session_id, apply)
        except RunNotFoundError as error:
            raise CallbackNotFoundError(callback_id) from error
        return Answered(run=run, callback=latest[0])

    def operation(self, session_id: str, operation_id: str) -> Operation | None:
        """See `Journal.operation`."""
        return self._one(OPERATION, session_id, operation_key(operation_id))

    def operations(self, session_id: str) -> list[Operation]:
        """See `Journal.operations`."""
        found = self._records_by_age(session_id, OPERATIONS)
        return [self._decoded(OPERATION, session_id, *pair) for pair in found]

    def events(self, session_id: str, *, after: str | None = None) -> list[Recorded]:
        """See `Journal.events`."""
        found = self._records(session_id, events_after(after))
        return [
            Recorded(event_id=event_id_of(pair[0]), event=self._decoded(EVENT, session_id, *pair))
            for pair in found
        ]

    def history(self, session_id: str) -> list[dict[str, Json]]:
        """See `Journal.history`."""
        # The events first: what they tell of is then in what is read after them.
        events = [recorded.event for recorded in self.events(session_id)]
        operations = self.operations(session_id)
        run = self.get(session_id)
        if run is None:
            raise RunNotFoundError(session_id)
        return history(run, events, operations)

    def messages(self, session_id: str, agent: str) -> list[Message]:
        """See `Journal.messages`."""
        found = self._records(session_id, messages_of(agent))
        return [self._decoded(MESSAGE, session_id, *pair) for pair in found]

    def agent(self, session_id: str, agent: str) -> AgentRecord | None:
        """See `Journal.agent`."""
        return self._one(AGENT, session_id, agent_key(agent))

    def tool(self, session_id: str, tool_use_id: str) -> ToolEntry | None:
        """See `Journal.tool`."""
        return self._one(TOOL, session_id, tool_key(tool_use_id))

    def _one(self, kind: Kind[T], session_id: str, key: str) -> T | None:
        record = self._record(session_id, key)
        return None if record is None else self._decoded(kind, session_id, key, record)

    def _decoded(self, kind: Kind[T], session_id: str, key: str, record: Record) -> T:
        return self._codec.decode(kind, record, session_id=session_id, name=key)

    def _fenced(self, lease: Lease, rule: Rule) -> Run:
        try:
            return self._change(lease.session_id, rule)
        except RunNotFoundError as error:
            raise LeaseLostError(lease.session_id, attempt=lease.attempt) from error

    def _head_for(self, record: Record, session_id: str, *, is_strict: bool) -> Run:
        if is_strict:
            return self._codec.decode_head(record, session_id=session_id)
        return self._codec.decode_head_anyway(record, session_id=session_id)
