"""One attempt at a run: the lease, and everything the attempt records under it."""

import hashlib
import threading
from collections.abc import Callable
from datetime import datetime

from runs.artifacts.base import ArtifactStore
from runs.errors import LeaseLostError
from runs.events import Event, EventType
from runs.journal.base import Changes, Journal
from runs.json_types import Json
from runs.run import Artifact, Lease, Progress, Run


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
        #: Set when the attempt must end at its next edge: cancelled, lease lost, shutdown, stalled.
        self.stop = threading.Event()
        self.stop_reason: str | None = None
        self.last_sign_of_life = clock()

    @property
    def session_id(self) -> str:
        """The run's id."""
        return self.run.session_id

    def commit(self, changes: Changes) -> None:
        """Record changes under the lease.

        Raises:
            LeaseLostError: The run is another's now; the attempt is also told to stop.
        """
        now = self.clock()
        try:
            self.journal.commit(self.lease, changes, now=now)
        except LeaseLostError:
            self.request_stop("the lease was lost")
            raise
        self.last_sign_of_life = now

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

    def request_stop(self, reason: str) -> None:
        """Ask the attempt to end at its next edge; the first reason stands."""
        if self.stop_reason is None:
            self.stop_reason = reason
        self.stop.set()
