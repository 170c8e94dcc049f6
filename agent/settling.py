"""Ending an attempt: the one place that records how, and wakes whoever waits for it."""

import itertools
import logging
from collections.abc import Mapping
from typing import assert_never

from agent.attempt import Attempt, StopReason
from agent.outcomes import Ended, Outcome, Stopped, Suspended, failed_by
from agent.patience import patiently
from agent.tracing import end_attempt
from runs.announcing import Announcer
from runs.errors import JournalUnavailableError, LeaseLostError
from runs.journal.base import Journal
from runs.lifecycle import Ending, overdue
from runs.receipt import receipt
from runs.run import Run, RunFailure, Status
from runs.signals import Signal
from runs.telemetry.measured import savings
from runs.telemetry.meter import Meter, NoMeter
from runs.telemetry.metrics import Metric

logger = logging.getLogger(__name__)


class Settler:
    """Ends attempts. The runner, the watchdog and a shutdown use it; the first of them counts."""

    def __init__(self, *, journal: Journal, signal: Signal, meter: Meter | None = None) -> None:
        self._journal = journal
        self._meter = meter or NoMeter()
        self._announcer = Announcer(journal=journal, signal=signal)

    def conclude(self, attempt: Attempt, outcome: Outcome) -> None:
        """Record an attempt's outcome, unless it was concluded before, and send the signal.

        Never raises: if the journal does not take it, the lease expires and the run is recovered
        by the next attempt.
        """
        if attempt.close():
            self._try(attempt, outcome)

    def _try(self, attempt: Attempt, outcome: Outcome) -> None:
        facts = {"session_id": attempt.session_id, "attempt": attempt.lease.attempt}
        try:
            run = self._record(attempt, _as_concluded(attempt, outcome))
        except LeaseLostError as error:
            self._lost(attempt, str(error))
        except Exception as error:
            logger.exception("attempt not recorded", extra=facts)
            if _can_fail_instead(outcome, error):
                self._try(attempt, failed_by(error))
        else:
            if run is not None:
                # Who hears of it may have the session stopped, and this process with it.
                self._measure(run)
                end_attempt(run)
                self.announce(run)

    def announce(self, run: Run) -> None:
        """Tell whoever waits for the run to look at its head."""
        logger.info("run left", extra={"session_id": run.session_id, "status": run.status.value})
        self._announcer.announce(run)

    def _measure(self, run: Run) -> None:
        """Tell what replay saved a run that ended; one that ended in its first attempt, nothing.

        After its end was recorded, so at most once.
        """
        if not run.status.is_terminal or run.attempt < 2 or isinstance(self._meter, NoMeter):
            return
        try:
            events = [recorded.event for recorded in self._journal.events(run.session_id)]
            self._tell(run, savings(receipt(run, events)))
        except Exception:
            # The run has ended all the same.
            logger.exception("savings not measured", extra={"session_id": run.session_id})

    def _tell(self, run: Run, values: Mapping[Metric, float]) -> None:
        self._meter.tell(values, session_id=run.session_id, workflow=run.workflow)

    def _record(self, attempt: Attempt, outcome: Outcome) -> Run | None:
        # While the lease lasts nobody else claims the run, so it is worth waiting as long.
        is_leaving = attempt.stop_reason in {StopReason.SHUTDOWN, StopReason.JOURNAL_UNAVAILABLE}
        patience = 0.0 if is_leaving else attempt.lease.seconds
        tries = itertools.count()

        def write() -> Run | None:
            is_repeat = next(tries) > 0
            try:
                return self._write(attempt, outcome)
            except LeaseLostError:
                left = self._left(attempt) if is_repeat else None
                if left is None:
                    raise
                return left

        return patiently(write, seconds=patience)

    def _left(self, attempt: Attempt) -> Run | None:
        """Give the run if this attempt has left it already, by a write whose answer was lost."""
        run = self._journal.get(attempt.session_id)
        is_left = run is not None and run.attempt == attempt.lease.attempt and run.lease is None
        return run if is_left else None

    def _write(self, attempt: Attempt, outcome: Outcome) -> Run | None:
        now = attempt.clock()
        match outcome:
            case Ended(ending):
                return self._journal.settle(attempt.lease, ending, now=now)
            case Suspended():
                return self._journal.park(
                    attempt.lease,
                    wake_at=outcome.until,
                    waiting_for=outcome.what,
                    seen_answers=outcome.seen_answers,
                    now=now,
                )
            case Stopped():
                return self._write_stop(attempt)
            case _:
                assert_never(outcome)

    def _write_stop(self, attempt: Attempt) -> Run | None:
        now = attempt.clock()
        match attempt.stop_reason:
            case StopReason.CANCELLED:
                return self._journal.settle(attempt.lease, self._cancelled(attempt), now=now)
            case StopReason.DEADLINE:
                # Under the lease: a worker that has lost it ends nothing, whatever its clock says.
                return self._journal.settle(attempt.lease, overdue(attempt.run), now=now)
            case StopReason.SHUTDOWN | StopReason.JOURNAL_UNAVAILABLE | StopReason.PAUSED:
                # Paused, the run waits; unless it was resumed before it came to an edge.
                return self._journal.release(attempt.lease, now=now, why=attempt.stop_message)
            case StopReason.LEASE_LOST:
                self._lost(attempt, attempt.stop_message)
                return None
            case _:
                # The attempt stalled, and must be counted as lost when its lease expires, or a run
                # that always stalls would be tried for ever.
                return None

    def _lost(self, attempt: Attempt, why: str) -> None:
        facts = {"session_id": attempt.session_id, "attempt": attempt.lease.attempt}
        logger.info("run is another's", extra={**facts, "error": why})
        self._tell(attempt.run, {Metric.LEASES_LOST: 1})

    def _cancelled(self, attempt: Attempt) -> Ending:
        # Who cancelled the run left the reason on the head; the call that follows has none.
        head = self._journal.get(attempt.session_id)
        reason = head.cancel_reason if head else None
        error = RunFailure(type="Cancelled", message=reason or attempt.stop_message)
        return Ending(status=Status.CANCELLED, error=error)


def _can_fail_instead(outcome: Outcome, error: Exception) -> bool:
    """Say whether to record a failure in place of a result, such as one the store has no room for.

    Left alone, the run would come to the same result in every attempt, and lose it every time.
    """
    is_result = isinstance(outcome, Ended) and outcome.ending.status is Status.COMPLETED
    return is_result and not isinstance(error, JournalUnavailableError)


def _as_concluded(attempt: Attempt, outcome: Outcome) -> Outcome:
    """Take a stop for what it is: a result that is there counts, a failure or a wait does not."""
    is_result = isinstance(outcome, Ended) and outcome.ending.status is Status.COMPLETED
    return outcome if is_result or attempt.stop_reason is None else Stopped()
