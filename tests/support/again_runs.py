"""Runs that failed, as journals keep them, with ids as the durable SDK gives them."""

import hashlib
from datetime import datetime
from typing import Any

from runs.journal.base import Changes, Journal
from runs.lifecycle import Ending
from runs.operations import Operation, OperationError, OperationStatus
from runs.run import Run, RunFailure, Status
from tests.support.journals import NOW, accept, an_operation, claim

MESSAGE = "it is broken"
ERROR = OperationError(type="ValueError", message=MESSAGE)
FAILED = Ending(status=Status.FAILED, error=RunFailure(type="ValueError", message=MESSAGE))


def op_id(*numbers: int) -> str:
    """Give the id that the durable SDK gives an operation at a place."""
    prefix = ""
    for number in numbers:
        text = f"{prefix}-{number}" if prefix else str(number)
        prefix = hashlib.blake2b(text.encode()).hexdigest()[:64]
    return prefix


def step(*place: int, name: str, **changes: Any) -> Operation:  # noqa: ANN401 - any field of an operation
    """Make an operation at a place of the program: a step that succeeded."""
    fields = {"parent_id": op_id(*place[:-1]) or None, "sub_type": "Step"}
    return an_operation(op_id(*place), name=name, **fields | changes)


def failed(*place: int, name: str, **changes: Any) -> Operation:  # noqa: ANN401 - as above
    """Make one that failed."""
    gone = {"status": OperationStatus.FAILED, "payload": None, "error": ERROR}
    return step(*place, name=name, **gone | changes)


def ended(
    journal: Journal,
    *operations: Operation,
    ending: Ending = FAILED,
    at: datetime = NOW,
    **run: Any,  # noqa: ANN401 - any field of a run
) -> Run:
    """Make a run that has done some operations and ended."""
    lease = claim(journal, accept(journal, **run).session_id, now=at).lease
    journal.commit(lease, Changes(operations=operations), now=at)
    return journal.settle(lease, ending, now=at)
