"""Runs as Lambda durable executions: the service keeps the operations, our journal all the rest.

The service invokes the function to begin, and again after each wait, answer, retry and crash. Each
invocation is an attempt at the run: it claims the lease, so that of two invocations only one works
and a frozen one that wakes up writes nothing; and it settles, parks or hands back the run before
the service hears how it ended. A function that dies in between is invoked again, finds the head
ended and answers the same.
"""

import json
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from aws_durable_execution_sdk_python.lambda_service import (
    DurableExecutionInvocationOutput,
    InvocationStatus,
)

from agent import threads
from agent.attempt import Attempt, StopReason
from agent.budget import set_limits
from agent.durable.answers import Answer, agrees, ending, failure, pending
from agent.durable.approvals import asked_for
from agent.durable.service import ServiceClient
from agent.durable.timers import waiting
from agent.errors import OtherExecutionError
from agent.models.select import ModelChoice
from agent.outcomes import (
    Outcome,
    Stopped,
    Suspended,
    failed_by,
    invocation_event,
    read_ending,
)
from agent.patience import patiently
from agent.registry import Registry
from agent.runner import Limits
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
    RunNotFoundError,
)
from runs.ids import execution_session_id, new_lease_token
from runs.journal.base import Changes, Claim, Journal
from runs.json_types import Json
from runs.lifecycle import exhaustion
from runs.request import RunRequest
from runs.run import DURABLE_FUNCTION, Run, RunFailure
from runs.telemetry.scope import current_scope

logger = logging.getLogger(__name__)

#: Seconds until the service is to invoke again: at once, and when the journal did not answer.
_AT_ONCE = 1
_AFTER_AN_OUTAGE = 30
#: How long before its time is up an invocation stops at its next edge: a tenth of its time, and
#: no more seconds than this.
_LONGEST_MARGIN = 30.0

T = TypeVar("T")


class LambdaContext(Protocol):
    """What is used of Lambda's context object."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Give the milliseconds until Lambda ends the invocation."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DurableFunction:
    """Executes any workflow of a registry as Lambda durable executions."""

    journal: Journal
    artifacts: ArtifactStore
    registry: Registry
    settler: Settler
    limits: Limits
    model: ModelChoice
    clock: Callable[[], datetime]
    #: The limits of runs that were asked for without.
    budget: Budget = field(default_factory=Budget)
    tracing: Tracing = field(default_factory=Tracing)

    def invoke(self, event: Any, context: LambdaContext) -> Answer:  # noqa: ANN401 - Lambda's
        """Work on an execution until it ends, waits, or the invocation's time is nearly up.

        Raises:
            NotDurableError: The function is an ordinary one.
        """
        service = ServiceClient.of(event)
        try:
            return self._answer(service, context)
        except (InvalidRequestError, OtherExecutionError) as error:
            return failure(RunFailure(type=type(error).__name__, message=str(error)))
        except JournalUnavailableError as error:
            logger.warning("journal did not answer", extra={"error": str(error)})
            return _handed_over(service, _AFTER_AN_OUTAGE)

    def _answer(self, service: ServiceClient, context: LambdaContext) -> Answer:
        run = self._closed_if_over(self._accepted(service))
        if run.status.is_terminal:
            return ending(run)
        try:
            claim = self._claim(run)
        except ClaimLostError as error:
            return self._unclaimed(service, error)
        except (PayloadMissingError, PayloadHashError) as error:
            # It will be no better next time.
            cause = RunFailure(type=type(error).__name__, message=str(error))
            return ending(self.journal.give_up(run.session_id, error=cause, now=self.clock()))
        return self._work(service, claim, context)

    def _accepted(self, service: ServiceClient) -> Run:
        """Give the run that the execution is; its first invocation records it."""
        request = RunRequest.from_json(
            _payload(service.payload),
            source=DURABLE_FUNCTION,
            workflows=self.registry.names,
            session_id=execution_session_id(service.arn),
        )
        trace = current_scope().trace
        asked = replace(
            request.to_run(self.clock()),
            execution=service.arn,
            trace=None if trace is None else trace.traceparent,
        )
        run = self._patiently(lambda: self.journal.accept(asked).run)
        if run.execution != service.arn:
            raise OtherExecutionError(run.session_id, execution=run.execution)
        return run

    def _closed_if_over(self, run: Run) -> Run:
        """End a run that nobody may work on any more: nobody else looks after it."""
        now = self.clock()
        error = exhaustion(run)
        if run.deadline_at <= now:
            return self.journal.expire(run.session_id, now=now)
        if run.cancel_requested:
            reason = run.cancel_reason or "its cancellation was requested"
            return self.journal.cancel(run.session_id, now=now, reason=reason)
        if error is not None:
            return self.journal.give_up(run.session_id, error=error, now=now)
        return run

    def _claim(self, run: Run) -> Claim:
        token = new_lease_token()
        return self._patiently(
            lambda: self.journal.claim(
                run.session_id,
                owner=f"lambda:{run.execution}",
                token=token,
                now=self.clock(),
                lease_seconds=self.limits.lease_seconds,
                versions=self.registry.versions,
                execution=run.execution,
            )
        )

    def _unclaimed(self, service: ServiceClient, error: ClaimLostError) -> Answer:
        """Come again when the lease has expired that an invocation which died left behind."""
        run = self._read(error.session_id)
        logger.info("claim lost", extra={"session_id": run.session_id, "error": str(error)})
        left = run.lease.expires_at - self.clock() if run.lease else timedelta(0)
        return _handed_over(service, math.ceil(left.total_seconds()))

    def _work(self, service: ServiceClient, claim: Claim, context: LambdaContext) -> Answer:
        attempt = Attempt(
            journal=self.journal,
            artifacts=self.artifacts,
            run=claim.run,
            lease=claim.lease,
            clock=self.clock,
        )
        self.tracing.install()
        with attempt_traced(attempt.run, attempt.lease):
            return self._worked(service, attempt, context)

    def _worked(self, service: ServiceClient, attempt: Attempt, context: LambdaContext) -> Answer:
        try:
            self._supervise(attempt, context)
            output = self._executed(attempt, service, context)
            self.settler.conclude(attempt, _outcome(output, attempt, service))
        except BaseException as error:
            # Lambda tries again what raises. The next invocation need not wait for the lease.
            attempt.request_stop(StopReason.SHUTDOWN, f"the invocation failed: {error!r}")
            self.settler.conclude(attempt, Stopped())
            raise
        return self._told(service, output, attempt)

    def _supervise(self, attempt: Attempt, context: LambdaContext) -> None:
        seconds = context.get_remaining_time_in_millis() / 1000
        until_edge = seconds - min(_LONGEST_MARGIN, seconds / 10)

        def let_go() -> None:
            self.settler.conclude(attempt, Stopped())

        def stop_in_time() -> None:
            if not attempt.closed.wait(until_edge):
                attempt.request_stop(StopReason.SHUTDOWN, "the invocation's time is nearly up")

        supervise(
            attempt,
            stall_after=self.limits.stall_after,
            stop_grace=self.limits.stop_grace,
            let_go=let_go,
        )
        # If it crashes, Lambda ends the invocation, and the lease runs out.
        threads.start(f"time {attempt.session_id}", stop_in_time, on_crash=lambda _: None)

    def _executed(
        self, attempt: Attempt, service: ServiceClient, context: LambdaContext
    ) -> DurableExecutionInvocationOutput:
        handler = self.registry.handler(attempt.run.workflow)
        began_at = self.clock()
        left = timedelta(milliseconds=context.get_remaining_time_in_millis())
        invocation = InvocationContext(
            aws_request_id=context.aws_request_id,
            services=Services(attempt=attempt, model=self.model),
            ends_at=began_at + left,
        )
        try:
            set_limits(attempt, self.budget)
            answered = handler(service.open(attempt), invocation)
            event = invocation_event(
                attempt, began_at=began_at, request_id=invocation.aws_request_id
            )
            attempt.commit(Changes(events=(event,)))
        except (LeaseLostError, JournalUnavailableError):
            return DurableExecutionInvocationOutput.create_pending()
        return DurableExecutionInvocationOutput.from_dict(answered)

    def _told(
        self, service: ServiceClient, output: DurableExecutionInvocationOutput, attempt: Attempt
    ) -> Answer:
        """Tell the service what our journal has: of the two, the head is recorded first."""
        run = self._read(attempt.session_id)
        if agrees(output, run) and attempt.stop_reason is None:
            service.send_ending()
            return output.to_dict()
        if run.status.is_terminal:
            return ending(run)
        is_late = attempt.stop_reason in {None, StopReason.SHUTDOWN}
        seconds = _AT_ONCE if is_late else math.ceil(self.limits.lease_seconds)
        return _handed_over(service, seconds)

    def _read(self, session_id: str) -> Run:
        run = self._patiently(lambda: self.journal.get(session_id))
        if run is None:
            raise RunNotFoundError(session_id)
        return run

    def _patiently(self, call: Callable[[], T]) -> T:
        return patiently(call, seconds=self.limits.lease_seconds)


def _payload(text: str | None) -> Json:
    try:
        payload: Json = json.loads(text or "null")
    except ValueError as error:
        raise InvalidRequestError(field="payload", message=f"can't be read: {error}") from error
    return payload


def _outcome(
    output: DurableExecutionInvocationOutput, attempt: Attempt, service: ServiceClient
) -> Outcome:
    operations = service.mirror.operations
    if service.refusal is not None:
        return failed_by(service.refusal)
    if output.status is not InvocationStatus.PENDING:
        known = operations.values()
        return read_ending(output, recorded=service.outcome, operations=known)
    if attempt.stop.is_set():
        return Stopped()
    found = waiting(operations)
    if found is None:
        return Suspended(until=None, what="the Lambda service")
    asking = asked_for(attempt, operations.values()) if found.is_outside else None
    return Suspended(until=found.until, what=asking or found.what)


def _handed_over(service: ServiceClient, seconds: int) -> Answer:
    service.hand_over(seconds)
    return pending()
