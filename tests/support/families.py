"""Runs that have started others."""

from typing import Any

from runs.ids import child_session_id
from runs.journal.base import Changes, Journal
from runs.operations import OperationStatus, OperationType
from runs.run import Lease, Run
from tests.support.journals import NOW, accept, an_operation, claim


def family(journal: Journal) -> tuple[Lease, Run]:
    """Begin a run that has invoked another, and accept that one."""
    lease = claim(journal, accept(journal).session_id).lease
    return lease, child_of(journal, lease)


def child_of(journal: Journal, lease: Lease, **fields: Any) -> Run:  # noqa: ANN401 - any field of a run
    """Have a run that is worked on invoke another, and accept that one."""
    invoke = an_operation(
        "inv-1",
        type=OperationType.CHAINED_INVOKE,
        status=OperationStatus.STARTED,
        target="cost-analysis",
        input='{"a":1}',
        payload=None,
        ended_at=None,
    )
    journal.commit(lease, Changes(operations=(invoke,)), now=NOW)
    assert journal.operation(lease.session_id, "inv-1") == invoke
    return accept(
        journal,
        session_id=child_session_id(lease.session_id, "inv-1"),
        parent_session_id=lease.session_id,
        parent_operation_id="inv-1",
        **fields,
    )
