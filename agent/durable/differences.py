"""Where a workflow's code departs from what its run has recorded, in words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from aws_durable_execution_sdk_python.identifier import OperationIdentifier
from aws_durable_execution_sdk_python.lambda_service import OperationSubType

from runs.events import EventType
from runs.journal.base import Recorded
from runs.operations import Operation, OperationType

#: The error type of a run whose code does not match its records.
REPLAY_MISMATCH = "ReplayMismatch"

#: The characters of an operation's id that people are shown.
_SHOWN_ID = 12

_KINDS: Mapping[str, str] = MappingProxyType(
    {
        OperationSubType.MAP: "map",
        OperationSubType.MAP_ITERATION: "branch",
        OperationSubType.PARALLEL: "parallel",
        OperationSubType.PARALLEL_BRANCH: "branch",
        OperationSubType.WAIT_FOR_CALLBACK: "wait for a callback",
        OperationSubType.WAIT_FOR_CONDITION: "wait for a condition",
    }
)
_TYPES: Mapping[str, str] = MappingProxyType(
    {
        OperationType.CONTEXT: "child context",
        OperationType.STEP: "step",
        OperationType.WAIT: "wait",
        OperationType.CALLBACK: "callback",
        OperationType.CHAINED_INVOKE: "invoke",
    }
)
#: Sub types that say no more than the type.
_PLAIN = frozenset(
    {
        OperationSubType.STEP,
        OperationSubType.WAIT,
        OperationSubType.CALLBACK,
        OperationSubType.CHAINED_INVOKE,
        OperationSubType.RUN_IN_CHILD_CONTEXT,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first operation that is recorded and that the code does not ask for as it is."""

    recorded: Operation
    #: Counted from 1 among what its context has recorded.
    position: int
    #: The contexts it is in, from the innermost out.
    within: tuple[Operation, ...]
    #: What the code does, as the rest of a sentence about it.
    instead: str

    @property
    def place(self) -> str:
        """Say which operation it is: `operation 2 of branch 'map-item-0' of map 'topics'`."""
        return " of ".join([f"operation {self.position}", *map(described, self.within)])

    @property
    def outermost(self) -> Operation:
        """Give the operation of the workflow itself that it is, or is in."""
        return self.within[-1] if self.within else self.recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A difference for people: what is recorded, by whom, and what the code does instead."""

    difference: Difference
    #: The attempt that recorded it, and the version that attempt ran under; None if unknown.
    attempt: int | None
    recorded_version: str | None
    #: The version of the code that was asked.
    version: str | None

    @property
    def sentence(self) -> str:
        """Say all of it in one sentence."""
        found = self.difference
        facts = [f"id {found.recorded.operation_id[:_SHOWN_ID]}"]
        if self.attempt:
            facts.append(f"by attempt {self.attempt}")
        if self.recorded_version:
            facts.append(f"version {self.recorded_version}")
        code = f"the code, version {self.version}," if self.version else "the code"
        return (
            f"{found.place} is recorded as {described(found.recorded)} ({', '.join(facts)}), "
            f"and {code} {found.instead}"
        )


def told(difference: Difference, *, events: Iterable[Recorded], version: str | None) -> Told:
    """Find in a run's timeline who recorded what the code differs from."""
    versions: dict[int, str] = {}
    attempt: int | None = None
    for each in events:
        event = each.event
        told_version = event.details.get("WorkflowVersion")
        if event.type is EventType.LEASE_CLAIMED and isinstance(told_version, str):
            versions[event.attempt] = told_version
        if attempt is None and event.operation_id == difference.recorded.operation_id:
            attempt = event.attempt
    return Told(
        difference=difference,
        attempt=attempt,
        recorded_version=versions.get(attempt or 0),
        version=version,
    )


def remedy(session_id: str, difference: Difference) -> str:
    """Say what to do with a run that failed of a difference."""
    # By its id: there may be several of its name.
    start = difference.outermost.operation_id[:_SHOWN_ID]
    return (
        f"deploy the code that recorded it and `errand retry {session_id}`, or have this code do "
        f"it again from there: `errand retry {session_id} --from {start}`"
    )


def described(operation: Operation | OperationIdentifier) -> str:
    """Name an operation by its kind and name: `step 'load'`, `an unnamed wait`."""
    kind = _kind(operation.type.value, operation.sub_type)
    return f"{kind} {operation.name!r}" if operation.name else f"an unnamed {kind}"


def _kind(type_name: str, sub_type: str | None) -> str:
    if sub_type is not None and sub_type in _KINDS:
        return _KINDS[sub_type]
    kind = _TYPES.get(type_name, type_name.lower())
    return kind if sub_type is None or sub_type in _PLAIN else f"{kind} of type {sub_type!r}"
