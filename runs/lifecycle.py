"""The rules by which a run changes: pure functions from a head to the next head and its events.

Journal adapters read a head, apply a rule and write both in one transaction, on the condition that
the head is still the one they read. So the rules stand once, whatever the store.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from runs.again import Plan, Retry, kept_artifacts
from runs.asked import Approval
from runs.budget import Budget, reached
from runs.errors import (
    ClaimLostError,
    IllegalTransitionError,
    LeaseLostError,
    RetryRefusedError,
    SteeringRefusedError,
)
from runs.events import Event, EventType
from runs.instants import to_iso
from runs.journal.keys import AGENTS
from runs.json_types import Json
from runs.operations import Operation
from runs.run import TERMINAL, Lease, Pause, Run, RunFailure, Status, check_transition
from runs.told import Tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a rule makes of a head. No events and the same head means: nothing to write."""

    run: Run
    events: tuple[Event, ...] = ()
    #: Operations that somebody outside an attempt changed.
    operations: tuple[Operation, ...] = ()
    #: Approvals that changed with them, or by a look or a vote alone.
    approvals: tuple[Approval, ...] = ()
    #: Messages for the run's agents that somebody outside an attempt left.
    tells: tuple[Tell, ...] = ()
    #: Limits for the whole family, to be set on the head of the run that began it.
    family_budget: Budget | None = None
    #: The keys of records that go.
    removed: tuple[str, ...] = ()
    #: What is about to be done to a run that is taken up again.
    plan: Plan | None = None


_NO_VERSIONS: Mapping[str, str] = MappingProxyType({})

#: The error type of a run whose attempts are used up.
ATTEMPTS_EXHAUSTED = "AttemptsExhausted"

#: A rule with its arguments bound, as an adapter applies it.
Rule = Callable[[Run], Change]

_ENDINGS = {
    Status.COMPLETED: EventType.EXECUTION_SUCCEEDED,
    Status.FAILED: EventType.EXECUTION_FAILED,
    Status.CANCELLED: EventType.EXECUTION_STOPPED,
    Status.TIMED_OUT: EventType.EXECUTION_TIMED_OUT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a run ends."""

    status: Status
    result: Json = None
    error: RunFailure | None = None

    def __post_init__(self) -> None:
        if not self.status.is_terminal:
            msg = (
                f"an ending can't be {self.status}, expected one of: {', '.join(sorted(TERMINAL))}"
            )
            raise ValueError(msg)


def accept_event(run: Run) -> Event:
    """Give the first fact of a run's timeline."""
    details: dict[str, Json] = {
        "Workflow": run.workflow,
        "Source": run.source,
        "DeadlineAt": to_iso(run.deadline_at),
    }
    if (origin := run.forked_from) is not None:
        details["ForkedFrom"] = {
            "SessionId": origin.session_id,
            "Step": origin.step,
            "Id": origin.operation_id,
            "Edited": list(origin.edited),
        }
    return Event(type=EventType.EXECUTION_STARTED, at=run.created_at, details=details)


def claim(  # noqa: PLR0913 - all of them keyword-only
    run: Run,
    *,
    owner: str,
    token: str,
    now: datetime,
    lease_seconds: float,
    versions: Mapping[str, str] = _NO_VERSIONS,
    execution: str | None = None,
) -> Change:
    """Take the lease: the run is queued, or parked and due, or its lease has expired.

    A run that is a Lambda durable execution is claimed by the invocations of that `execution` and
    by nobody else; the service knows when it is due.

    `versions` are those of the claimant's workflows, by name. That of the run's stands on its head
    from now on; if another stood there, the timeline tells of the change.

    A claim repeated with the token it was made with is the same claim: its first answer was lost.

    Raises:
        ClaimLostError: It is none of these; or it ended, was cancelled or is past its deadline.
    """
    if run.status is Status.BUSY and run.lease is not None and run.lease.token == token:
        return Change(run=run)
    if run.durable_execution != execution:
        whose = run.durable_execution or "workers"
        raise ClaimLostError(run.session_id, f"it is executed by {whose}")
    _check_claimable(run, now)
    is_lost = run.status is Status.BUSY
    lease = Lease(
        session_id=run.session_id,
        token=token,
        owner=owner,
        attempt=run.attempt + 1,
        seconds=lease_seconds,
        expires_at=now + timedelta(seconds=lease_seconds),
    )
    claimed = replace(
        _moved(run, Status.BUSY, now),
        attempt=lease.attempt,
        lost_attempts=run.lost_attempts + 1 if is_lost else 0,
        dispatches=0,
        # A worker that nobody handed the run to has a session, too.
        hand_overs=run.hand_overs if run.has_session else run.hand_overs + 1,
        lease=lease,
        claimed_at=now,
        workflow_version=versions.get(run.workflow, run.workflow_version),
        started_at=run.started_at or now,
    )
    details: dict[str, Json] = {"Owner": owner, "After": run.status.value}
    if claimed.workflow_version is not None:
        details["WorkflowVersion"] = claimed.workflow_version
    began = _event(claimed, EventType.LEASE_CLAIMED, now, details)
    return Change(run=claimed, events=(began, *_workflow_change(run, claimed, now)))


def _workflow_change(before: Run, claimed: Run, now: datetime) -> tuple[Event, ...]:
    if before.workflow_version in {None, claimed.workflow_version}:
        return ()
    details: dict[str, Json] = {"From": before.workflow_version, "To": claimed.workflow_version}
    return (_event(claimed, EventType.WORKFLOW_CHANGED, now, details),)


def _check_claimable(run: Run, now: datetime) -> None:
    if run.status.is_terminal:
        raise ClaimLostError(run.session_id, f"it is {run.status}")
    if run.cancel_requested:
        raise ClaimLostError(run.session_id, "its cancellation was requested")
    if run.pause is not None:
        raise ClaimLostError(run.session_id, f"it is {run.pause.words}")
    if run.is_being_stopped(now):
        raise ClaimLostError(run.session_id, "its session is being stopped")
    if run.deadline_at <= now:
        raise ClaimLostError(run.session_id, f"its deadline was {to_iso(run.deadline_at)}")
    if run.status is Status.BUSY and run.lease is not None and run.lease.expires_at > now:
        why = f"{run.lease.owner} holds its lease until {to_iso(run.lease.expires_at)}"
        raise ClaimLostError(run.session_id, why)
    is_the_services = run.durable_execution is not None
    if run.status is Status.WAITING and not is_the_services and not run.is_due(now):
        until = to_iso(run.wake_at) if run.wake_at else "it is answered"
        raise ClaimLostError(run.session_id, f"it waits until {until}")


def lease_of(run: Run) -> Lease:
    """Give the lease of a run that was just claimed."""
    if run.lease is None:
        msg = f"run {run.session_id!r} is {run.status} without a lease, expected a claimed one"
        raise AssertionError(msg)
    return run.lease


def check_fence(run: Run, lease: Lease) -> None:
    """Refuse the write of a worker whose lease is no longer the run's.

    A lease that expired but was taken by nobody still writes: the token decides, not a clock.

    Raises:
        LeaseLostError: The run is not BUSY under this token.
    """
    if run.status is not Status.BUSY or run.lease is None or run.lease.token != lease.token:
        raise LeaseLostError(lease.session_id, attempt=lease.attempt)


def renew(run: Run, *, lease: Lease, now: datetime) -> Change:
    """Give the attempt its full lease time again.

    A heartbeat is no change of the run: `updated_at` and with it the order of listings stay. But
    who was late with it is here again, and hand-overs made meanwhile are no failures to find one.
    """
    check_fence(run, lease)
    renewed = replace(
        run, lease=lease.renewed(now), wake_at=None, dispatches=0, version=run.version + 1
    )
    return Change(run=renewed)


def raise_budget(run: Run, *, lease: Lease, budget: Budget, now: datetime) -> Change:
    """Raise the limits that are given, for the run and its whole family; none is ever lowered.

    Again with the same limits is no change.
    """
    check_fence(run, lease)
    raised = run.budget.raised(budget)
    if raised == run.budget and run.root_session_id is None:
        return Change(run=run)
    details: dict[str, Json] = {"Budget": budget.to_json()}
    event = _event(run, EventType.BUDGET_SET, now, details)
    if run.root_session_id is not None:
        told = replace(run, version=run.version + 1, updated_at=now)
        return Change(run=told, events=(event,), family_budget=budget)
    held = replace(run, budget=raised, version=run.version + 1, updated_at=now)
    return Change(run=held, events=(event,))


def settle(run: Run, *, lease: Lease, ending: Ending, now: datetime) -> Change:
    """Record how the attempt ended the run."""
    check_fence(run, lease)
    return _end(run, ending, now)


def park(  # noqa: PLR0913 - all of them keyword-only
    run: Run,
    *,
    lease: Lease,
    wake_at: datetime | None,
    waiting_for: str,
    now: datetime,
    seen_answers: int | None = None,
) -> Change:
    """Give up the machine until `wake_at`, or until somebody answers when it is None.

    An answer that came after the worker last looked makes the run due at once. A run whose
    cancellation was requested ends instead: nobody would wake it to learn of it. One that is to be
    paused waits for whoever resumes it, whatever else it waits for.
    """
    check_fence(run, lease)
    if run.cancel_requested:
        return _end_cancelled(run, now)
    if run.pause is not None:
        return _paused(run, run.pause, now)
    if seen_answers is not None and run.answers > seen_answers:
        wake_at = now
    parked = replace(
        _moved(run, Status.WAITING, now),
        wake_at=wake_at,
        waiting_for=waiting_for,
        lost_attempts=0,
        seen_answers=run.answers if seen_answers is None else seen_answers,
    )
    details: dict[str, Json] = {
        "WaitingFor": waiting_for,
        "WakeAt": to_iso(wake_at) if wake_at else None,
    }
    event = _event(parked, EventType.RUN_PARKED, now, details)
    return Change(run=parked, events=(event,))


def release(run: Run, *, lease: Lease, now: datetime, why: str) -> Change:
    """Hand the run back so that another worker can claim it at once.

    A run whose cancellation was requested ends instead, and one that is to be paused waits: no
    worker could claim it.
    """
    check_fence(run, lease)
    if run.cancel_requested:
        return _end_cancelled(run, now)
    if run.pause is not None:
        return _paused(run, run.pause, now)
    released = replace(_moved(run, Status.QUEUED, now), wake_at=now, lost_attempts=0)
    event = _event(released, EventType.LEASE_RELEASED, now, {"Why": why})
    return Change(run=released, events=(event,))


def dispatch(run: Run, *, now: datetime, retry_at: datetime) -> Change:
    """Count a hand-over to the agent; none follows before `retry_at` unless a worker claims.

    Raises:
        IllegalTransitionError: The run has ended, or a worker has it, or it is not due; or its
            session is being stopped.
    """
    if run.status.is_terminal or not run.is_due(now) or run.is_being_stopped(now):
        raise IllegalTransitionError(run.session_id, status=run.status, wanted="dispatched")
    # An expired BUSY run stays BUSY: whoever claims it must count the attempt that was lost.
    queued = run if run.status is not Status.WAITING else _moved(run, Status.QUEUED, now)
    dispatched = replace(
        queued,
        wake_at=retry_at,
        dispatches=run.dispatches + 1,
        hand_overs=run.hand_overs + 1,
        version=run.version + 1,
        updated_at=now,
    )
    details: dict[str, Json] = {"Dispatch": dispatched.dispatches, "After": run.status.value}
    event = Event(type=EventType.DISPATCHED, at=now, details=details)
    return Change(run=dispatched, events=(event,))


def cancel(run: Run, *, now: datetime, reason: str) -> Change:
    """End a run that no worker has; ask the worker of a run that one has. Twice is once."""
    if run.status.is_terminal:
        return Change(run=run)
    if _is_held(run, now):
        return _request_cancel(run, now, reason)
    if run.cancel_requested:
        return _end_cancelled(run, now)
    return _end_cancelled(replace(run, cancel_requested=True, cancel_reason=reason), now)


def _end_cancelled(run: Run, now: datetime) -> Change:
    error = RunFailure(type="Cancelled", message=run.cancel_reason or "no reason was given")
    return _end(run, Ending(status=Status.CANCELLED, error=error), now)


def _request_cancel(run: Run, now: datetime, reason: str) -> Change:
    if run.cancel_requested:
        return Change(run=run)
    asked = replace(
        run, cancel_requested=True, cancel_reason=reason, version=run.version + 1, updated_at=now
    )
    event = Event(type=EventType.CANCEL_REQUESTED, at=now, details={"Reason": reason})
    return Change(run=asked, events=(event,))


def pause(run: Run, wish: Pause, *, now: datetime) -> Change:
    """Have a run do nothing until it is resumed; the first wish stands, and twice is once.

    A run that no worker has waits from now on. The worker of a run that one has is asked; if it is
    gone by the time anybody looks, the run waits from then on.

    Raises:
        SteeringRefusedError: The run has ended or is about to, or the Lambda service works on it.
    """
    check_steerable(run, "paused")
    if run.durable_execution is not None:
        why = "it is a Lambda durable execution, and the service decides when it works"
        raise SteeringRefusedError(run.session_id, what="paused", why=why)
    is_held, is_known = _is_held(run, now), run.pause is not None
    if is_known and (is_held or run.status is Status.WAITING):
        return Change(run=run)
    wished = run if is_known else replace(run, pause=wish)
    asked = _told(EventType.PAUSE_REQUESTED, now, By=wish.by, From=wish.origin, Reason=wish.reason)
    events = () if is_known else (asked,)
    if is_held:
        return Change(run=replace(wished, version=run.version + 1, updated_at=now), events=events)
    parked = _paused(wished, wished.pause or wish, now)
    return replace(parked, events=(*events, *parked.events))


def resume(run: Run, *, by: str, origin: str = "", now: datetime) -> Change:
    """Let a paused run go on: it is due at once. One that is not paused is left as it is.

    A worker that has not come to an edge since the pause goes on, or hands the run back.

    Raises:
        SteeringRefusedError: The run has ended or is about to.
    """
    check_steerable(run, "resumed")
    if run.pause is None:
        return Change(run=run)
    is_parked = run.status is Status.WAITING
    resumed = replace(
        run,
        pause=None,
        wake_at=now if is_parked else run.wake_at,
        waiting_for=None if is_parked else run.waiting_for,
        version=run.version + 1,
        updated_at=now,
    )
    return Change(run=resumed, events=(_told(EventType.RUN_RESUMED, now, By=by, From=origin),))


def check_steerable(run: Run, what: str) -> None:
    """Refuse to pause, resume or tell anything a run that nobody will work on again.

    Raises:
        SteeringRefusedError: The run has ended, or is about to.
    """
    if run.status.is_terminal:
        raise SteeringRefusedError(run.session_id, what=what, why=f"it is {run.status}")
    if run.cancel_requested:
        why = "its cancellation was requested"
        raise SteeringRefusedError(run.session_id, what=what, why=why)


def _paused(run: Run, wish: Pause, now: datetime) -> Change:
    """Park a run that nothing wakes but its resumption."""
    moved = run if run.status is Status.WAITING else _moved(run, Status.WAITING, now)
    parked = replace(
        moved,
        wake_at=None,
        waiting_for=wish.words,
        lost_attempts=0,
        version=run.version + 1,
        updated_at=now,
    )
    details: dict[str, Json] = {"WaitingFor": wish.words, "WakeAt": None}
    return Change(run=parked, events=(_event(parked, EventType.RUN_PARKED, now, details),))


def _told(kind: EventType, now: datetime, **details: str) -> Event:
    """Tell what somebody outside an attempt did, without what they did not say."""
    said: dict[str, Json] = {name: value for name, value in details.items() if value}
    return Event(type=kind, at=now, details=said)


def _is_held(run: Run, now: datetime) -> bool:
    """Say whether a worker has the run, and was heard of within its lease."""
    return run.status is Status.BUSY and run.lease is not None and run.lease.expires_at > now


def expire(run: Run, *, now: datetime) -> Change:
    """End a run whose deadline has passed, whoever has it; leave any other as it is."""
    if run.status.is_terminal or run.deadline_at > now:
        return Change(run=run)
    return _end(run, overdue(run), now)


def overdue(run: Run) -> Ending:
    """Give the ending of a run whose deadline has passed."""
    message = f"the run did not end by its deadline {to_iso(run.deadline_at)}"
    error = RunFailure(type="DeadlineExceeded", message=message)
    return Ending(status=Status.TIMED_OUT, error=error)


def notice(run: Run, *, now: datetime) -> Run:
    """Count an answer from outside; a parked run is due at once, unless somebody paused it."""
    is_woken = run.status is Status.WAITING and run.pause is None
    return replace(
        run,
        answers=run.answers + 1,
        wake_at=now if is_woken else run.wake_at,
        version=run.version + 1,
        updated_at=now,
    )


def exhaustion(run: Run) -> RunFailure | None:
    """Say why a due run gets no further attempt; None if it does."""
    if run.status is Status.BUSY and run.lost_attempts + 1 >= run.max_attempts:
        owner = run.lease.owner if run.lease else "a worker"
        message = (
            f"{run.max_attempts} attempts in a row were lost and had finished nothing; "
            f"the last was attempt {run.attempt}, by {owner}"
        )
        return RunFailure(type=ATTEMPTS_EXHAUSTED, message=message)
    if run.dispatches >= run.max_attempts:
        message = f"the agent took none of {run.dispatches} hand-overs"
        return RunFailure(type=ATTEMPTS_EXHAUSTED, message=message)
    return None


def give_up(run: Run, *, error: RunFailure, now: datetime) -> Change:
    """Fail a run that no worker has; leave one that ended or is being worked on as it is."""
    if run.status.is_terminal or _is_held(run, now):
        return Change(run=run)
    return _end(run, Ending(status=Status.FAILED, error=error), now)


def conclude(run: Run, ending: Ending, *, now: datetime) -> Change:
    """End a run whose execution somebody else has ended, whoever still has it; twice is once."""
    return Change(run=run) if run.status.is_terminal else _end(run, ending, now)


def check_retriable(run: Run, retry: Retry, *, now: datetime) -> None:
    """Refuse to take up a run that can't be taken up, or that would end again at once.

    Raises:
        RetryRefusedError: It has not ended, or with a result; or its budget is used up.
    """
    if run.durable_execution is not None:
        raise RetryRefusedError(run.session_id, "it is a Lambda durable execution")
    if run.status is Status.COMPLETED:
        why = "it is COMPLETED, and its result was announced; make a fork of it"
        raise RetryRefusedError(run.session_id, why)
    if not run.status.is_terminal:
        raise RetryRefusedError(run.session_id, f"it is {run.status}, and has not ended")
    if run.root_session_id is not None:
        return
    standing = reached(retry.budget.or_else(run.budget), run.used(now))
    if standing is not None:
        why = f"its budget is used up: {standing}; give it a higher {standing.limit}"
        raise RetryRefusedError(run.session_id, why)


def begin_retry(run: Run, *, plan: Plan, retry: Retry, now: datetime) -> Change:
    """Write down what is about to be done to a run that is taken up again."""
    check_retriable(run, retry, now=now)
    return Change(run=replace(run, version=run.version + 1), plan=plan)


def carry_out(
    run: Run,
    *,
    plan: Plan,
    removed: tuple[str, ...] = (),
    operations: tuple[Operation, ...] = (),
    approvals: tuple[Approval, ...] = (),
) -> Change:
    """Do a part of a plan; nothing if the run has gone on since, by whoever did the rest."""
    if run.retries >= plan.number:
        return Change(run=run)
    held = replace(run, version=run.version + 1)
    return Change(run=held, removed=removed, operations=operations, approvals=approvals)


def retry(run: Run, *, plan: Plan, retry: Retry, is_asking: bool, now: datetime) -> Change:
    """Put a run back to QUEUED when its plan has been carried out; twice is once.

    It has its checkpoints and what it has used; of attempts and hand-overs that failed it is free.
    Whether it is asking something again says whether there is somebody to tell.
    """
    if run.retries >= plan.number:
        return Change(run=run)
    length = run.deadline_at - (run.retried_at or run.created_at)
    if retry.deadline_seconds is not None:
        length = timedelta(seconds=retry.deadline_seconds)
    queued = replace(
        _moved(run, Status.QUEUED, now),
        lost_attempts=0,
        dispatches=0,
        wake_at=now,
        wake_token=None,
        deadline_at=retry.deadline_at or now + length,
        cancel_requested=False,
        cancel_reason=None,
        result=None,
        error=None,
        artifacts=kept_artifacts(run, plan.dropped),
        budget=retry.budget.or_else(run.budget),
        finished_at=None,
        announced_at=None,
        retries=plan.number,
        retried_at=now,
        notify_at=now if is_asking else None,
    )
    details: dict[str, Json] = {
        "Retry": plan.number,
        "By": retry.by,
        "From": plan.start,
        "After": run.status.value,
        "Dropped": len(plan.dropped),
        # For the receipt: what is done again because of this was not saved by replay.
        "DroppedSteps": list(plan.dropped),
        "ForgottenAgents": [
            key.removeprefix(AGENTS.low) for key in plan.removed if key.startswith(AGENTS.low)
        ],
        "DeadlineAt": to_iso(queued.deadline_at),
        "Budget": retry.budget.to_json() if retry.budget.is_set else None,
    }
    told: dict[str, Json] = {name: value for name, value in details.items() if value is not None}
    return Change(run=queued, events=(_event(queued, EventType.RUN_RETRIED, now, told),))


def _end(run: Run, ending: Ending, now: datetime) -> Change:
    ended = replace(
        _moved(run, ending.status, now),
        result=ending.result,
        error=ending.error,
        pause=None,
        finished_at=now,
        # What is still asked is withdrawn by this.
        notify_at=None if run.notify_at is None else now,
    )
    details: dict[str, Json] = {"Status": ending.status.value}
    if ending.error is not None:
        details["Error"] = {"ErrorType": ending.error.type, "ErrorMessage": ending.error.message}
    return Change(run=ended, events=(_event(ended, _ENDINGS[ending.status], now, details),))


def _moved(run: Run, to: Status, now: datetime) -> Run:
    """Move to a status, without anything that belonged to the one before."""
    check_transition(run, to)
    return replace(
        run,
        status=to,
        version=run.version + 1,
        worked_ms=run.worked_ms + run.attempt_ms(now),
        lease=None,
        claimed_at=None,
        wake_at=None,
        waiting_for=None,
        updated_at=now,
    )


def _event(run: Run, kind: EventType, now: datetime, details: dict[str, Json]) -> Event:
    return Event(type=kind, at=now, attempt=run.attempt, details=details)
