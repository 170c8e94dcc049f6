"""The rules about a run's runtime session: stopping it without stopping what it does next.

AgentCore stops a session by its name, and the run's next attempt may begin in one of the same name.
So the head says that a stop is under way, and until it is over nobody hands the run to the session
or takes it up in it. Whoever stops a session and dies holds the run up until `stopping_until`.
"""

from dataclasses import replace
from datetime import datetime

from runs.events import Event, EventType
from runs.lifecycle import Change
from runs.run import Run, Status


def goes_on(run: Run, now: datetime) -> bool:
    """Say whether a run needs its session, or is about to."""
    return run.status in {Status.QUEUED, Status.BUSY} or run.is_due(now)


def begin_stop(run: Run, *, now: datetime, until: datetime) -> Change:
    """Keep everybody from a session that is about to be stopped.

    No change: the run goes on, has no session, or somebody else is stopping it.
    """
    if goes_on(run, now) or not run.has_session or run.is_being_stopped(now):
        return Change(run=run)
    # None of these moves the run in a listing: nothing goes on because of it.
    return Change(run=replace(run, stopping_until=until, version=run.version + 1))


def end_stop(run: Run, *, hand_overs: int, is_stopped: bool, now: datetime) -> Change:
    """Let everybody back in, and record that the session was stopped if it was.

    Args:
        run: The head.
        hand_overs: How often the session had been used when its stop began.
        is_stopped: Whether AgentCore says so.
        now: When it said so.
    """
    if not is_stopped:
        return Change(run=replace(run, stopping_until=None, version=run.version + 1))
    stopped = replace(
        run,
        # Of a head of before this was counted, all there were.
        hand_overs=max(run.hand_overs, hand_overs, 1),
        stopped_hand_overs=max(run.stopped_hand_overs, hand_overs, 1),
        stopping_until=None,
        version=run.version + 1,
    )
    event = Event(type=EventType.SESSION_STOPPED, at=now, details={"HandOvers": hand_overs})
    return Change(run=stopped, events=(event,))
