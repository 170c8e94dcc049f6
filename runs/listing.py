"""Going through the runs of a journal."""

from collections.abc import Iterator

from runs.journal.base import Journal
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
