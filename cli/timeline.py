"""What a run has done so far, summed up from its events one after the other."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, auto

from cli.facts import error_message
from runs.events import Event, EventType
from runs.instants import from_iso
from runs.journal.base import Recorded
from runs.operations import Operation, OperationStatus

#: How many of the last events a timeline keeps in full.
_KEPT = 50


class StepState(Enum):
    """Where a step is in its life."""

    RUNNING = auto()
    #: A wait, or somebody's answer that is not there yet.
    WAITING = auto()
    DONE = auto()
    FAILED = auto()
    GIVEN_UP = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One operation of a run, as its events tell."""

    operation_id: str
    name: str
    #: How many operations it is inside of.
    depth: int
    state: StepState
    started_at: datetime
    #: The operation it is inside of, where that is known.
    parent_id: str | None = None
    ended_at: datetime | None = None
    #: How often it was begun.
    tries: int = 1
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a person is asked, as long as nobody has decided."""

    approval_id: str
    what: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The events of a run so far, in the order they were recorded."""

    steps: Mapping[str, Step] = field(default_factory=dict)
    #: What people are asked and have not decided, by the approval's id.
    asks: Mapping[str, Ask] = field(default_factory=dict)
    tool_calls: int = 0
    recent: tuple[Event, ...] = ()
    #: The id of the last event, where the next read begins.
    last_id: str | None = None

    def in_tree(self) -> Iterator[Step]:
        """Give the steps in the order in which they were begun, each before what is inside of it.

        As they were begun, those of branches at work side by side are mixed.
        """
        inside: dict[str | None, list[Step]] = {}
        for step in self.steps.values():
            parent_id = step.parent_id if step.parent_id in self.steps else None
            inside.setdefault(parent_id, []).append(step)
        waiting = inside.pop(None, [])[::-1]
        while waiting:
            step = waiting.pop()
            yield step
            waiting += inside.pop(step.operation_id, [])[::-1]

    def extended(self, events: Iterable[Recorded]) -> "Timeline":
        """Give this timeline with more events at its end."""
        timeline = self
        for recorded in events:
            timeline = timeline._with(recorded)
        return timeline

    def as_of(self, operations: Iterable[Operation]) -> "Timeline":
        """Give this timeline with the steps that there are.

        A retry takes some away of which events tell, and a fork begins with some of which none of
        its events tells.
        """
        steps: dict[str, Step] = {}
        for operation in operations:
            known = self.steps.get(operation.operation_id)
            steps[operation.operation_id] = known or _kept(steps, operation)
        return replace(self, steps=steps)

    def _with(self, recorded: Recorded) -> "Timeline":
        event = recorded.event
        return replace(
            self,
            steps=_steps_with(self.steps, event),
            asks=_asks_with(self.asks, event),
            tool_calls=self.tool_calls + (event.type is EventType.TOOL_CALLED),
            recent=(*self.recent, event)[-_KEPT:],
            last_id=recorded.event_id,
        )


_BEGINNINGS = {
    EventType.CONTEXT_STARTED: StepState.RUNNING,
    EventType.STEP_STARTED: StepState.RUNNING,
    EventType.WAIT_STARTED: StepState.WAITING,
    EventType.CALLBACK_STARTED: StepState.WAITING,
    EventType.CHAINED_INVOKE_STARTED: StepState.RUNNING,
}
_ENDS = {
    EventType.CONTEXT_SUCCEEDED: StepState.DONE,
    EventType.CONTEXT_FAILED: StepState.FAILED,
    EventType.STEP_SUCCEEDED: StepState.DONE,
    EventType.STEP_FAILED: StepState.FAILED,
    EventType.WAIT_SUCCEEDED: StepState.DONE,
    EventType.WAIT_CANCELLED: StepState.GIVEN_UP,
    EventType.CALLBACK_SUCCEEDED: StepState.DONE,
    EventType.CALLBACK_FAILED: StepState.FAILED,
    EventType.CALLBACK_TIMED_OUT: StepState.FAILED,
    EventType.CHAINED_INVOKE_SUCCEEDED: StepState.DONE,
    EventType.CHAINED_INVOKE_FAILED: StepState.FAILED,
    EventType.CHAINED_INVOKE_TIMED_OUT: StepState.FAILED,
    EventType.CHAINED_INVOKE_STOPPED: StepState.GIVEN_UP,
}


def _asks_with(asks: Mapping[str, Ask], event: Event) -> Mapping[str, Ask]:
    approval_id = str(event.details.get("ApprovalId", ""))
    match event.type:
        case EventType.APPROVAL_REQUESTED:
            expires_at = event.details.get("ExpiresAt")
            ask = Ask(
                approval_id=approval_id,
                what=str(event.details.get("What", "")),
                expires_at=from_iso(expires_at) if isinstance(expires_at, str) else None,
            )
            return {**asks, approval_id: ask}
        case EventType.APPROVAL_EXPIRED:
            return {known: ask for known, ask in asks.items() if known != approval_id}
        case EventType.APPROVAL_DECIDED if "Missing" not in event.details:
            return {known: ask for known, ask in asks.items() if known != approval_id}
        case _:
            return asks


_STATES = {
    OperationStatus.SUCCEEDED: StepState.DONE,
    OperationStatus.FAILED: StepState.FAILED,
    OperationStatus.TIMED_OUT: StepState.FAILED,
    OperationStatus.STOPPED: StepState.GIVEN_UP,
    OperationStatus.CANCELLED: StepState.GIVEN_UP,
}


def _kept(steps: Mapping[str, Step], operation: Operation) -> Step:
    parent = steps.get(operation.parent_id or "")
    return Step(
        operation_id=operation.operation_id,
        name=operation.name or operation.sub_type or "step",
        depth=0 if parent is None else parent.depth + 1,
        parent_id=None if parent is None else parent.operation_id,
        state=_STATES.get(operation.status, StepState.RUNNING),
        started_at=operation.started_at,
        ended_at=operation.ended_at,
        error=(operation.error and operation.error.message) or "",
    )


def _steps_with(steps: Mapping[str, Step], event: Event) -> Mapping[str, Step]:
    if event.type is EventType.RUN_RETRIED:
        return _retried(steps, event)
    operation_id = event.operation_id
    if operation_id is None:
        return steps
    known = steps.get(operation_id)
    if event.type in _BEGINNINGS:
        return {**steps, operation_id: _begun(steps, known, event)}
    if event.type in _ENDS:
        return {**steps, operation_id: _ended(known or _begun(steps, None, event), event)}
    return steps


def _retried(steps: Mapping[str, Step], event: Event) -> Mapping[str, Step]:
    """Give up what a retry takes away, until it is begun again."""
    dropped = event.details.get("DroppedSteps")
    gone = set(dropped) if isinstance(dropped, list) else set()
    return {
        name: replace(step, state=StepState.GIVEN_UP, error="") if name in gone else step
        for name, step in steps.items()
    }


def _begun(steps: Mapping[str, Step], known: Step | None, event: Event) -> Step:
    state = _BEGINNINGS.get(event.type, StepState.RUNNING)
    if known is not None:
        return replace(known, state=state, ended_at=None, tries=known.tries + 1)
    parent = steps.get(event.parent_id or "")
    return Step(
        operation_id=event.operation_id or "",
        name=event.name or event.sub_type or "step",
        depth=0 if parent is None else parent.depth + 1,
        parent_id=None if parent is None else parent.operation_id,
        state=state,
        started_at=event.at,
    )


def _ended(step: Step, event: Event) -> Step:
    if event.type is EventType.STEP_SUCCEEDED and event.is_tried_again:
        # A look at a condition that is not met yet.
        return replace(step, state=StepState.WAITING)
    return replace(step, state=_ENDS[event.type], ended_at=event.at, error=error_message(event))
