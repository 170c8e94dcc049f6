"""The journal in one DynamoDB table: on AWS, and on the local stack.

Items: `PK` is the session id; `SK` names the record (see `runs.journal.keys`), `SESSION` is the
head. Only heads and approvals have `status`, so that the index `by_status` (status, updated_at)
holds them alone; its keys are all it needs to project. Every item has a `ttl`.

A rule is applied to a head that was read consistently, and written with its events in one
transaction on the condition that the head's `version` is still the one read. Everything that writes
a head adds to its version, the state machine too. An attempt's `commit` needs no reading: its
condition is the lease's token, and what it changes on the head only adds up.
"""

import logging
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from functools import partial
from itertools import islice

from runs import lifecycle
from runs.artifacts.base import ArtifactStore
from runs.children import to_be_told, told
from runs.errors import (
    CorruptRecordError,
    JournalUnavailableError,
    LeaseLostError,
    RunNotFoundError,
)
from runs.head_record import RUN, RUN_FIELDS
from runs.ids import Ulids
from runs.instants import from_iso
from runs.journal.base import Accepted, Census, Changes, Page
from runs.journal.cursors import check_limit
from runs.journal.dynamodb_approvals import (
    approvals_cursor,
    approvals_query,
    is_listed,
    key_of,
)
from runs.journal.dynamodb_items import (
    Item,
    Write,
    family_update,
    from_item,
    head_update,
    new_head_write,
    next_head_write,
    no_head,
    operation_write,
    pages_of,
    put_write,
    removal,
    renewal,
    to_item,
)
from runs.journal.dynamodb_listing import (
    Place,
    Position,
    count_query,
    next_places,
    oldest_query,
    places_query,
)
from runs.journal.dynamodb_table import TRIES, DynamoClient, Table, pauses
from runs.journal.keys import ALL, OPERATIONS, KeyRange
from runs.journal.observer import Observer
from runs.journal.parts import Parts, check_size, event_parts, outside_parts, parts_of
from runs.journal.recorded import RecordJournal
from runs.journal.unanswered import Transaction, Unanswered
from runs.lifecycle import Change, Rule
from runs.payloads import HEAD, Codec
from runs.records import MAX_INLINE, Record
from runs.run import OPEN, Lease, Run, Status

logger = logging.getLogger(__name__)

#: A transaction takes 4 MB; its records share this, the larger ones of many go to the store.
_TRANSACTION_BYTES = 3_000_000
_LOCKS = 64


class DynamoJournal(RecordJournal):
    """See `runs.journal.base.Journal`. Retries of lost and throttled calls are the client's."""

    def __init__(
        self,
        client: DynamoClient,
        *,
        table: str,
        artifacts: ArtifactStore,
        observer: Observer | None = None,
    ) -> None:
        super().__init__(Codec(artifacts), observer)
        self._table = Table(client, table)
        self._ulids = Ulids()
        # Two transactions on one head refuse each other. Threads of one process (a heartbeat, the
        # branches of a map) wait here instead; and their events get their ids in order.
        self._locks = tuple(threading.Lock() for _ in range(_LOCKS))
        self._unanswered = Unanswered()

    def accept(self, run: Run) -> Accepted:
        """See `Journal.accept`."""
        record = self._codec.encode(RUN, run)
        change = Change(run=run, events=(lifecycle.accept_event(run),))
        try:
            with self._lock(run.session_id):
                head, events = self._change_items(change, record, after=None)
                is_new = self._table.write([new_head_write(self._table.name, head), *events])
        except JournalUnavailableError:
            self._observer.unanswered(run.session_id)
            raise
        if is_new:
            self._observer.accepted(run)
            return Accepted(run=run, is_new=True)
        before = self._must_find(run.session_id)
        known = self._decoded_head(before, run.session_id, is_strict=False)
        return Accepted(run=known, is_new=False)

    def _plant(self, run: Run, parts: Parts) -> Accepted | None:
        session_id, at = run.session_id, run.created_at
        # Without a head nobody reads them; with one, they are a run's, and this is refused.
        guard = no_head(self._table.name, session_id)
        there = {item["SK"]["S"] for item in self._items(session_id, ALL)}
        # What is written again is not removed before: somebody else may be making the same run in
        # this moment, and about to write its head.
        old = sorted(there - parts.keys() - {HEAD})
        removals = [removal(self._table.name, session_id, key) for key in old]
        for writes in (removals, self._part_writes(parts, session_id, at)):
            for page in pages_of(writes):
                if not self._table.write([guard, *page]):
                    return None
        accepted = self.accept(run)
        return accepted if accepted.is_new else None

    def list_runs(
        self, *, status: Status | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page:
        """See `Journal.list_runs`."""
        check_limit(limit)
        statuses = list(Status) if status is None else [status]
        after = None if cursor is None else Position.from_cursor(cursor, statuses=statuses)
        places, position = next_places(statuses, after=after, limit=limit, fetch=self._places)
        found = self._table.get_all([(place.session_id, HEAD) for place in places])
        heads = {item["PK"]["S"]: item for item in found}
        readable = (self._readable(heads.get(place.session_id), place) for place in places)
        return Page(
            runs=tuple(run for run in readable if run is not None),
            cursor=None if position is None else position.to_cursor(),
        )

    def census(self) -> Census:
        """See `Journal.census`."""
        counts = {status: self._table.count(count_query(status)) for status in OPEN}
        oldest = next(islice(self._table.query(oldest_query(Status.WAITING)), 1), None)
        return Census(
            queued=counts[Status.QUEUED],
            busy=counts[Status.BUSY],
            waiting=counts[Status.WAITING],
            oldest_wait_at=None if oldest is None else from_iso(oldest["updated_at"]["S"]),
        )

    def _keep(self, name: str, key: str, record: Record, *, now: datetime) -> None:
        item = to_item(record, session_id=name, key=key, at=now)
        self._table.write([put_write(self._table.name, item)])

    def renew(self, lease: Lease, *, now: datetime) -> Run:
        """See `Journal.renew`."""
        with self._lock(lease.session_id):
            item = self._table.update(renewal(self._table.name, lease, now=now))
        if item is None:
            raise LeaseLostError(lease.session_id, attempt=lease.attempt)
        return self._decoded_head(item, lease.session_id, is_strict=False)

    def commit(self, lease: Lease, changes: Changes, *, now: datetime) -> None:
        """See `Journal.commit`."""
        check_size(changes)
        transaction = self._unanswered.take(changes)
        share = min(MAX_INLINE, _TRANSACTION_BYTES // (len(changes) + 1))
        # What is large goes to the store before anybody has to wait for it.
        parts = {} if transaction else parts_of(changes, self._codec, max_inline=share)
        with self._lock(lease.session_id):
            if transaction is None:
                parts |= event_parts(
                    changes.events, self._codec, ulids=self._ulids, after=None, max_inline=share
                )
                transaction = self._transaction(lease, changes, parts, now=now)
            try:
                is_made = self._table.send(transaction)
            except JournalUnavailableError:
                self._unanswered.keep(changes, transaction)
                self._observer.unanswered(lease.session_id)
                raise
        if not is_made:
            raise LeaseLostError(lease.session_id, attempt=lease.attempt)
        self._observer.committed(lease, changes)

    def _transaction(
        self, lease: Lease, changes: Changes, parts: Parts, *, now: datetime
    ) -> Transaction:
        writes = self._part_writes(parts, lease.session_id, now)
        last_id = self._ulids.new(now)
        head = head_update(self._table.name, lease, changes, now=now, last_id=last_id)
        return Transaction([head, *self._family_writes(changes), *writes])

    def _change(self, session_id: str, rule: Rule, *, is_strict: bool = False) -> Run:
        try:
            before, change = self._changed(session_id, rule, is_strict=is_strict)
        except JournalUnavailableError:
            self._observer.unanswered(session_id)
            raise
        if change.events:
            self._observer.changed(before, change)
        return change.run

    def _changed(self, session_id: str, rule: Rule, *, is_strict: bool) -> tuple[Run, Change]:
        with self._lock(session_id):
            for pause in pauses():
                before = self._must_find(session_id)
                run = self._decoded_head(before, session_id, is_strict=is_strict)
                change = rule(run)
                if change.run is run:
                    return run, change
                writes = self._change_writes(change, before)
                for relative in to_be_told(run, change):
                    writes += self._telling(relative, partial(told, before=run, change=change))
                if self._table.write(writes):
                    return run, change
                time.sleep(pause)
        msg = f"run {session_id!r} was changed by others {TRIES} times while it was to be changed"
        raise JournalUnavailableError(msg)

    def _change_writes(self, change: Change, before: Item) -> list[Write]:
        record = self._codec.encode_head(change.run, before=from_item(before, names=RUN_FIELDS))
        last_id = before.get("last_id", {}).get("S")
        head, events = self._change_items(change, record, after=last_id)
        unknown = {name: before[name] for name in before.keys() - RUN_FIELDS}
        version = int(before["version"]["N"])
        return [next_head_write(self._table.name, unknown | head, version=version), *events]

    def _telling(self, session_id: str, rule: Rule) -> list[Write]:
        """Give the write that tells another run of the family, in this run's own transaction.

        Its condition, too, is that the head is still the one read.
        """
        before = self._table.get(session_id, HEAD)
        if before is None:
            return []
        relative = self._decoded_head(before, session_id, is_strict=False)
        change = rule(relative)
        return [] if change.run is relative else self._change_writes(change, before)

    def _family_writes(self, changes: Changes) -> list[Write]:
        """Give the write that adds what is spent to the head of the run that began the family."""
        if changes.family_id is None or changes.spent is None:
            return []
        # Looked for first: its absence would fail the transaction like a lost lease.
        if self._table.get(changes.family_id, HEAD) is None:
            return []
        return [family_update(self._table.name, changes.family_id, changes.spent)]

    def _change_items(
        self, change: Change, record: Record, *, after: str | None
    ) -> tuple[Item, list[Write]]:
        session_id, at = change.run.session_id, change.run.updated_at
        parts = outside_parts(change, self._codec)
        parts |= event_parts(change.events, self._codec, ulids=self._ulids, after=after)
        events = self._part_writes(parts, session_id, at)
        events += [removal(self._table.name, session_id, key) for key in change.removed]
        # Above all ids of this write: who changes the head next makes larger ones, whatever the
        # clock of that machine says.
        last_id = self._ulids.new(at, after=after)
        return to_item(
            record | {"last_id": last_id}, session_id=session_id, key=HEAD, at=at
        ), events

    def _part_writes(self, parts: Parts, session_id: str, at: datetime) -> list[Write]:
        items = [
            to_item(record, session_id=session_id, key=key, at=at) for key, record in parts.items()
        ]
        return [self._part_write(item, at) for item in items]

    def _part_write(self, item: Item, at: datetime) -> Write:
        if item["SK"]["S"].startswith(OPERATIONS.low):
            return operation_write(self._table.name, item, new_id=self._ulids.new(at))
        return put_write(self._table.name, item)

    def _lock(self, session_id: str) -> threading.Lock:
        return self._locks[hash(session_id) % _LOCKS]

    def _must_find(self, session_id: str) -> Item:
        item = self._table.get(session_id, HEAD)
        if item is None:
            raise RunNotFoundError(session_id)
        return item

    def _head(self, session_id: str) -> Record | None:
        item = self._table.get(session_id, HEAD)
        return None if item is None else from_item(item, names=RUN_FIELDS)

    def _heads(self, session_ids: Collection[str]) -> Mapping[str, Record]:
        found = self._table.get_all([(session_id, HEAD) for session_id in session_ids])
        return {item["PK"]["S"]: from_item(item, names=RUN_FIELDS) for item in found}

    def _approval_records(
        self, *, is_open: bool, limit: int, cursor: str | None
    ) -> tuple[list[tuple[str, Record]], str | None]:
        query = approvals_query(is_open=is_open, limit=limit + 1, cursor=cursor)
        places = list(islice(self._table.query(query), limit + 1))
        keys = [key_of(place) for place in places[:limit]]
        items = {key_of(item): item for item in self._table.get_all(keys)}
        # The index lags behind the table: what was closed since is not listed as open.
        listed = (items[key] for key in keys if is_listed(items.get(key), is_open=is_open))
        found = [(item["PK"]["S"], from_item(item)) for item in listed]
        return found, approvals_cursor(places[limit - 1]) if len(places) > limit else None

    def _record(self, session_id: str, key: str) -> Record | None:
        item = self._table.get(session_id, key)
        return None if item is None else from_item(item)

    def _records(self, session_id: str, keys: KeyRange) -> list[tuple[str, Record]]:
        items = self._items(session_id, keys)
        return [(item["SK"]["S"], from_item(item)) for item in items]

    def _records_by_age(self, session_id: str, keys: KeyRange) -> list[tuple[str, Record]]:
        items = sorted(self._items(session_id, keys), key=_age)
        return [(item["SK"]["S"], from_item(item)) for item in items]

    def _items(self, session_id: str, keys: KeyRange) -> Iterator[Item]:
        return self._table.query(
            {
                "ConsistentRead": True,
                "KeyConditionExpression": "PK = :session_id AND SK BETWEEN :low AND :high",
                "ExpressionAttributeValues": {
                    ":session_id": {"S": session_id},
                    ":low": {"S": keys.low},
                    ":high": {"S": keys.high},
                },
            }
        )

    def _places(self, status: Status, after: Position | None, limit: int) -> list[Place]:
        found = self._table.query(places_query(status, after=after, limit=limit))
        return [Place.from_item(item) for item in islice(found, limit)]

    def _readable(self, item: Item | None, place: Place) -> Run | None:
        # The index lags behind the table: what has left the status since is not listed under it.
        if item is None or item.get("status") != {"S": place.status}:
            return None
        try:
            return self._decoded_head(item, place.session_id, is_strict=False)
        except CorruptRecordError as error:
            extra = {"session_id": error.session_id, "error": str(error)}
            logger.warning("left out a run that can't be read", extra=extra)
            return None

    def _decoded_head(self, item: Item, session_id: str, *, is_strict: bool) -> Run:
        return self._head_for(from_item(item, names=RUN_FIELDS), session_id, is_strict=is_strict)


def _age(item: Item) -> str:
    first: str = item.get("first_recorded", {}).get("S", "")
    return first
