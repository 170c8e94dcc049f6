"""The heartbeat: keeps an attempt's lease, and the wait for it from ending.

It also hears from the head of a cancellation or a pause.
"""

import logging
from datetime import timedelta

from agent.attempt import Attempt, StopReason
from runs.errors import JournalUnavailableError, LeaseLostError
from runs.signals import NoPulse, Pulse

logger = logging.getLogger(__name__)


class Heartbeat:
    """Renews one attempt's lease until the attempt is closed, and tells who waits for the run."""

    def __init__(self, attempt: Attempt, pulse: Pulse | None = None) -> None:
        self._attempt = attempt
        self._pulse = pulse or NoPulse()
        self._interval = attempt.lease.seconds / 3

    def run(self) -> None:
        """Beat until the attempt is over; the body of the heartbeat's thread.

        Commits renew the lease too, but only a renewal reads the head. So the heartbeat never
        skips: a busy run must hear of its cancellation as soon as an idle one.
        """
        pause = self._interval
        while not self._attempt.closed.wait(pause):
            # When the journal does not answer, ask again sooner: the lease is running out.
            pause = self._interval if self.beat() else self._interval / 4

    def beat(self) -> bool:
        """Renew once and say whether the journal took it."""
        attempt = self._attempt
        now = attempt.clock()
        try:
            run = attempt.journal.renew(attempt.lease, now=now)
            attempt.stop_with_parent()
        except LeaseLostError as error:
            attempt.request_stop(StopReason.LEASE_LOST, str(error))
            return False
        except JournalUnavailableError as error:
            self._miss(error)
            return False
        attempt.renewed_at = now
        if run.wake_token is not None:
            self._pulse.beat(run.wake_token)
        if run.cancel_requested:
            attempt.request_stop(StopReason.CANCELLED, run.cancel_reason or "cancelled")
        elif run.pause is not None:
            attempt.request_stop(StopReason.PAUSED, run.pause.words)
        return True

    def _miss(self, error: JournalUnavailableError) -> None:
        attempt = self._attempt
        expired_at = attempt.renewed_at + timedelta(seconds=attempt.lease.seconds)
        logger.warning(
            "heartbeat missed", extra={"session_id": attempt.session_id, "error": str(error)}
        )
        if attempt.clock() >= expired_at:
            message = f"the lease expired while the journal did not answer: {error}"
            attempt.request_stop(StopReason.JOURNAL_UNAVAILABLE, message)
