"""The watchdog: sees to it that an attempt ends, whatever its threads do."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from agent.attempt import Attempt, StopReason
from runs.errors import RunError
from runs.events import EventType
from runs.instants import to_iso
from runs.journal.base import Changes
from runs.json_types import Json

logger = logging.getLogger(__name__)

#: The longest the watchdog sleeps. A wall clock that jumps (a laptop that slept, a microVM that was
#: restored) is noticed that late at most.
_LONGEST_NAP = timedelta(seconds=30)


class Watchdog:
    """Stops one attempt at its deadline or when it stalls, and ends one that does not stop.

    A workflow that hangs in its own code can't be interrupted. What can be done is to let go of it:
    the attempt is closed, so that it records nothing any more, and the session is free.
    """

    def __init__(
        self,
        attempt: Attempt,
        *,
        stall_after: timedelta,
        stop_grace: timedelta,
        let_go: Callable[[], None],
    ) -> None:
        self._attempt = attempt
        self._stall_after = stall_after
        self._stop_grace = stop_grace
        self._let_go = let_go

    def run(self) -> None:
        """Watch until the attempt is over; the body of the watchdog's thread."""
        while not self._attempt.stop.wait(self._nap_seconds()):
            self.check()
        # A stalled attempt had its time.
        is_stalled = self._attempt.stop_reason is StopReason.STALLED
        grace = 0.0 if is_stalled else self._stop_grace.total_seconds()
        if not self._attempt.closed.wait(grace):
            logger.warning("attempt did not stop", extra={"session_id": self._attempt.session_id})
            self._let_go()

    def check(self) -> None:
        """Ask the attempt to stop if a limit has passed."""
        now = self._attempt.clock()
        if now >= self._attempt.run.deadline_at:
            message = f"the deadline {to_iso(self._attempt.run.deadline_at)} passed"
            self._attempt.request_stop(StopReason.DEADLINE, message)
        elif now >= self._stalls_at():
            self._record_stall()

    def _record_stall(self) -> None:
        since = to_iso(self._attempt.last_sign_of_life)
        details: dict[str, Json] = {"LastSignOfLife": since}
        event = self._attempt.event(EventType.RUN_STALLED, details=details)
        try:
            self._attempt.commit(Changes(events=(event,)))
        except RunError as error:
            logger.warning("stall not recorded", extra={"error": str(error)})
        self._attempt.request_stop(StopReason.STALLED, f"nothing happened since {since}")

    def _stalls_at(self) -> datetime:
        return self._attempt.last_sign_of_life + self._stall_after

    def _nap_seconds(self) -> float:
        next_limit = min(self._attempt.run.deadline_at, self._stalls_at())
        nap = min(next_limit - self._attempt.clock(), _LONGEST_NAP)
        return max(nap.total_seconds(), 0.0)
