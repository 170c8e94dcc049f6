"""What this process works on, from memory: one job per session."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from agent.attempt import Attempt, StopReason
from runs.instants import to_iso
from runs.json_types import Json

#: How many sessions that ended here are remembered, to tell a repeated prompt from a new one.
_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class _StopRequest:
    reason: StopReason
    message: str


class Job:
    """One session's work in this process, from the request until the session is free again."""

    def __init__(self, session_id: str, *, started_at: datetime, free: Callable[[], None]) -> None:
        self.session_id = session_id
        self.started_at = started_at
        self.attempt: Attempt | None = None
        #: Whether the journal is known to have the session's run; else it may be asked for again.
        self.has_run = False
        #: Called once when the job ends, after its session is free.
        self.on_end: Callable[[], object] | None = None
        self._free = free
        self._stop: _StopRequest | None = None
        self._ended = threading.Event()
        self._lock = threading.Lock()

    def attach(self, attempt: Attempt) -> None:
        """Take the attempt that was claimed for this job, with a stop that came before it."""
        with self._lock:
            self.attempt, self.has_run = attempt, True
            asked = self._stop
        if asked is not None:
            attempt.request_stop(asked.reason, asked.message)

    def request_stop(self, reason: StopReason, message: str) -> None:
        """Ask the job to end, now or as soon as it has its attempt."""
        with self._lock:
            # A pause gives way to any other reason; else the first stands.
            if self._stop is None or self._stop.reason is StopReason.PAUSED:
                self._stop = _StopRequest(reason, message)
            attempt = self.attempt
        if attempt is not None:
            attempt.request_stop(reason, message)

    def end(self) -> None:
        """Free the session; the first time counts."""
        with self._lock:
            is_first = not self._ended.is_set()
            self._ended.set()
        if is_first:
            self._free()
            if self.on_end is not None:
                self.on_end()

    def wait(self, seconds: float) -> bool:
        """Wait for the job's end and say whether it came."""
        return self._ended.wait(seconds)

    def to_json(self) -> dict[str, Json]:
        """Say what the job is at."""
        shape: dict[str, Json] = {
            "session_id": self.session_id,
            "started_at": to_iso(self.started_at),
        }
        if self.attempt is not None:
            shape["workflow"] = self.attempt.run.workflow
            shape["attempt"] = self.attempt.lease.attempt
            shape["stopping"] = self.attempt.stop_reason
        return shape


class Jobs:
    """The jobs of this process. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._running: dict[str, Job] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._is_closing = False

    def begin(self, session_id: str) -> Job | None:
        """Begin a job; None if the session has one, or the process is shutting down."""
        job = Job(session_id, started_at=self._clock(), free=lambda: self._end(job))
        with self._lock:
            if self._is_closing or session_id in self._running:
                return None
            self._running[session_id] = job
        return job

    def find(self, session_id: str) -> Job | None:
        """Give the job of a session, None if it has none here."""
        with self._lock:
            return self._running.get(session_id)

    def all(self) -> list[Job]:
        """Give all jobs, in the order of their start."""
        with self._lock:
            return list(self._running.values())

    def has_ended(self, session_id: str) -> bool:
        """Say whether a job of the session ended here, as far as is remembered."""
        with self._lock:
            return session_id in self._ended

    def stop_all(self, *, within_seconds: float) -> list[Job]:
        """Ask all jobs to stop, take no new ones, and give those that are still at work."""
        with self._lock:
            self._is_closing = True
        for job in self.all():
            job.request_stop(StopReason.SHUTDOWN, "the process is shutting down")
        give_up_at = time.monotonic() + within_seconds
        return [job for job in self.all() if not job.wait(give_up_at - time.monotonic())]

    def _end(self, job: Job) -> None:
        with self._lock:
            self._running.pop(job.session_id, None)
            if not job.has_run:
                return
            self._ended[job.session_id] = None
            self._ended.move_to_end(job.session_id)
            if len(self._ended) > _REMEMBERED:
                self._ended.popitem(last=False)
