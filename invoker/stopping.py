"""Stopping a run's runtime session, and never one that has gone on to a newer attempt."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from invoker.errors import InvokerError
from runs.errors import RunError
from runs.journal.base import Journal
from runs.run import Run
from runs.sessions import goes_on

logger = logging.getLogger(__name__)

#: Whoever stops a session is dead after this: no function of ours may run for longer.
STOP_TIME = timedelta(seconds=60)


class Sessions(Protocol):
    """Where sessions are; see `invoker.transport.AgentRuntime`."""

    def stop(self, session_id: str) -> None:
        """End a session."""
        ...


class StopOutcome(StrEnum):
    """What came of stopping a session."""

    #: It is stopped, or was before.
    STOPPED = "STOPPED"
    #: The run goes on in it, or somebody else is stopping it: it is left alone.
    LEFT = "LEFT"
    #: AgentCore did not do it.
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """The outcome, and the facts around it."""

    outcome: StopOutcome
    #: As it was seen first; None if it can't be read.
    run: Run | None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStopper:
    """See `runs.sweeper.Stopper`."""

    journal: Journal
    sessions: Sessions
    clock: Callable[[], datetime]

    def stop(self, session_id: str) -> bool:
        """See `Stopper.stop`."""
        return self.try_to_stop(session_id).outcome is StopOutcome.STOPPED

    def try_to_stop(self, session_id: str) -> Stopped:
        """End the session of a run that waits or is over; say why not, if not.

        Nobody begins anything in the session meanwhile: see `runs.sessions`.

        Raises:
            JournalUnavailableError: The journal did not answer. If it was reached before, the run
                is held up until `STOP_TIME` has passed.
        """
        run = self._run(session_id)
        if run is None:
            # It could not be gone on with, and its session is billed.
            return self._stopped(session_id, run)
        if goes_on(run, self.clock()):
            return Stopped(outcome=StopOutcome.LEFT, run=run, why=f"the run is {run.status}")
        if not run.has_session:
            return Stopped(outcome=StopOutcome.STOPPED, run=run)
        now = self.clock()
        begun = self.journal.begin_stop(session_id, now=now, until=now + STOP_TIME)
        if begun is None:
            why = "the run went on, or its session is being stopped by somebody else"
            return Stopped(outcome=StopOutcome.LEFT, run=run, why=why)
        done = self._stopped(session_id, run)
        self.journal.end_stop(
            session_id,
            hand_overs=begun.hand_overs,
            is_stopped=done.outcome is StopOutcome.STOPPED,
            now=self.clock(),
        )
        return done

    def _run(self, session_id: str) -> Run | None:
        try:
            return self.journal.get(session_id)
        except RunError as error:
            extra = {"session_id": session_id, "error": str(error)}
            logger.warning("run can't be read; its session is stopped", extra=extra)
            return None

    def _stopped(self, session_id: str, run: Run | None) -> Stopped:
        try:
            self.sessions.stop(session_id)
        except InvokerError as error:
            extra = {"session_id": session_id, "error": str(error)}
            logger.warning("session not stopped", extra=extra)
            return Stopped(outcome=StopOutcome.FAILED, run=run, why=str(error))
        return Stopped(outcome=StopOutcome.STOPPED, run=run)
