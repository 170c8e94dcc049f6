"""One attempt at a run: the lease, and everything the attempt records under it."""

import hashlib
import itertools
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from enum import StrEnum

from agent.errors import AttemptStoppedError
from runs.artifacts.base import ArtifactStore
from runs.errors import JournalUnavailableError, LeaseLostError
from runs.events import Event, EventType
from runs.journal.base import Changes, Journal
from runs.json_types import Json
from runs.run import Artifact, Lease, Progress, Run

logger = logging.getLogger(__name__)

#: Part of the lease's time that a write is tried again when the journal does not answer. Below
#: one, so that the attempt stops by itself before somebody else may claim the run.
_PATIENCE = 0.5
_FIRST_DELAY_SECONDS = 0.05
_LONGEST_DELAY_SECONDS = 5.0


class StopReason(StrEnum):
    """Why an attempt must end before its workflow does."""

    #: Somebody asked for the run to end.
    CANCELLED = "cancelled"
    #: The run's deadline passed.
    DEADLINE = "deadline"
    #: This process is shutting down; another may go on.
    SHUTDOWN = "shutdown"
    #: The run is another worker's now, or over.
    LEASE_LOST = "lease lost"
    #: The journal did not answer for too long.
    JOURNAL_UNAVAILABLE = "journal unavailable"
    #: Nothing happened for too long.
    STALLED = "stalled"


class Attempt:
    """What a workflow's code works with while it holds a run's lease. Safe to share by threads.

    Every write goes through `commit`, is fenced by the lease and counts as a sign of life for
    the watchdog.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        artifacts: ArtifactStore,
        run: Run,
        lease: Lease,
        clock: Callable[[], datetime],
    ) -> None:
        self.journal = journal
        self.artifacts = artifacts
        self.run = run
        self.lease = lease
        self.clock = clock
        #: Set when the attempt must end at its next edge, and when it has ended.
        self.stop = threading.Event()
        self.stop_reason: StopReason | None = None
        self.stop_message = ""
        #: Set when the attempt has ended for this process, whatever its threads still do.
        self.closed = threading.Event()
        self.last_sign_of_life = clock()
        #: When the journal last took the lease's renewal, by a commit or by the heartbeat.
        self.renewed_at = self.last_sign_of_life
        self._lock = threading.Lock()

    @property
    def session_id(self) -> str:
        """The run's id."""
        return self.run.session_id

    def commit(self, changes: Changes) -> None:
        """Record changes under the lease; waits out a journal that does not answer for a moment.

        Raises:
            LeaseLostError: The run is another's now, or the attempt is over; nothing was written.
            JournalUnavailableError: The journal did not answer for half the lease's time.
        """
        for delay in _delays(self.lease.seconds * _PATIENCE):
            try:
                self._commit_once(changes)
            except JournalUnavailableError as error:
                logger.warning("journal did not answer", extra={"error": str(error)})
                # A stopping attempt does not wait: its budget may be a second or two.
                if delay is None or self.stop.wait(delay):
                    message = f"the journal did not answer: {error}"
                    self.request_stop(StopReason.JOURNAL_UNAVAILABLE, message)
                    raise
            else:
                return

    def _commit_once(self, changes: Changes) -> None:
        if self.closed.is_set():
            raise LeaseLostError(self.session_id, attempt=self.lease.attempt)
        now = self.clock()
        try:
            self.journal.commit(self.lease, changes, now=now)
        except LeaseLostError as error:
            self.request_stop(StopReason.LEASE_LOST, str(error))
            raise
        self.last_sign_of_life = self.renewed_at = now

    def report(self, progress: Progress) -> None:
        """Tell watchers how far the run is; long tools call it so as not to look stalled."""
        details: dict[str, Json] = {
            "Step": progress.step,
            "Done": progress.done,
            "Total": progress.total,
            "Message": progress.message,
        }
        event = self.event(EventType.PROGRESS_REPORTED, details=details)
        self.commit(Changes(progress=progress, events=(event,)))

    def event(
        self, kind: EventType, *, name: str | None = None, details: dict[str, Json] | None = None
    ) -> Event:
        """Make a fact of this attempt, dated now, to be recorded by a `commit`."""
        return Event(
            type=kind,
            at=self.clock(),
            name=name,
            attempt=self.lease.attempt,
            details=details or {},
        )

    def save(self, name: str, data: bytes, *, media_type: str) -> Artifact:
        """Put a file of this run in the artifact store and on its head; the last of a name wins."""
        key = f"runs/{self.session_id}/{name}"
        uri = self.artifacts.put(key, data, media_type=media_type)
        artifact = Artifact(
            name=name,
            uri=uri,
            media_type=media_type,
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )
        details: dict[str, Json] = {"Name": name, "Uri": uri, "Size": len(data)}
        event = self.event(EventType.ARTIFACT_SAVED, details=details)
        self.commit(Changes(artifacts=(artifact,), events=(event,)))
        return artifact

    def request_stop(self, reason: StopReason, message: str) -> None:
        """Ask the attempt to end at its next edge; the first reason stands."""
        with self._lock:
            if self.stop_reason is None:
                self.stop_reason, self.stop_message = reason, message
        self.stop.set()

    def leave_if_stopped(self) -> None:
        """End the attempt here if it was told to stop; for edges inside long steps.

        Raises:
            AttemptStoppedError: It was; nothing is recorded as failed, and the step is begun
                again if the run goes on elsewhere.
        """
        if self.stop.is_set():
            raise AttemptStoppedError(self.stop_message)

    def close(self) -> bool:
        """End the attempt for this process: from now on it records nothing.

        The runner, the watchdog and a shutdown may all want to end it. The one that gets True does,
        and nobody else.
        """
        with self._lock:
            is_first = not self.closed.is_set()
            self.closed.set()
        self.stop.set()
        return is_first


def _delays(patience_seconds: float) -> Iterator[float | None]:
    """Give the pauses between tries, doubling, that add up to no more than `patience_seconds`."""
    spent = 0.0
    for doubling in itertools.count():
        delay = min(_FIRST_DELAY_SECONDS * 2**doubling, _LONGEST_DELAY_SECONDS)
        if spent + delay > patience_seconds:
            yield None
            return
        spent += delay
        yield delay
