"""Checking a replay: whether a workflow's code asks for what its run has recorded.

The durable SDK compares an operation with the record at its place: type, name, context. It raises
an error that careless code catches, and it does not see what the code no longer asks for, nor what
a map, a parallel or an invoke was given. A replay that differs would then end with a wrong result.
"""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import NoReturn

from aws_durable_execution_sdk_python.identifier import OperationIdentifier
from aws_durable_execution_sdk_python.lambda_service import (
    ErrorObject,
    OperationAction,
    OperationSubType,
    OperationUpdate,
)
from aws_durable_execution_sdk_python.lambda_service import OperationType as SdkType

from agent.durable.differences import Difference, described
from agent.durable.given import first_change
from agent.errors import ReplayDiffersError
from runs.operations import Operation

#: Contexts whose branches may be left behind: they complete early, whatever has been recorded.
_BRANCHING = frozenset({OperationSubType.MAP, OperationSubType.PARALLEL})
_ENDS = frozenset({OperationAction.SUCCEED, OperationAction.FAIL})


class Replay:
    """One invocation's comparison of what the code asks for with what was recorded before it.

    The first difference stands: from then on nothing that is asked for is given. Several threads
    ask at once, each for operations of its own.
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._recorded = {operation.operation_id: operation for operation in operations}
        #: By context, in the order of their start: what the code has yet to ask for.
        self._unasked: dict[str | None, dict[str, Operation]] = {}
        for operation in self._recorded.values():
            self._unasked.setdefault(operation.parent_id, {})[operation.operation_id] = operation
        #: By thread: what the map or parallel that it is about to ask for is given.
        self._given: dict[int, str] = {}
        #: By operation: what those were given that are not recorded yet.
        self._new_items: dict[str, str] = {}
        self._lock = threading.Lock()
        self.difference: Difference | None = None

    def give(self, items: str) -> None:
        """Say what the map or parallel is given that this thread asks for next."""
        self._given[threading.get_ident()] = items

    def ask(self, asked: OperationIdentifier, *, is_virtual: bool) -> Operation | None:
        """Take note that the code asks for an operation, and give it as it is recorded.

        Args:
            asked: What it asks for.
            is_virtual: Whether it is a context that records nothing of its own.

        Raises:
            ReplayDiffersError: Something else is recorded there, or the replay differed before.
        """
        self._stop_if_differing()
        items = None
        if asked.sub_type in _BRANCHING:
            items = self._given.pop(threading.get_ident(), None)
        recorded = self._recorded.get(asked.operation_id)
        if recorded is None:
            if items is not None:
                self._new_items[asked.operation_id] = items
            return None
        instead = _instead(recorded, asked, is_virtual=is_virtual)
        if instead is None and items is not None:
            instead = first_change(recorded, items)
        if instead is not None:
            self._differ(recorded, instead)
        # Asked for again, as by a branch that is resumed, it is no longer there.
        self._unasked[recorded.parent_id].pop(recorded.operation_id, None)
        return recorded

    def ask_invoke(
        self, operation_id: str, *, target: str, payload: Callable[[], str | None]
    ) -> None:
        """Compare whom the code invokes, and with what, with what is recorded.

        Args:
            operation_id: The invoke.
            target: Whom.
            payload: Gives with what, as JSON; None if that can't be compared.

        Raises:
            ReplayDiffersError: It is another.
        """
        recorded = self._recorded.get(operation_id)
        if recorded is None:
            return
        if recorded.target != target:
            self._differ(recorded, f"invokes {target!r}, not {recorded.target!r}")
        given = payload()
        if recorded.input is None or given is None or _is_same_json(recorded.input, given):
            return
        self._differ(recorded, f"gives {target!r} another payload")

    def items_of(self, operation_id: str) -> str | None:
        """Give what a map or parallel is given that has not been recorded yet."""
        return self._new_items.pop(operation_id, None)

    def admit(self, updates: Iterable[OperationUpdate]) -> list[OperationUpdate]:
        """Give the updates without the ends of contexts that left out what is recorded in them."""
        return [update for update in updates if self._is_admitted(update)]

    def leave(self, context_id: str | None, *, why: str = "ends") -> None:
        """Take note that a context, or with None the workflow, has come to its end.

        Raises:
            ReplayDiffersError: It did not ask for all that is recorded in it.
        """
        self._stop_if_differing()
        left = self._unasked.get(context_id)
        if not left:
            return
        context = self._recorded.get(context_id or "")
        if context is not None and context.sub_type in _BRANCHING:
            return
        first = next(iter(left.values()))
        self._differ(first, f"{why} without asking for it")

    def conclude(self, *, why: str = "ends") -> Difference | None:
        """Take note that the workflow has come to its end, and give the difference."""
        with suppress(ReplayDiffersError):
            self.leave(None, why=why)
        return self.difference

    def leave_virtual(self, operation_ids: Iterator[str]) -> None:
        """Take note that a context has ended that records nothing of its own.

        Args:
            operation_ids: The ids its operations have, in order, without an end.

        Raises:
            ReplayDiffersError: It did not ask for all that is recorded in it.
        """
        for operation_id in operation_ids:
            recorded = self._recorded.get(operation_id)
            if recorded is None:
                return
            if operation_id in self._unasked[recorded.parent_id]:
                self._differ(recorded, "ends its branch without asking for it")

    def _is_admitted(self, update: OperationUpdate) -> bool:
        if update.operation_type is not SdkType.CONTEXT or update.action not in _ENDS:
            return True
        try:
            self.leave(update.operation_id, why=ending(update.error))
        except ReplayDiffersError:
            return False
        return True

    def _stop_if_differing(self) -> None:
        if self.difference is not None:
            raise ReplayDiffersError(self.difference.place)

    def _differ(self, recorded: Operation, instead: str) -> NoReturn:
        with self._lock:
            if self.difference is None:
                self.difference = Difference(
                    recorded=recorded,
                    position=self._position(recorded),
                    within=tuple(self._contexts(recorded)),
                    instead=instead,
                )
        raise ReplayDiffersError(self.difference.place)

    def _position(self, recorded: Operation) -> int:
        siblings = [
            operation.operation_id
            for operation in self._recorded.values()
            if operation.parent_id == recorded.parent_id
        ]
        return siblings.index(recorded.operation_id) + 1

    def _contexts(self, recorded: Operation) -> Iterator[Operation]:
        context = self._recorded.get(recorded.parent_id or "")
        while context is not None:
            yield context
            context = self._recorded.get(context.parent_id or "")


class ReplayingClient:
    """A service client under which replays are checked."""

    #: The comparison of the invocation it serves.
    replay: Replay

    def leave_if_paused(self) -> None:
        """End the invocation before its next operation, if the run is to be paused there."""


def ending(error: ErrorObject | None) -> str:
    """Say how a context or a workflow ended, as the beginning of what it did not do."""
    if error is None:
        return "ends"
    kind = (error.type or "an error").rpartition(".")[2]
    return f"raises {kind}: {error.message}," if error.message else f"raises {kind}"


def _instead(recorded: Operation, asked: OperationIdentifier, *, is_virtual: bool) -> str | None:
    if is_virtual:
        return "asks for a context there that records nothing of its own"
    is_same = (
        recorded.type.value == asked.type.value
        and recorded.sub_type == asked.sub_type
        and (recorded.name or None) == (asked.name or None)
    )
    if not is_same:
        return f"asks for {described(asked)} in its place"
    if (recorded.parent_id or None) != (asked.parent_id or None):
        return "asks for it in another context"
    return None


def _is_same_json(one: str, other: str) -> bool:
    # The order of keys may be another: that of a set, say, out of which a dict was made.
    return one == other or bool(json.loads(one) == json.loads(other))
