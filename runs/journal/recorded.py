"""What journals that keep records by key have in common: the port, on the methods of a store."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from types import MappingProxyType

from runs import lifecycle, sessions, sweeping, telling
from runs.artifacts.base import ArtifactStore
from runs.budget import Budget
from runs.children import open_child_id
from runs.errors import LeaseLostError, RunError, RunNotFoundError, SteeringRefusedError
from runs.history import history
from runs.journal.again import AgainRecords
from runs.journal.answered import AnsweredRecords
from runs.journal.base import AgentRecord, Claim, Message, Recorded, ToolEntry
from runs.journal.keys import (
    BOOKMARK,
    OPERATIONS,
    SWEEP,
    agent_key,
    event_id_of,
    events_after,
    messages_of,
    operation_key,
    tells_after,
    tool_key,
)
from runs.json_types import Json
from runs.lifecycle import Change, Ending, Rule
from runs.operations import Operation
from runs.records import AGENT, EVENT, MESSAGE, OPERATION, TELL, TOOL
from runs.run import Lease, Pause, Run, RunFailure, Status
from runs.sweeping import Repair
from runs.told import Tell

logger = logging.getLogger(__name__)


class RecordJournal(AnsweredRecords, AgainRecords):
    """Applies rules to heads and reads records; see `runs.journal.base.Journal`."""

    @property
    def artifacts(self) -> ArtifactStore:
        """See `Journal.artifacts`."""
        return self._codec.artifacts

    def get(self, session_id: str) -> Run | None:
        """See `Journal.get`."""
        record = self._head(session_id)
        return None if record is None else self._codec.decode_head(record, session_id=session_id)

    def bookmark(self) -> Json:
        """See `Journal.bookmark`."""
        record = self._record(SWEEP, BOOKMARK)
        return None if record is None else record.get("place")

    def keep_bookmark(self, place: Json, *, now: datetime) -> None:
        """See `Journal.keep_bookmark`."""
        self._keep(SWEEP, BOOKMARK, {"place": place}, now=now)

    def claim(  # noqa: PLR0913 - the port's
        self,
        session_id: str,
        *,
        owner: str,
        token: str,
        now: datetime,
        lease_seconds: float,
        versions: Mapping[str, str] = MappingProxyType({}),
        execution: str | None = None,
    ) -> Claim:
        """See `Journal.claim`."""
        rule = partial(
            lifecycle.claim,
            owner=owner,
            token=token,
            now=now,
            lease_seconds=lease_seconds,
            versions=versions,
            execution=execution,
        )
        # Strict: an attempt without its prompt would be an attempt at nothing.
        run = self._change(session_id, rule, is_strict=True)
        return Claim(run=run, lease=lifecycle.lease_of(run))

    def renew(self, lease: Lease, *, now: datetime) -> Run:
        """See `Journal.renew`."""
        return self._fenced(lease, partial(lifecycle.renew, lease=lease, now=now))

    def raise_budget(self, lease: Lease, budget: Budget, *, now: datetime) -> Run:
        """See `Journal.raise_budget`."""
        rule = partial(lifecycle.raise_budget, lease=lease, budget=budget, now=now)
        return self._fenced(lease, rule)

    def settle(self, lease: Lease, ending: Ending, *, now: datetime) -> Run:
        """See `Journal.settle`."""
        rule = partial(lifecycle.settle, lease=lease, ending=ending, now=now)
        return self._with_children(self._fenced(lease, rule), now)

    def park(
        self,
        lease: Lease,
        *,
        wake_at: datetime | None,
        waiting_for: str,
        now: datetime,
        seen_answers: int | None = None,
    ) -> Run:
        """See `Journal.park`."""
        rule = partial(
            lifecycle.park,
            lease=lease,
            wake_at=wake_at,
            waiting_for=waiting_for,
            seen_answers=seen_answers,
            now=now,
        )
        return self._with_paused_children(self._fenced(lease, rule), now)

    def release(self, lease: Lease, *, now: datetime, why: str) -> Run:
        """See `Journal.release`."""
        rule = partial(lifecycle.release, lease=lease, now=now, why=why)
        return self._with_paused_children(self._fenced(lease, rule), now)

    def dispatch(self, session_id: str, *, now: datetime, retry_at: datetime) -> Run:
        """See `Journal.dispatch`."""
        return self._change(session_id, partial(lifecycle.dispatch, now=now, retry_at=retry_at))

    def cancel(self, session_id: str, *, now: datetime, reason: str) -> Run:
        """See `Journal.cancel`."""
        run = self._change(session_id, partial(lifecycle.cancel, now=now, reason=reason))
        return self._with_children(run, now)

    def pause(self, session_id: str, wish: Pause, *, now: datetime) -> Run:
        """See `Journal.pause`."""
        run = self._change(session_id, partial(lifecycle.pause, wish=wish, now=now))
        return self._with_paused_children(run, now)

    def resume(self, session_id: str, *, now: datetime, by: str, origin: str = "") -> Run:
        """See `Journal.resume`."""
        wish = self._wish(session_id)
        if wish is not None:
            # Before its own: who dies in between finds by that which of them are still to be.
            for child_id in self._open_child_ids(session_id):
                if self._wish(child_id) == wish:
                    with suppress(SteeringRefusedError):
                        self.resume(child_id, now=now, by=by, origin=origin)
        rule = partial(lifecycle.resume, by=by, origin=origin, now=now)
        return self._change(session_id, rule)

    def _wish(self, session_id: str) -> Pause | None:
        record = self._head(session_id)
        run = None if record is None else self._head_for(record, session_id, is_strict=False)
        return None if run is None else run.pause

    def _with_paused_children(self, run: Run, now: datetime) -> Run:
        """Give the wish that a run is paused by to what it started, which keeps one of its own."""
        if run.pause is not None:
            for child_id in self._open_child_ids(run.session_id):
                with suppress(RunNotFoundError, SteeringRefusedError):
                    self.pause(child_id, run.pause, now=now)
        return run

    def tell(self, session_id: str, message: Tell, *, now: datetime) -> Tell:
        """See `Journal.tell`."""
        written: list[Tell] = []

        def apply(run: Run) -> Change:
            # Read after the head: whatever adds a message adds to the head's version.
            known = {each.tell_id: each for each in self.tells(session_id)}
            change = telling.tell(run, message, known=known.keys(), now=now)
            written[:] = change.tells or (known[message.tell_id],)
            return change

        self._change(session_id, apply)
        return written[0]

    def tells(self, session_id: str, *, after: int = 0) -> list[Tell]:
        """See `Journal.tells`."""
        found = self._records(session_id, tells_after(after))
        return [self._decoded(TELL, session_id, *pair) for pair in found]

    def expire(self, session_id: str, *, now: datetime) -> Run:
        """See `Journal.expire`."""
        run = self._change(session_id, partial(lifecycle.expire, now=now))
        return self._with_children(run, now)

    def give_up(self, session_id: str, *, error: RunFailure, now: datetime) -> Run:
        """See `Journal.give_up`."""
        run = self._change(session_id, partial(lifecycle.give_up, error=error, now=now))
        return self._with_children(run, now)

    def conclude(self, session_id: str, ending: Ending, *, now: datetime) -> Run:
        """See `Journal.conclude`."""
        run = self._change(session_id, partial(lifecycle.conclude, ending=ending, now=now))
        return self._with_children(run, now)

    def begin_stop(self, session_id: str, *, now: datetime, until: datetime) -> Run | None:
        """See `Journal.begin_stop`."""
        is_begun = False

        def apply(run: Run) -> Change:
            nonlocal is_begun
            change = sessions.begin_stop(run, now=now, until=until)
            is_begun = change.run is not run
            return change

        run = self._change(session_id, apply)
        return run if is_begun else None

    def end_stop(self, session_id: str, *, hand_overs: int, is_stopped: bool, now: datetime) -> Run:
        """See `Journal.end_stop`."""
        rule = partial(sessions.end_stop, hand_overs=hand_overs, is_stopped=is_stopped, now=now)
        return self._change(session_id, rule)

    def note_repair(self, session_id: str, repair: Repair, *, now: datetime) -> Run:
        """See `Journal.note_repair`."""
        return self._change(session_id, partial(sweeping.note_repair, repair=repair, now=now))

    def _with_children(self, run: Run, now: datetime) -> Run:
        """Cancel what an ended run started and nobody waits for any more."""
        if not run.status.is_terminal or run.status is Status.COMPLETED:
            return run
        reason = f"its parent run {run.session_id} is {run.status}"
        try:
            for child_id in self._open_child_ids(run.session_id):
                with suppress(RunNotFoundError):
                    # Its deadline is the parent's: it may be over by itself.
                    if not self.expire(child_id, now=now).status.is_terminal:
                        self.cancel(child_id, now=now, reason=reason)
        except RunError as error:
            # The run has ended all the same, and a child's worker looks at its parent too.
            extra = {"session_id": run.session_id, "error": str(error)}
            logger.warning("children not cancelled", extra=extra)
        return run

    def open_children(self, session_id: str) -> list[Run]:
        """See `Journal.open_children`."""
        heads = [self.get(child_id) for child_id in self._open_child_ids(session_id)]
        return [head for head in heads if head is not None]

    def _open_child_ids(self, session_id: str) -> list[str]:
        # Records as they are: their payloads may be large and elsewhere, and are not needed.
        records = self._records(session_id, OPERATIONS)
        found = [open_child_id(session_id, record) for _, record in records]
        return [child_id for child_id in found if child_id is not None]

    def operation(self, session_id: str, operation_id: str) -> Operation | None:
        """See `Journal.operation`."""
        return self._one(OPERATION, session_id, operation_key(operation_id))

    def operations(self, session_id: str) -> list[Operation]:
        """See `Journal.operations`."""
        found = self._records_by_age(session_id, OPERATIONS)
        return [self._decoded(OPERATION, session_id, *pair) for pair in found]

    def events(self, session_id: str, *, after: str | None = None) -> list[Recorded]:
        """See `Journal.events`."""
        found = self._records(session_id, events_after(after))
        return [
            Recorded(event_id=event_id_of(pair[0]), event=self._decoded(EVENT, session_id, *pair))
            for pair in found
        ]

    def history(self, session_id: str) -> list[dict[str, Json]]:
        """See `Journal.history`."""
        # The events first: what they tell of is then in what is read after them.
        events = [recorded.event for recorded in self.events(session_id)]
        operations = self.operations(session_id)
        run = self.get(session_id)
        if run is None:
            raise RunNotFoundError(session_id)
        return history(run, events, operations)

    def messages(self, session_id: str, agent: str) -> list[Message]:
        """See `Journal.messages`."""
        found = self._records(session_id, messages_of(agent))
        return [self._decoded(MESSAGE, session_id, *pair) for pair in found]

    def agent(self, session_id: str, agent: str) -> AgentRecord | None:
        """See `Journal.agent`."""
        return self._one(AGENT, session_id, agent_key(agent))

    def tool(self, session_id: str, tool_use_id: str) -> ToolEntry | None:
        """See `Journal.tool`."""
        return self._one(TOOL, session_id, tool_key(tool_use_id))

    def _fenced(self, lease: Lease, rule: Rule) -> Run:
        try:
            return self._change(lease.session_id, rule)
        except RunNotFoundError as error:
            raise LeaseLostError(lease.session_id, attempt=lease.attempt) from error
