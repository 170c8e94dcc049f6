"""Going through the runs of a journal."""

from collections.abc import Iterator

from runs.children import child_id
from runs.journal.base import Journal
from runs.operations import OperationType
from runs.run import TERMINAL, Run, Status


def open_runs(journal: Journal) -> Iterator[Run]:
    """Give every run that has not ended; one that changes meanwhile may come twice, or not."""
    for status in Status:
        cursor: str | None = None
        while status not in TERMINAL:
            page = journal.list_runs(status=status, cursor=cursor)
            yield from page.runs
            cursor = page.cursor
            if cursor is None:
                break


def family(journal: Journal, session_id: str) -> Iterator[str]:
    """Give the sessions of a run and of all it started, each parent before its children."""
    yield session_id
    for operation in journal.operations(session_id):
        if operation.type is OperationType.CHAINED_INVOKE:
            yield from family(journal, child_id(session_id, operation))
