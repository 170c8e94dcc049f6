"""What journals that keep records by key have in common: the port, on four methods of a store."""

from abc import ABC, abstractmethod
from datetime import datetime
from functools import partial
from typing import TypeVar

from runs import lifecycle
from runs.errors import LeaseLostError, RunNotFoundError
from runs.journal.base import AgentRecord, Claim, Message, Recorded, ToolEntry
from runs.journal.keys import (
    OPERATIONS,
    KeyRange,
    agent_key,
    event_id_of,
    events_after,
    messages_of,
    tool_key,
)
from runs.lifecycle import Ending, Rule
from runs.operations import Operation
from runs.payloads import Codec
from runs.records import AGENT, EVENT, MESSAGE, OPERATION, TOOL, Kind, Record
from runs.run import Lease, Run, RunFailure

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

    def claim(
        self, session_id: str, *, owner: str, token: str, now: datetime, lease_seconds: float
    ) -> Claim:
        """See `Journal.claim`."""
        rule = partial(
            lifecycle.claim, owner=owner, token=token, now=now, lease_seconds=lease_seconds
        )
        # Strict: an attempt without its prompt would be an attempt at nothing.
        run = self._change(session_id, rule, is_strict=True)
        return Claim(run=run, lease=lifecycle.lease_of(run))

    def renew(self, lease: Lease, *, now: datetime) -> Run:
        """See `Journal.renew`."""
        return self._fenced(lease, partial(lifecycle.renew, lease=lease, now=now))

    def settle(self, lease: Lease, ending: Ending, *, now: datetime) -> Run:
        """See `Journal.settle`."""
        return self._fenced(lease, partial(lifecycle.settle, lease=lease, ending=ending, now=now))

    def park(
        self, lease: Lease, *, wake_at: datetime | None, waiting_for: str, now: datetime
    ) -> Run:
        """See `Journal.park`."""
        rule = partial(
            lifecycle.park, lease=lease, wake_at=wake_at, waiting_for=waiting_for, now=now
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
        return self._change(session_id, partial(lifecycle.cancel, now=now, reason=reason))

    def expire(self, session_id: str, *, now: datetime) -> Run:
        """See `Journal.expire`."""
        return self._change(session_id, partial(lifecycle.expire, now=now))

    def give_up(self, session_id: str, *, error: RunFailure, now: datetime) -> Run:
        """See `Journal.give_up`."""
        return self._change(session_id, partial(lifecycle.give_up, error=error, now=now))

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
