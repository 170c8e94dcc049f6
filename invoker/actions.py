"""What the invoker does: accept, dispatch, expire, stop, cancel, pause and resume runs.

Every action may be repeated, and may die at any point: what it did is in the journal, and the
state machine finds it there.
"""

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from invoker.answers import Answer, Outcome
from invoker.errors import AgentRefusedError, AgentUnavailableError, InvokerError
from invoker.stopping import SessionStopper, StopOutcome
from invoker.transport import CALL_SECONDS
from runs import lifecycle
from runs.announcing import Announcer
from runs.errors import (
    IllegalTransitionError,
    InvalidRequestError,
    JournalUnavailableError,
)
from runs.ids import MIN_SESSION_ID
from runs.journal.base import Journal
from runs.json_types import Json
from runs.lifecycle import Ending
from runs.request import RunRequest, check_session_id
from runs.run import Pause, Run, RunFailure, Status
from runs.signals import Signal
from runs.telemetry.meter import Meter, NoMeter
from runs.telemetry.metrics import Metric
from runs.telemetry.scope import current_scope, learn
from runs.upkeep import kept_from_workers

logger = logging.getLogger(__name__)

#: However often the agent failed to take a run, it is asked again after this.
_LONGEST_REDISPATCH = timedelta(minutes=15)
#: When the journal did not answer, or somebody else changed the run under our eyes.
_SOON_SECONDS = 1


class Agent(Protocol):
    """Where runs are handed to; see `invoker.transport.AgentRuntime`."""

    def send(self, session_id: str, action: str) -> str:
        """Ask the agent for something and give the status it answers with."""
        ...

    def stop(self, session_id: str) -> None:
        """End a session."""
        ...


class Notifier(Protocol):
    """Who tells deciders; see `runs.notifying.Notifier`."""

    def notify(self, session_id: str) -> Run:
        """Send what is due for a run, and give its head with the time of what is due next."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoker:
    """The actions, with all they work on."""

    journal: Journal
    agent: Agent
    signal: Signal
    notifier: Notifier
    workflows: frozenset[str]
    redispatch: timedelta
    clock: Callable[[], datetime]
    meter: Meter = field(default_factory=NoMeter)

    def accept(self, payload: Mapping[str, Json], *, seconds_left: Callable[[], float]) -> Answer:
        """Record a new run and hand it to the agent, in one write and one call.

        To any execution but the one that accepted it first, the run is a duplicate. That one may
        ask again, when the first answer was lost.
        """
        try:
            request = self._request(payload)
        except InvalidRequestError as error:
            logger.info("request rejected", extra={"field": error.field, "error": str(error)})
            self.meter.tell({Metric.RUNS_REJECTED: 1})
            return Answer(outcome=Outcome.REJECTED, message=str(error), field=error.field)
        try:
            return self._accept(request, payload.get("execution"), seconds_left=seconds_left)
        except JournalUnavailableError as error:
            return later(request.session_id, str(error))

    def dispatch(self, session_id: str, *, seconds_left: Callable[[], float]) -> Answer:
        """Hand a run that is due to the agent; or end it, if it must not go on."""
        now = self.clock()
        run = self.journal.get(session_id)
        if run is None:
            return later(session_id, f"run {session_id!r} is not in the journal")
        if run.status.is_terminal or not run.is_due(now):
            return self._look_again(run)
        if run.is_being_stopped(now):
            return self._wait(run, "its session is being stopped")
        if (kept := kept_from_workers(self.journal, run, now=now)) is not None:
            extra = {"session_id": session_id, "status": kept.status}
            logger.info("run kept from workers", extra=extra)
            return self._look_again(self._told(kept))
        try:
            counted = self.journal.dispatch(session_id, now=now, retry_at=self._retry_at(run, now))
        except IllegalTransitionError as error:
            return later(session_id, str(error))
        return self._hand_over(counted, seconds_left=seconds_left)

    def expire(self, session_id: str) -> Answer:
        """End a run whose deadline has passed."""
        return self._look_again(self._told(self.journal.expire(session_id, now=self.clock())))

    def conclude(self, session_id: str, ending: Ending) -> Answer:
        """End the run of a Lambda durable execution that the service has ended."""
        run = self.journal.conclude(session_id, ending, now=self.clock())
        return _answer(Outcome.ENDED, self._told(run))

    def stop(self, session_id: str) -> Answer:
        """End the runtime session of a run that is over or waits, and not of one that goes on."""
        stopper = SessionStopper(journal=self.journal, sessions=self.agent, clock=self.clock)
        stopped = stopper.try_to_stop(session_id)
        match stopped.outcome:
            case StopOutcome.STOPPED:
                return Answer(outcome=Outcome.STOPPED, session_id=session_id)
            case StopOutcome.LEFT if stopped.run is not None:
                return self._wait(stopped.run, stopped.why)
            case _:
                self.meter.tell({Metric.STOPS_FAILED: 1}, session_id=session_id)
                return later(session_id, stopped.why)

    def notify(self, session_id: str) -> Answer:
        """Tell those who may decide on what a run asks what there is to tell.

        What could not be sent is due again, by the run's head. The state machine of a run that has
        ended waits for that, for a while.
        """
        run = self.notifier.notify(session_id)
        if run.notify_at is None or not run.status.is_terminal:
            return _answer(Outcome.NOTIFIED, run)
        seconds = math.ceil((run.notify_at - self.clock()).total_seconds())
        return Answer(
            outcome=Outcome.RETRY,
            session_id=session_id,
            message="not all that is to be told could be sent",
            retry_seconds=max(_SOON_SECONDS, seconds),
        )

    def cancel(self, session_id: str, *, reason: str) -> Answer:
        """End a run nobody works on, and tell the state machine; ask the worker of any other."""
        run = self.journal.cancel(session_id, now=self.clock(), reason=reason)
        if not run.status.is_terminal:
            self._ask_worker(run, "cancel")
            return _answer(Outcome.CANCELLING, run)
        self._announcer.announce(run)
        return _answer(Outcome.ENDED, run)

    def pause(self, session_id: str, *, by: str, origin: str, reason: str) -> Answer:
        """Have a run wait until it is resumed; ask its worker, if it has one."""
        now = self.clock()
        wish = Pause(by=by, origin=origin, reason=reason, at=now)
        run = self.journal.pause(session_id, wish, now=now)
        # The state machines have no more to dispatch, and may look at them less often.
        self._announcer.announce_steered(run)
        if run.status is Status.BUSY:
            self._ask_worker(run, "pause")
            return _answer(Outcome.PAUSING, run)
        return _answer(Outcome.PAUSED, run)

    def resume(self, session_id: str, *, by: str, origin: str) -> Answer:
        """Let a paused run and those below it go on, and have the state machines dispatch them."""
        run = self.journal.resume(session_id, now=self.clock(), by=by, origin=origin)
        self._announcer.announce_steered(run)
        return _answer(Outcome.RESUMED, run)

    def _accept(
        self, request: RunRequest, execution: Json, *, seconds_left: Callable[[], float]
    ) -> Answer:
        asked = self._dispatched(request, execution)
        accepted = self.journal.accept(asked)
        is_ours = asked.execution is not None and asked.execution == accepted.run.execution
        learn(session_id=accepted.run.session_id, workflow=accepted.run.workflow)
        if not accepted.is_new and not is_ours:
            self._tell(accepted.run, {Metric.RUNS_DUPLICATED: 1})
            return _answer(Outcome.DUPLICATE, accepted.run)
        if accepted.run.version != asked.version:
            # Repeated by the execution that accepted it, and the run has gone on meanwhile.
            return self._look_again(accepted.run)
        return self._hand_over(accepted.run, seconds_left=seconds_left)

    @property
    def _announcer(self) -> Announcer:
        return Announcer(journal=self.journal, signal=self.signal)

    def _told(self, run: Run) -> Run:
        """Tell a run's family if it has ended; its own state machine is the one that asks us."""
        self._announcer.announce_end(run)
        return run

    def _request(self, payload: Mapping[str, Json]) -> RunRequest:
        given = payload.get("session_id")
        return RunRequest.from_json(
            payload.get("detail"),
            source="queue" if payload.get("source") == "queue" else "events",
            workflows=self.workflows,
            session_id=None if given is None else check_session_id(given),
            min_session_id=MIN_SESSION_ID,
        )

    def _dispatched(self, request: RunRequest, execution: Json) -> Run:
        """Give the head of a new run with its first dispatch counted: it is written once."""
        now = self.clock()
        trace = current_scope().trace
        run = replace(
            request.to_run(now),
            execution=execution if isinstance(execution, str) else None,
            trace=None if trace is None else trace.traceparent,
        )
        return lifecycle.dispatch(run, now=now, retry_at=self._retry_at(run, now)).run

    def _retry_at(self, run: Run, now: datetime) -> datetime:
        return now + min(self.redispatch * 2.0**run.dispatches, _LONGEST_REDISPATCH)

    def _hand_over(self, run: Run, *, seconds_left: Callable[[], float]) -> Answer:
        if seconds_left() < CALL_SECONDS:
            return self._wait(run, "there was no time left to call the agent")
        action = "resume" if run.attempt else "start"
        began_at = self.clock()
        try:
            status = self.agent.send(run.session_id, action)
        except AgentRefusedError as error:
            self._tell_dispatch(run, Metric.DISPATCHES_REFUSED, began_at=began_at)
            refused = RunFailure(type="AgentRefused", message=str(error))
            return self._look_again(self._give_up(run, refused))
        except AgentUnavailableError as error:
            self._tell_dispatch(run, Metric.DISPATCHES_FAILED, began_at=began_at)
            return self._after_failure(run, error)
        if status not in (Outcome.STARTED, Outcome.BUSY):
            self._tell_dispatch(run, Metric.DISPATCHES_FAILED, began_at=began_at)
            return self._wait(run, f"the agent answered {status!r} to {action!r}")
        self._tell_dispatch(run, Metric.DISPATCHES_TAKEN, began_at=began_at)
        logger.info(
            "run handed over",
            extra={"session_id": run.session_id, "status": status, "attempt": run.attempt},
        )
        return _answer(Outcome(status), run)

    def _tell_dispatch(self, run: Run, outcome: Metric, *, began_at: datetime) -> None:
        """Tell of a hand-over once it is over; each is one, also of a run handed over before."""
        took_ms = max(0.0, (self.clock() - began_at) / timedelta(milliseconds=1))
        self._tell(run, {outcome: 1, Metric.DISPATCH_LATENCY: took_ms})

    def _tell(self, run: Run, values: Mapping[Metric, float]) -> None:
        self.meter.tell(values, session_id=run.session_id, workflow=run.workflow)

    def _after_failure(self, run: Run, error: AgentUnavailableError) -> Answer:
        # A request that may have been delivered is not the last word: the agent may claim yet.
        if error.is_delivered or run.dispatches < run.max_attempts:
            return self._wait(run, str(error))
        why = f"the agent took none of {run.dispatches} hand-overs; the last one: {error}"
        error_of_run = RunFailure(type=lifecycle.ATTEMPTS_EXHAUSTED, message=why)
        return self._look_again(self._give_up(run, error_of_run))

    def _give_up(self, run: Run, error: RunFailure) -> Run:
        logger.error("run given up", extra={"session_id": run.session_id, "error": error.message})
        return self._told(self.journal.give_up(run.session_id, error=error, now=self.clock()))

    def _look_again(self, run: Run) -> Answer:
        """Answer about a run that somebody else has, or that is over."""
        if run.status.is_terminal:
            return _answer(Outcome.ENDED, run)
        return self._wait(run, f"the run is {run.status}")

    def _wait(self, run: Run, why: str) -> Answer:
        """Ask the state machine to look again when the run is due."""
        now = self.clock()
        lease_ends_at = run.lease.expires_at if run.lease else now
        seconds = (max(lease_ends_at, run.wake_at or now, now) - now).total_seconds()
        logger.info("run not handed over", extra={"session_id": run.session_id, "error": why})
        return Answer(
            outcome=Outcome.RETRY,
            session_id=run.session_id,
            message=why,
            retry_seconds=max(_SOON_SECONDS, math.ceil(seconds)),
        )

    def _ask_worker(self, run: Run, action: str) -> None:
        try:
            self.agent.send(run.session_id, action)
        except InvokerError as error:
            # The worker's heartbeat reads the wish in the head; asking only makes it sooner.
            logger.info(
                "worker not asked", extra={"session_id": run.session_id, "error": str(error)}
            )


def _answer(outcome: Outcome, run: Run) -> Answer:
    return Answer(outcome=outcome, session_id=run.session_id)


def later(session_id: str, why: str) -> Answer:
    """Ask the state machine to look again soon: nothing is known to have been done."""
    logger.warning("journal not read", extra={"session_id": session_id, "error": why})
    return Answer(
        outcome=Outcome.RETRY, session_id=session_id, message=why, retry_seconds=_SOON_SECONDS
    )
