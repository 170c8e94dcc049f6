"""One thing recorded about an operation: how it is now, and the fact that made it so."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from runs.asked import Approval
from runs.events import Event, EventType
from runs.journal.base import MAX_CHANGES, Changes
from runs.json_types import Json
from runs.operations import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An operation after a change, the events that tell of the change, and whether work ended."""

    operation: Operation
    events: tuple[Event, ...]
    #: A try of a step ended, a wait was over: the run is further than it was.
    is_advance: bool = False
    #: What somebody is asked from now on, or is no longer.
    approvals: tuple[Approval, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When, and under which attempt of which run, something is recorded."""

    session_id: str
    attempt: int
    now: datetime
    #: How often the run had been retried by then.
    retries: int = 0


@dataclass(slots=True)
class _Batch:
    """What one commit will hold. Of several changes of an operation in it, the last one stands."""

    operations: dict[str, Operation] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    approvals: list[Approval] = field(default_factory=list)
    is_advance: bool = False

    def fits(self, change: Recorded) -> bool:
        """Say whether a change can join without passing the journal's limit."""
        known = change.operation.operation_id in self.operations
        size = len(self.operations) + len(self.events) + len(self.approvals)
        more = len(change.events) + len(change.approvals) + (not known)
        return size + more <= MAX_CHANGES

    def add(self, change: Recorded) -> None:
        """Take a change in."""
        # A pop first, so that operations are kept in the order of their last change.
        self.operations.pop(change.operation.operation_id, None)
        self.operations[change.operation.operation_id] = change.operation
        self.events.extend(change.events)
        self.approvals.extend(change.approvals)
        self.is_advance = self.is_advance or change.is_advance

    def to_changes(self) -> Changes:
        """Give the commit."""
        return Changes(
            operations=tuple(self.operations.values()),
            events=tuple(self.events),
            approvals=tuple(self.approvals),
            is_advance=self.is_advance,
        )


def in_commits(changes: Iterable[Recorded]) -> Iterator[Changes]:
    """Pack changes into as few commits as the journal's limit allows, in order.

    In order matters: if the worker dies between two commits, what is recorded is a prefix of what
    happened, never a later thing without an earlier one.
    """
    batch = _Batch()
    for change in changes:
        if not batch.fits(change):
            yield batch.to_changes()
            batch = _Batch()
        batch.add(change)
    if batch.events:
        yield batch.to_changes()


def recorded(
    kind: EventType,
    operation: Operation,
    moment: Moment,
    *,
    details: dict[str, Json] | None = None,
    is_advance: bool = False,
) -> Recorded:
    """Make the change of an operation that one event tells of."""
    event = Event(
        type=kind,
        at=moment.now,
        operation_id=operation.operation_id,
        parent_id=operation.parent_id,
        name=operation.name,
        sub_type=operation.sub_type,
        attempt=moment.attempt,
        details=details or {},
    )
    return Recorded(operation=operation, events=(event,), is_advance=is_advance)
