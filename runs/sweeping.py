"""What a sweep looks for in heads: runs that differ from what the normal way makes of them.

Pure. The normal way is an execution of the state machine for each run that has not ended, and an
end that stops the session and is announced. Somebody stops an execution by hand, or an API is down
for longer than retries last: then a head stays as no head should for long. What a head does not
tell, namely whether an execution watches the run, is for `runs.sweeper` to find out.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from runs.events import Event, EventType
from runs.instants import to_iso
from runs.json_types import Json
from runs.lifecycle import Change
from runs.run import Run, Status


class Problem(StrEnum):
    """What is wrong with a run."""

    #: Its deadline has passed, and it has not ended.
    OVERTIME = "overtime"
    #: No execution of the state machine watches it.
    UNWATCHED = "unwatched"
    #: It wants a worker, or has something to tell, and nothing happens.
    OVERDUE = "overdue"
    #: It waits or has ended, and its session may be on, and billed.
    LEFT_ON = "left_on"
    #: It has ended, and nobody was told.
    UNANNOUNCED = "unannounced"


class Mend(StrEnum):
    """What mends it."""

    #: End it as TIMED_OUT.
    EXPIRE = "expire"
    #: Start an execution that watches it: it dispatches the run, or stops and announces it.
    WATCH = "watch"
    #: Wake the execution that watches it.
    WAKE = "wake"
    #: Stop its session.
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """What a head looks like, and since when."""

    problem: Problem
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What a sweep does about a run, as the timeline tells it."""

    problem: Problem
    mend: Mend
    since: datetime
    #: Of a new execution: its ARN.
    watcher: str | None = None
    #: Of waking one: the token it waits by.
    token: str | None = None

    @property
    def words(self) -> str:
        """Say what was found."""
        return f"{WORDS[self.problem]} since {to_iso(self.since)}"


WORDS = {
    Problem.OVERTIME: "past its deadline",
    Problem.UNWATCHED: "watched by no execution",
    Problem.OVERDUE: "due and not gone on with",
    Problem.LEFT_ON: "its session left on",
    Problem.UNANNOUNCED: "ended and not announced",
}


def suspicions(run: Run, now: datetime, *, patience: timedelta) -> list[Suspicion]:
    """Give what may be wrong with a run, the worst first.

    `UNWATCHED` and `UNANNOUNCED` are for all that an execution might still be about to do.

    Args:
        run: The head.
        now: As of when.
        patience: For how long the normal way may take.
    """
    if run.durable_execution is not None:
        # The Lambda service looks after it.
        return []
    since = _ended(run) if run.status.is_terminal else _open(run, now)
    return [
        Suspicion(problem=problem, since=at)
        for problem, at in since
        if at is not None and at + patience <= now
    ]


_Since = tuple[tuple[Problem, datetime | None], ...]


def _open(run: Run, now: datetime) -> _Since:
    is_idle = run.status is Status.WAITING and run.has_session and not run.is_due(now)
    return (
        (Problem.OVERTIME, run.deadline_at),
        # Whoever has just changed the run may be about to start its execution.
        (Problem.UNWATCHED, run.updated_at),
        (Problem.OVERDUE, due_since(run, now)),
        (Problem.LEFT_ON, run.updated_at if is_idle else None),
    )


def _ended(run: Run) -> _Since:
    # Heads of before hand-overs were counted do not tell whether their end was announced, either.
    is_told = run.announced_at is not None or run.hand_overs == 0
    ended_at = run.finished_at or run.updated_at
    return (
        (Problem.UNANNOUNCED, None if is_told else ended_at),
        (Problem.LEFT_ON, ended_at if run.has_session and run.hand_overs else None),
    )


def due_since(run: Run, now: datetime) -> datetime | None:
    """Give since when a run wants a worker, or something told; None if it wants neither."""
    wants: list[datetime] = []
    if run.is_due(now):
        expired_at = run.lease.expires_at if run.lease else None
        wants += [at for at in (run.wake_at, expired_at) if at is not None] or [run.updated_at]
    told = [] if run.notify_at is None or run.notify_at > now else [run.notify_at]
    return min([*([max(wants)] if wants else []), *told], default=None)


def note_repair(run: Run, *, repair: Repair, now: datetime) -> Change:
    """Record what a sweep found and does; the same again is no change.

    An execution is noted before it is started: if the sweep dies in between, the next one finds on
    the head which it was to be, and starts that.
    """
    if repair.watcher is not None and repair.watcher == run.watcher:
        return Change(run=run)
    if repair.token is not None and repair.token != run.wake_token:
        return Change(run=run)
    noted = replace(
        run,
        watcher=repair.watcher or run.watcher,
        # A token is good for one signal.
        wake_token=None if repair.token is not None else run.wake_token,
        version=run.version + 1,
    )
    details: dict[str, Json] = {"Found": repair.words, "Repair": repair.mend.value}
    if repair.watcher is not None:
        details["Execution"] = repair.watcher
    event = Event(type=EventType.RUN_REPAIRED, at=now, details=details)
    return Change(run=noted, events=(event,))
