"""One attempt at a run: the lease, and everything the attempt records under it."""

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from agent.durable.current import current_operation
from agent.errors import AttemptStoppedError
from agent.files import Files
from agent.inbox import Inbox
from agent.patience import patiently
from runs.approvals import Question
from runs.artifacts.base import ArtifactStore
from runs.budget import Budget
from runs.children import orphaned
from runs.errors import JournalUnavailableError, LeaseLostError
from runs.events import Event, EventType
from runs.instants import to_iso
from runs.journal.base import Changes, Journal
from runs.json_types import Json
from runs.operations import Operation
from runs.records import json_text
from runs.run import Artifact, Lease, Progress, Run
from runs.told import Tell

#: Part of the lease's time that a write is tried again when the journal does not answer. Below
#: one, so that the attempt stops by itself before somebody else may claim the run.
_PATIENCE = 0.5


T = TypeVar("T")


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
    #: Somebody asked for the run to wait; what is begun is finished before.
    PAUSED = "paused"


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
        #: Set with it; and before, when the attempt is to end where nothing is in flight.
        self.leaving = threading.Event()
        self.stop_reason: StopReason | None = None
        self.stop_message = ""
        #: Set when the attempt has ended for this process, whatever its threads still do.
        self.closed = threading.Event()
        #: The agents with a model call in flight: to end the attempt now would lose its answer.
        self.calling: set[str] = set()
        #: Of a child run: what its family may use, as it was when that was first of interest.
        self.family_budget: Budget | None = None
        #: The agents that ask to go on when the budget is used up. While there is one, no step is
        #: refused for the time it may take: the agent's next model call asks.
        self.asking: set[str] = set()
        #: What the workflow asks with a callback, by its id, until that is recorded.
        self.questions: dict[str, Question] = {}
        #: How many answers from outside the last invocation that ended has seen, and what else came
        #: to its end since.
        self.seen_answers = run.seen_answers
        self.news: set[str] = set()
        self.last_sign_of_life = clock()
        #: When the journal last took the lease's renewal, by a commit or by the heartbeat.
        self.renewed_at = self.last_sign_of_life
        self._lock = threading.Lock()
        self._files = Files(artifacts, run, attempt=lease.attempt)
        #: What the run's agents are to be told.
        self.inbox = Inbox(self._tells_after)

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
        if changes.spent is not None:
            changes = replace(changes, family_id=self.run.root_session_id)
        changes = _attributed(changes, current_operation())
        # A repeated write is the same write, down to its instant: see `Journal.commit`.
        now, tries = self.clock(), itertools.count()
        self.patiently(lambda: self._commit_once(changes, now, is_repeat=next(tries) > 0))

    def raise_budget(self, budget: Budget) -> None:
        """Raise the limits that are given, for the run and all its family; none is ever lowered.

        Durable when it returns: a later attempt, and child runs at their next call, go by it.

        Raises:
            LeaseLostError: The run is another's now; nothing was written.
            JournalUnavailableError: The journal did not answer for half the lease's time.
        """
        now = self.clock()
        try:
            run = self.patiently(
                lambda: self.journal.raise_budget(self.lease, budget, now=now),
            )
        except LeaseLostError as error:
            self.request_stop(StopReason.LEASE_LOST, str(error))
            raise
        self.run = replace(self.run, budget=run.budget)

    def worked_seconds(self, now: datetime) -> float:
        """Give how long this attempt has worked."""
        began_at = self.run.claimed_at or now
        return max(0.0, (now - began_at).total_seconds())

    def time_out(self, callback_id: str) -> Operation:
        """Close a callback whose time has passed, and give it as the journal then has it.

        Raises:
            LeaseLostError: The run is another's now; nothing was written.
            JournalUnavailableError: The journal did not answer for half the lease's time.
        """
        now = self.clock()
        try:
            return self.patiently(
                lambda: self.journal.time_out_callback(self.lease, callback_id, now=now)
            )
        except LeaseLostError as error:
            self.request_stop(StopReason.LEASE_LOST, str(error))
            raise

    def patiently(self, call: Callable[[], T]) -> T:
        """Call the journal, and again while it does not answer, for half the lease's time.

        Raises:
            JournalUnavailableError: It did not answer; the attempt is also told to stop.
        """
        patience = self.lease.seconds * _PATIENCE
        try:
            return patiently(call, seconds=patience, stop=self.stop)
        except JournalUnavailableError as error:
            message = f"the journal did not answer: {error}"
            self.request_stop(StopReason.JOURNAL_UNAVAILABLE, message)
            raise

    def _tells_after(self, number: int) -> Sequence[Tell]:
        return self.patiently(lambda: self.journal.tells(self.session_id, after=number))

    def _commit_once(self, changes: Changes, now: datetime, *, is_repeat: bool) -> None:
        if self.closed.is_set():
            raise LeaseLostError(self.session_id, attempt=self.lease.attempt)
        # A write whose answer was lost may have been made. Made twice, it would count twice what
        # it spent, and tell twice of what happened once.
        if is_repeat and self._is_recorded(changes):
            return
        try:
            self.journal.commit(self.lease, changes, now=now)
        except LeaseLostError as error:
            self.request_stop(StopReason.LEASE_LOST, str(error))
            raise
        self.last_sign_of_life = self.renewed_at = now

    def _is_recorded(self, changes: Changes) -> bool:
        there = {_identity(found.event) for found in self.journal.events(self.session_id)}
        return bool(changes.events) and _identity(changes.events[0]) in there

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
        """Put a file of this run in the artifact store and on its head; the last of a name wins.

        Raises:
            LeaseLostError: The run is another's now; the head names what that one saved.
            JournalUnavailableError: The journal did not answer for half the lease's time.
        """
        # Who has lost the lease learns it here, and not after a large file.
        self.commit(Changes())
        artifact = self._files.put(name, data, media_type=media_type)
        details: dict[str, Json] = {"Name": name, "Uri": artifact.uri, "Size": artifact.size}
        event = self.event(EventType.ARTIFACT_SAVED, details=details)
        self.commit(Changes(artifacts=(artifact,), events=(event,)))
        self._files.name(artifact)
        return artifact

    def load(self, name: str) -> bytes:
        """Read a file that a step of this run saved, in whichever attempt, or before a fork.

        Raises:
            PayloadMissingError: No step saved it, or the artifact store has lost it.
            PayloadHashError: It is not what was saved.
        """
        return self._files.load(name)

    def request_stop(self, reason: StopReason, message: str) -> None:
        """Ask the attempt to end at its next edge; the first reason stands.

        A pause breaks nothing off: model calls, tools and steps that are begun come to their end.
        Any other reason takes its place.
        """
        with self._lock:
            if self.stop_reason in {None, StopReason.PAUSED}:
                self.stop_reason, self.stop_message = reason, message
        if reason is not StopReason.PAUSED:
            self.stop.set()
        self.leaving.set()

    def leave_if_stopped(self) -> None:
        """End the attempt here if it was told to stop; for edges inside long steps.

        Raises:
            AttemptStoppedError: It was; nothing is recorded as failed, and the step is begun
                again if the run goes on elsewhere.
        """
        if self.stop.is_set():
            raise AttemptStoppedError(self.stop_message)

    def leave_if_paused(self) -> None:
        """End the attempt here if it was told to stop or to pause; for edges where nothing is lost.

        Raises:
            AttemptStoppedError: It was; what is in flight in other threads comes to its end.
        """
        if self.leaving.is_set():
            raise AttemptStoppedError(self.stop_message)

    def stop_with_parent(self) -> None:
        """Stop if the run is a child whose parent has ended without it.

        Whoever ended the parent asks its children to end; this is for the one who died before.
        """
        if self.run.parent_session_id is None:
            return
        why = orphaned(self.journal.get(self.run.parent_session_id))
        if why is not None:
            self.request_stop(StopReason.CANCELLED, why)

    def close(self) -> bool:
        """End the attempt for this process: from now on it records nothing.

        The runner, the watchdog and a shutdown may all want to end it. The one that gets True does,
        and nobody else.
        """
        with self._lock:
            is_first = not self.closed.is_set()
            self.closed.set()
        self.stop.set()
        self.leaving.set()
        return is_first


def _attributed(changes: Changes, operation_id: str | None) -> Changes:
    """Say of messages and files in which operation they came about."""
    if operation_id is None or not (changes.messages or changes.artifacts):
        return changes
    return replace(
        changes,
        messages=[replace(each, operation_id=operation_id) for each in changes.messages],
        artifacts=[replace(each, operation_id=operation_id) for each in changes.artifacts],
    )


def _identity(event: Event) -> tuple[str, str, str | None, str | None, int, str | None]:
    """Tell an event from others, with its instant as precise as journals keep it.

    Two calls of one tool may begin in the same millisecond: only the details tell them apart.
    """
    details = json_text(dict(sorted(event.details.items())))
    return (event.type, to_iso(event.at), event.operation_id, event.name, event.attempt, details)
