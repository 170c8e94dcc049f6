"""The runner: makes an attempt at a run, from the claim to its end."""

import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from aws_durable_execution_sdk_python.exceptions import InvocationError

from agent.attempt import Attempt
from agent.budget import set_limits
from agent.durable.children import Children
from agent.durable.client import JournalClient
from agent.jobs import Job
from agent.models.select import ModelChoice
from agent.outcomes import (
    Outcome,
    Stopped,
    Suspended,
    failed,
    failed_by,
    invocation_event,
    read_output,
)
from agent.patience import patiently
from agent.registry import Registry
from agent.services import InvocationContext, Services
from agent.settling import Settler
from agent.supervision import supervise
from agent.tracing import Tracing, attempt_traced
from runs.artifacts.base import ArtifactStore
from runs.budget import Budget
from runs.errors import (
    ClaimLostError,
    InvalidRequestError,
    JournalUnavailableError,
    LeaseLostError,
    PayloadHashError,
    PayloadMissingError,
    RunError,
    RunNotFoundError,
    UnwatchedRunError,
)
from runs.ids import new_lease_token
from runs.journal.base import Changes, Claim, Journal
from runs.run import Run, RunFailure
from runs.signals import NoPulse, Pulse
from runs.telemetry.scope import current_scope, within
from runs.watch import PolledJournal, Watcher

logger = logging.getLogger(__name__)

#: How often an invocation that the SDK wants repeated is repeated in place.
_INVOCATIONS = 3
_RETRY_SECONDS = 1.0
#: How often an attempt that stays for a timer looks whether an answer came first.
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The times that govern attempts."""

    lease_seconds: float
    #: A run whose nearest timer is further away gives up its machine.
    park_after: timedelta = timedelta(seconds=30)
    #: An attempt without a sign of life for that long is given up.
    stall_after: timedelta = timedelta(minutes=30)
    #: How long an attempt that was told to stop may take to come to an edge.
    stop_grace: timedelta = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Executes runs. One object serves any number of sessions, each from a thread of its own."""

    journal: Journal
    artifacts: ArtifactStore
    registry: Registry
    settler: Settler
    limits: Limits
    #: Which model agents use.
    model: ModelChoice
    clock: Callable[[], datetime]
    #: The limits of runs that were asked for without.
    budget: Budget = field(default_factory=Budget)
    #: Who sees that runs which no event started come to their ends: child runs, and bare prompts.
    watcher: Watcher = field(default_factory=PolledJournal)
    tracing: Tracing = field(default_factory=Tracing)
    #: Tells who waits for a run that it is worked on.
    pulse: Pulse = field(default_factory=NoPulse)

    def run(self, job: Job, *, accept: Run | None = None) -> None:
        """Make an attempt at a session's run, until the run ends, waits or is somebody else's.

        Args:
            job: The session's job; it is ended in any case.
            accept: The run to accept first, for requests that did not come through the invoker.
        """
        with within(replace(current_scope(), session_id=job.session_id)):
            try:
                attempt = self._claim(job, accept)
                if attempt is not None:
                    self._attempt_traced(job, attempt, is_unwatched=accept is not None)
            finally:
                job.end()

    def _attempt_traced(self, job: Job, attempt: Attempt, *, is_unwatched: bool) -> None:
        self.tracing.install()
        with attempt_traced(attempt.run, attempt.lease):
            self._work(job, attempt, is_unwatched=is_unwatched)

    def _work(self, job: Job, attempt: Attempt, *, is_unwatched: bool) -> None:
        try:
            self._supervise(job, attempt)
            if is_unwatched:
                self._have_watched(attempt.session_id)
            self.settler.conclude(attempt, self._execute(attempt))
        finally:
            # Whatever escaped: a heartbeat that outlives its attempt would keep the run from
            # everybody.
            attempt.close()

    def _have_watched(self, session_id: str) -> None:
        """See that somebody replaces this worker should it die; if nobody does, it works alone."""
        try:
            self.watcher.watch(session_id)
        except (UnwatchedRunError, JournalUnavailableError) as error:
            facts = {"session_id": session_id, "error": str(error)}
            logger.warning("nobody watches the run", extra=facts)

    def _claim(self, job: Job, accept: Run | None) -> Attempt | None:
        facts = {"session_id": job.session_id}
        # Made here, not at start: on AgentCore's platform V2 every session starts from one
        # snapshot, and would share it. And once: a claim whose answer was lost is made again with
        # the token it was made with, or it would be refused for the sake of the first.
        token = new_lease_token()
        try:
            claim = patiently(
                lambda: self._claim_once(job.session_id, accept, token=token),
                seconds=self.limits.lease_seconds,
            )
        except ClaimLostError as error:
            job.has_run = True
            logger.info("claim lost", extra={**facts, "error": str(error)})
            self._close_unclaimable(job.session_id)
            return None
        except (PayloadMissingError, PayloadHashError) as error:
            # It will be no better next time.
            logger.exception("run not readable", extra=facts)
            self._give_up(job.session_id, error)
            return None
        except (RunNotFoundError, JournalUnavailableError) as error:
            logger.error("run not claimed", extra={**facts, "error": str(error)})  # noqa: TRY400 - the message says it all
            return None
        return self._attempt(job, claim)

    def _claim_once(self, session_id: str, accept: Run | None, *, token: str) -> Claim:
        if accept is not None:
            self.journal.accept(accept)
        return self.journal.claim(
            session_id,
            owner=f"{socket.gethostname()}:{os.getpid()}",
            token=token,
            now=self.clock(),
            lease_seconds=self.limits.lease_seconds,
            versions=self.registry.versions,
        )

    def _close_unclaimable(self, session_id: str) -> None:
        """End a run that nobody will work on any more, or park it: cancelled, late, or paused."""
        run = self.journal.get(session_id)
        if run is None or run.status.is_terminal:
            return
        now = self.clock()
        if run.deadline_at <= now:
            self.settler.announce(self.journal.expire(session_id, now=now))
        elif run.cancel_requested:
            reason = run.cancel_reason or "cancelled"
            self.settler.announce(self.journal.cancel(session_id, now=now, reason=reason))
        elif run.pause is not None and run.is_due(now):
            self.settler.announce(self.journal.pause(session_id, run.pause, now=now))

    def _give_up(self, session_id: str, error: RunError) -> None:
        failure = RunFailure(type=type(error).__name__, message=str(error))
        run = self.journal.give_up(session_id, error=failure, now=self.clock())
        if run.status.is_terminal:
            self.settler.announce(run)

    def _attempt(self, job: Job, claim: Claim) -> Attempt:
        attempt = Attempt(
            journal=self.journal,
            artifacts=self.artifacts,
            run=claim.run,
            lease=claim.lease,
            clock=self.clock,
        )
        facts = {"session_id": attempt.session_id, "attempt": claim.lease.attempt}
        logger.info("lease claimed", extra={**facts, "workflow": claim.run.workflow})
        job.attach(attempt)
        return attempt

    def _supervise(self, job: Job, attempt: Attempt) -> None:
        def let_go() -> None:
            self.settler.conclude(attempt, Stopped())
            job.end()

        supervise(
            attempt,
            stall_after=self.limits.stall_after,
            stop_grace=self.limits.stop_grace,
            let_go=let_go,
            pulse=self.pulse,
        )

    def _execute(self, attempt: Attempt) -> Outcome:
        """Invoke the workflow until it ends, or waits for longer than it is worth staying."""
        retries_left = _INVOCATIONS - 1
        while not attempt.leaving.is_set():
            try:
                attempt.stop_with_parent()
                set_limits(attempt, self.budget)
                if attempt.leaving.is_set():
                    break
                outcome = self._invoke(attempt)
            except (LeaseLostError, JournalUnavailableError):
                return Stopped()
            except InvocationError as error:
                # The SDK's way of saying: nothing was recorded, invoke me again.
                if not retries_left or attempt.leaving.wait(_RETRY_SECONDS):
                    return failed_by(error)
                retries_left -= 1
                continue
            except BaseException as error:  # noqa: BLE001 - a workflow that exits must not take the worker along
                return failed_by(error)
            if not isinstance(outcome, Suspended) or not self._sleep(attempt, outcome):
                return outcome
        return Stopped()

    def _invoke(self, attempt: Attempt) -> Outcome:
        try:
            handler = self.registry.handler(attempt.run.workflow)
        except InvalidRequestError as error:
            # Accepted by somebody with another registry, e.g. during a deployment.
            return failed(type(error).__name__, str(error))
        children = Children(
            journal=self.journal, workflows=self.registry.names, watcher=self.watcher
        )
        client = JournalClient(attempt, children=children)
        context = InvocationContext(
            aws_request_id=f"{attempt.session_id}-{attempt.lease.attempt}",
            services=Services(attempt=attempt, model=self.model),
            ends_at=attempt.run.deadline_at,
        )
        given = client.open()
        began_at = self.clock()
        ended = partial(
            invocation_event, attempt, began_at=began_at, request_id=context.aws_request_id
        )
        try:
            output = handler(given, context)
        except BaseException as error:
            # The service tells of invocations that failed too, whether it repeats them or not.
            attempt.commit(Changes(events=(ended(error=error),)))
            raise
        attempt.commit(Changes(events=(ended(),)))
        return read_output(output, client)

    def _sleep(self, attempt: Attempt, suspended: Suspended) -> bool:
        """Stay for a timer that is near and say whether to go on; False is to park or to stop."""
        if suspended.is_over or suspended.until is None:
            return suspended.is_over
        left = suspended.until - self.clock()
        if left > self.limits.park_after:
            return False
        # A run that waits is not stalled.
        attempt.last_sign_of_life = max(suspended.until, self.clock())
        self._rest(attempt, suspended, left.total_seconds())
        return True

    def _rest(self, attempt: Attempt, suspended: Suspended, seconds: float) -> None:
        """Wait for a timer, for a stop, or for an answer if one may come."""
        slice_seconds = _LOOK_SECONDS if suspended.is_outside else seconds
        while seconds > 0 and not attempt.leaving.wait(min(seconds, slice_seconds)):
            seconds -= slice_seconds
            if suspended.is_outside and self._is_answered(attempt, suspended):
                return

    def _is_answered(self, attempt: Attempt, suspended: Suspended) -> bool:
        try:
            run = self.journal.get(attempt.session_id)
        except JournalUnavailableError:
            # The timer ends anyway, and whoever goes on then reads the journal.
            return False
        return run is not None and run.answers != suspended.seen_answers
