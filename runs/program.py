"""Where operations stand in their workflow: which of them come after which.

By the order of the program, not by the clock: of two branches of a map neither comes after the
other, however long one of them took. A context's operations are numbered by the durable SDK, and
each one's id is the hash of its number and its context's id. So the numbers are found again from
the ids, and with them the contexts that leave no record of themselves (virtual ones, and the
branches of a flat map).
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from runs.operations import Operation, OperationStatus, OperationType

#: The context that is the workflow itself.
ROOT = ""

#: The sub-types of contexts whose members do not wait for each other.
_BATCHES = frozenset({"Map", "Parallel"})
_WENT_WRONG = frozenset(
    {OperationStatus.FAILED, OperationStatus.TIMED_OUT, OperationStatus.STOPPED}
)
#: How many numbers in a row may be those of contexts without a record and without operations.
_GAP = 8
#: How many numbers are tried before an order is given up: some hundredths of a second.
_MAX_UNKNOWN = 50_000


@dataclass(frozen=True, slots=True)
class _Place:
    context: str
    number: int


class Program:
    """The operations of a run as the tree they form."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        """Find each operation's place.

        Args:
            operations: All of a run's, in the order in which they were first recorded. It decides
                where the ids are not the SDK's.
        """
        self.operations: Mapping[str, Operation] = MappingProxyType(
            {operation.operation_id: operation for operation in operations}
        )
        self._places: dict[str, _Place] = {}
        for context, members in _by_parent(self.operations.values()).items():
            self._places |= _places(context, members)
        inside: dict[str, list[str]] = {}
        for member in sorted(self._places, key=lambda each: self._places[each].number):
            inside.setdefault(self._places[member].context, []).append(member)
        self._inside = inside

    def in_order(self, context: str = ROOT) -> Iterator[Operation]:
        """Give operations as the workflow comes to them, each context before what is in it."""
        for member in self._inside.get(context, ()):
            if member in self.operations:
                yield self.operations[member]
            yield from self.in_order(member)

    def from_on(self, operation_id: str) -> frozenset[str]:
        """Name an operation, what is inside of it, and everything that comes after it."""
        inside = self.operations.keys() & set(self._within(operation_id))
        return self.after(operation_id) | inside | {operation_id}

    def after(self, operation_id: str) -> frozenset[str]:
        """Name everything that comes after an operation.

        That is what its own context does next, and what the contexts around it do next; not what
        other branches of a map or parallel around it do.
        """
        found: set[str] = set()
        step = operation_id
        while step != ROOT:
            place = self._places[step]
            for later in self._following(place):
                found |= {later, *self._within(later)}
            step = place.context
        return frozenset(found & self.operations.keys())

    def around(self, operation_id: str) -> Iterator[Operation]:
        """Give the contexts an operation is in, the innermost first."""
        context = self._places[operation_id].context
        while context != ROOT:
            if context in self.operations:
                yield self.operations[context]
            context = self._places[context].context

    def causes(self, message: str) -> frozenset[str]:
        """Name the operations because of which a workflow failed with a message.

        Where a context failed because of something inside of it, that is named instead. A failure
        that the workflow took in its stride is no cause: what counts is the last operation that
        failed with the message, or, where none did, the last operation if it failed. Of a map or
        parallel that had a part in it, every branch that failed counts.
        """
        return frozenset(self._causes(ROOT, message))

    def _following(self, place: _Place) -> Iterator[str]:
        if not self._is_batch(place.context):
            for member in self._inside[place.context]:
                if self._places[member].number > place.number:
                    yield member

    def _within(self, context: str) -> Iterator[str]:
        for member in self._inside.get(context, ()):
            yield member
            yield from self._within(member)

    def _causes(self, context: str, message: str | None) -> Iterator[str]:
        members = self._inside.get(context, [])
        if self._is_batch(context):
            blamed = [member for member in members if self._went_wrong(member)]
        else:
            said = [member for member in members if self._says(member, message)]
            blamed = said[-1:] or [each for each in members[-1:] if self._went_wrong(each)]
        for member in blamed:
            operation = self.operations.get(member)
            inner = list(self._causes(member, _message(operation)))
            is_cause = not inner and operation is not None and operation.status in _WENT_WRONG
            yield from [member] if is_cause else inner

    def _says(self, member: str, message: str | None) -> bool:
        """Say whether an operation failed with a message; of a batch, one of its branches."""
        operation = self.operations.get(member)
        if message is None:
            return False
        if operation is not None and operation.status in _WENT_WRONG:
            return _message(operation) == message
        is_transparent = operation is None or self._is_batch(member)
        return is_transparent and any(
            self._says(inner, message) for inner in self._inside.get(member, ())
        )

    def _went_wrong(self, member: str) -> bool:
        operation = self.operations.get(member)
        if operation is not None and operation.status in _WENT_WRONG:
            return True
        inside = self._inside.get(member, [])
        if self._is_batch(member):
            return any(self._went_wrong(inner) for inner in inside)
        return operation is None and any(self._went_wrong(last) for last in inside[-1:])

    def _is_batch(self, context: str) -> bool:
        operation = self.operations.get(context)
        return operation is not None and operation.sub_type in _BATCHES


def _message(operation: Operation | None) -> str | None:
    error = None if operation is None else operation.error
    return None if error is None else (error.message or error.type)


def _by_parent(operations: Collection[Operation]) -> Mapping[str, list[str]]:
    groups: dict[str, list[str]] = {}
    contexts = {each.operation_id for each in operations if each.type is OperationType.CONTEXT}
    for operation in operations:
        parent = operation.parent_id or ROOT
        # A context that an attempt had no time to record: its operations stand where it would.
        groups.setdefault(parent if parent in contexts else ROOT, []).append(operation.operation_id)
    return groups


def _places(context: str, members: Sequence[str]) -> Mapping[str, _Place]:
    """Number a context's members, and the contexts without a record between it and them."""
    found: dict[str, _Place] = {}
    unknown: dict[str, _Place] = {}
    missing, level = set(members), [context]
    # A context may number as many without a record as it has members; one of those, a few.
    reach = len(members) + _GAP
    while missing and level and len(unknown) < _MAX_UNKNOWN:
        tried: dict[str, _Place] = {}
        for each in level:
            hits, misses = _numbered(each, missing, reach=reach)
            if hits:
                found |= hits | dict(_chain(each, unknown))
                missing -= hits.keys()
            tried |= misses
        unknown |= tried
        level, reach = list(tried), _GAP
    if missing:
        return {member: _Place(context, number) for number, member in enumerate(members)}
    return found


def _numbered(
    context: str, wanted: Collection[str], *, reach: int
) -> tuple[dict[str, _Place], dict[str, _Place]]:
    """Try a context's numbers until `reach` in a row are none of the wanted operations'."""
    hits: dict[str, _Place] = {}
    misses: dict[str, _Place] = {}
    number = last = 0
    while len(hits) < len(wanted) and number - last <= reach:
        operation_id = _id(context, number)
        if operation_id in wanted:
            hits[operation_id] = _Place(context, number)
            last = number
        else:
            misses[operation_id] = _Place(context, number)
        number += 1
    return hits, misses


def _chain(context: str, places: Mapping[str, _Place]) -> Iterator[tuple[str, _Place]]:
    while context in places:
        yield context, places[context]
        context = places[context].context


def _id(context: str, number: int) -> str:
    """Give an operation's id as the durable SDK does (3.0.0, `OperationIdNamespace`)."""
    text = f"{context}-{number}" if context else str(number)
    return hashlib.blake2b(text.encode()).hexdigest()[:64]
