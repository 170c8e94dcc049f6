"""What is done to a run that nobody works on, by whoever looks after it.

That is the invoker where a state machine watches a run, and the process itself where none does.
"""

from datetime import datetime

from runs.journal.base import Journal
from runs.lifecycle import exhaustion
from runs.run import Run


def kept_from_workers(journal: Journal, run: Run, *, now: datetime) -> Run | None:
    """End or park a run that is due and that nobody may work on now; None if somebody may.

    Somebody asked for its end, its deadline has passed, or its attempts are used up: it ends. Its
    worker died before it came to the edge at which the run was to be paused: it waits.
    """
    if run.cancel_requested:
        reason = run.cancel_reason or "its cancellation was requested"
        return journal.cancel(run.session_id, now=now, reason=reason)
    if run.deadline_at <= now:
        return journal.expire(run.session_id, now=now)
    if run.pause is not None:
        return journal.pause(run.session_id, run.pause, now=now)
    error = exhaustion(run)
    return None if error is None else journal.give_up(run.session_id, error=error, now=now)
