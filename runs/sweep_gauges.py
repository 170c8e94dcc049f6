"""What a sweep measures besides: how many runs are where, and what waits for people."""

from collections.abc import Mapping
from datetime import datetime

from runs.asked import ApprovalState
from runs.journal.base import Journal
from runs.sweeper import Swept
from runs.telemetry.metrics import Metric

_PAGE = 100
#: The newest of them: those of runs that ended without an answer stay listed as they were.
_PAGES = 10


def gauges(journal: Journal, swept: Swept, *, now: datetime) -> Mapping[Metric, float]:
    """Measure a journal as of now.

    Args:
        journal: The journal.
        swept: What was found in it just now.
        now: As of when.
    """
    census = journal.census()
    oldest = census.oldest_wait_at
    return {
        Metric.RUNS_QUEUED: census.queued,
        Metric.RUNS_BUSY: census.busy,
        Metric.RUNS_WAITING: census.waiting,
        Metric.RUNS_STUCK: len(swept.found),
        Metric.OLDEST_WAITING: 0 if oldest is None else max(0.0, (now - oldest).total_seconds()),
        Metric.APPROVALS_WAITING: approvals_waiting(journal, now),
    }


def approvals_waiting(journal: Journal, now: datetime) -> int:
    """Count what waits for a decision, among the approvals that were asked last."""
    found, cursor = 0, None
    for _ in range(_PAGES):
        page = journal.list_approvals(is_open=True, limit=_PAGE, cursor=cursor)
        found += sum(each.state(now) is ApprovalState.OPEN for each in page.asked)
        cursor = page.cursor
        if cursor is None:
            break
    return found
