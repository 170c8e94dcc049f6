"""The journal port: what is recorded about runs, and the promises every store keeps.

It speaks of runs, leases, operations, events and messages, never of items or rows. All methods are
safe to call from several threads, and from several processes on the same store.

Every method may raise `JournalUnavailableError` (the store did not answer; try again) and
`CorruptRecordError` (a record can't be read; the others can). Methods that give large values may
raise `PayloadMissingError` and `PayloadHashError`. A write that raised `JournalUnavailableError`
may have been made: `accept`, `claim`, `renew`, `cancel`, `pause`, `resume`, `tell`, `expire`,
`give_up`, `retry`, `fork`, `heartbeat_callback` and `time_out_callback` can just be repeated;
before repeating any other, look at what is there. Instants keep whole milliseconds.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from runs.again import Retry
from runs.artifacts.base import ArtifactStore
from runs.asked import Approval, ApprovalState, Person
from runs.budget import Budget
from runs.deciding import Ballot
from runs.events import Event
from runs.forking import Fork
from runs.json_types import Json
from runs.lifecycle import Ending
from runs.notices import Notice
from runs.operations import Operation, OperationError
from runs.run import Artifact, Lease, Pause, Progress, Run, RunFailure, Status, Usage
from runs.sweeping import Repair
from runs.told import Tell

#: How many records one `Changes` may hold: a DynamoDB transaction takes 100, the head is one.
MAX_CHANGES = 99

#: How many runs one page of a listing may have.
MAX_PAGE = 1_000


class ToolStatus(StrEnum):
    """What the effect ledger knows of a tool call."""

    #: Entered; if the worker died since, nobody knows whether it took effect.
    STARTED = "STARTED"
    #: Left to wait for an answer; it is entered again when there is one.
    PAUSED = "PAUSED"
    #: Returned; the entry holds what it returned until the message that does is saved.
    DONE = "DONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEntry:
    """One tool call in the effect ledger."""

    tool_use_id: str
    agent: str
    tool: str
    status: ToolStatus
    #: The attempt that entered the tool.
    attempt: int
    #: The tool result, as Strands shapes it; DONE only, and dropped when a message holds it.
    result: Json = None
    started_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of an agent's conversation inside a run; `index` counts from 0 without gaps."""

    agent: str
    index: int
    body: Json
    #: The step in which it was said.
    operation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRecord:
    """What an agent keeps besides its messages."""

    agent: str
    body: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What one write of an attempt records, all or nothing."""

    operations: Sequence[Operation] = ()
    events: Sequence[Event] = ()
    messages: Sequence[Message] = ()
    agents: Sequence[AgentRecord] = ()
    tools: Sequence[ToolEntry] = ()
    approvals: Sequence[Approval] = ()
    #: Messages that agents were given, as they are then.
    tells: Sequence[Tell] = ()
    artifacts: Sequence[Artifact] = ()
    progress: Progress | None = None
    #: Added to the head's usage.
    spent: Usage | None = None
    #: The run that began the family, if that is another: what is spent is added there, too, to
    #: what its children have used.
    family_id: str | None = None
    #: Something finished: the count of attempts lost in a row starts again.
    is_advance: bool = False

    def __len__(self) -> int:
        """Count the records, without the head."""
        parts = (
            self.operations,
            self.events,
            self.messages,
            self.agents,
            self.tools,
            self.tells,
        )
        return sum(len(part) for part in parts) + (self.family_id is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The answer to `Journal.accept`."""

    run: Run
    #: False when the session id had a run before; `run` is then that one, unchanged.
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The answer to `Journal.claim`: the run as it is now, and the right to execute it."""

    run: Run
    lease: Lease


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some runs, newest change first, and where the next page starts."""

    runs: tuple[Run, ...]
    #: Opaque; None on the last page.
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An event with its place in the timeline: ids sort as the events were recorded.

    Of two that an attempt and somebody outside recorded in the same moment, by clocks that differ,
    either may come first.
    """

    event_id: str
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The answer to `Journal.complete_callback` and its like."""

    #: With the token of the state machine that is to be woken, if one waits.
    run: Run
    callback: Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An approval, and the run that asks."""

    approval: Approval
    run: Run

    def state(self, now: datetime) -> ApprovalState:
        """Say how the approval stands."""
        return self.approval.as_of(self.run, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPage:
    """Some approvals, newest first, and where the next page starts."""

    asked: tuple[Asked, ...]
    #: Opaque; None on the last page.
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """How many runs have not ended, by status, and since when the oldest of them waits."""

    queued: int
    busy: int
    waiting: int
    #: None if none waits.
    oldest_wait_at: datetime | None


class Journal(Protocol):
    """Records runs. A head and the events that tell of its change are written together or not."""

    @property
    def artifacts(self) -> ArtifactStore:
        """Give the store with large values, and with the files of runs."""
        ...

    def accept(self, run: Run) -> Accepted:
        """Record a new run, once per session id however often and from wherever it is called.

        A caller whose first answer was lost knows its own run by `Run.execution`.
        """
        ...

    def get(self, session_id: str) -> Run | None:
        """Read a head, as of the last write that was answered."""
        ...

    def list_runs(
        self, *, status: Status | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page:
        """List heads, newest change first; may lag behind `get` by a moment.

        Heads that can't be read are left out and logged. Pages do not overlap, and a run that
        does not change between two of them is on one; one that changes moves to the front.

        Raises:
            ValueError: `cursor` is not one of ours, or `limit` is not 1 to `MAX_PAGE`.
        """
        ...

    def census(self) -> Census:
        """Count the runs that have not ended, without reading them; may lag behind `get`."""
        ...

    def bookmark(self) -> Json:
        """Read where the last sweep left off; None if none ever did."""
        ...

    def keep_bookmark(self, place: Json, *, now: datetime) -> None:
        """Keep where a sweep leaves off, for the next; the last one counts."""
        ...

    def claim(  # noqa: PLR0913 - all but one of them keyword-only
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
        """Begin an attempt. Of any number of claimants at once, one wins.

        Repeated with the same `token` it gives the same claim. `versions` are those of the
        claimant's workflows, by name: the head tells from now on which one works on it. A run that
        is a Lambda durable execution is claimed for that `execution` only.

        Raises:
            ClaimLostError: The run is another's, over, cancelled or not due.
            RunNotFoundError: There is no such run.
        """
        ...

    def renew(self, lease: Lease, *, now: datetime) -> Run:
        """Give a lease its full time again, and read the head (its `cancel_requested`).

        Raises:
            LeaseLostError: The lease is no longer the run's.
        """
        ...

    def commit(self, lease: Lease, changes: Changes, *, now: datetime) -> None:
        """Record what an attempt did, all of it or nothing, and renew its lease.

        Operations, agents, messages and tools replace those of the same id; events add up.

        If it is not answered, it may be made still. Called again with the same object, it is the
        same write, at the instant of the first call: however many of them arrive, and however
        late, one counts.

        Raises:
            LeaseLostError: The lease is no longer the run's; nothing was written.
            JournalUnavailableError: It was not answered.
            ValueError: More than `MAX_CHANGES` records.
        """
        ...

    def raise_budget(self, lease: Lease, budget: Budget, *, now: datetime) -> Run:
        """Raise the limits that are given; none is ever lowered.

        They stand on the head that holds the budget: the run's own or, if it is a child, that of
        the run that began its family.

        Raises:
            LeaseLostError: The lease is no longer the run's; nothing was written.
        """
        ...

    def settle(self, lease: Lease, ending: Ending, *, now: datetime) -> Run:
        """End a run. After the answer no write of any attempt is taken.

        Whoever ends a run, by whichever method: if it is a child, its parent has one answer more,
        in the same write, and is due at once if it was parked. If it ended badly, its own open
        children are asked to end; those that could not be asked find out by themselves.

        Raises:
            LeaseLostError: The lease is no longer the run's; nothing was written.
        """
        ...

    def park(
        self,
        lease: Lease,
        *,
        wake_at: datetime | None,
        waiting_for: str,
        now: datetime,
        seen_answers: int | None = None,
    ) -> Run:
        """Give up the machine: WAITING until `wake_at`, or until an answer comes.

        If more answers than `seen_answers` are recorded, the run is due at once. A run whose
        cancellation was requested becomes CANCELLED instead.

        Raises:
            LeaseLostError: The lease is no longer the run's; nothing was written.
        """
        ...

    def release(self, lease: Lease, *, now: datetime, why: str) -> Run:
        """Hand a run back: QUEUED and due at once, for another worker to claim.

        A run whose cancellation was requested becomes CANCELLED instead.

        Raises:
            LeaseLostError: The lease is no longer the run's; nothing was written.
        """
        ...

    def dispatch(self, session_id: str, *, now: datetime, retry_at: datetime) -> Run:
        """Count a hand-over to the agent, before it is made.

        Raises:
            IllegalTransitionError: The run has ended, is being worked on, or is not due.
            RunNotFoundError: There is no such run.
        """
        ...

    def cancel(self, session_id: str, *, now: datetime, reason: str) -> Run:
        """End a run nobody works on; ask the worker of one somebody works on. Twice is once.

        Raises:
            RunNotFoundError: There is no such run.
        """
        ...

    def pause(self, session_id: str, wish: Pause, *, now: datetime) -> Run:
        """Have a run do nothing until it is resumed: no time and no answer wakes it.

        A run nobody works on is WAITING from now on; the worker of one somebody works on is asked.
        So do the open runs that it started, and those that it starts until its worker has left
        it. Deadlines stay as they are. Twice is once, and the second finishes a first that died.

        Raises:
            RunNotFoundError: There is no such run.
            SteeringRefusedError: It has ended or is about to, or the Lambda service works on it.
        """
        ...

    def resume(self, session_id: str, *, now: datetime, by: str, origin: str = "") -> Run:
        """Make a paused run due at once; leave one that is not paused as it is.

        The runs that were paused with it go on, too; one that was paused by itself does not.

        Raises:
            RunNotFoundError: There is no such run.
            SteeringRefusedError: It has ended, or is about to.
        """
        ...

    def tell(self, session_id: str, message: Tell, *, now: datetime) -> Tell:
        """Leave a message for an agent of the run, and give it with its number.

        An agent is given it at the next edge of its loop, once. Nobody is woken. Repeated with
        the same id, it is the same message.

        Raises:
            RunNotFoundError: There is no such run.
            SteeringRefusedError: It has ended, or is about to.
        """
        ...

    def expire(self, session_id: str, *, now: datetime) -> Run:
        """End a run whose deadline has passed; leave any other as it is.

        Raises:
            RunNotFoundError: There is no such run.
        """
        ...

    def give_up(self, session_id: str, *, error: RunFailure, now: datetime) -> Run:
        """Fail a run nobody works on; leave any other as it is.

        Raises:
            RunNotFoundError: There is no such run.
        """
        ...

    def conclude(self, session_id: str, ending: Ending, *, now: datetime) -> Run:
        """End a Lambda durable execution's run as the service ended that, whoever works on it.

        A run that has ended stays as it is. What its worker still has to write is refused.

        Raises:
            RunNotFoundError: There is no such run.
        """
        ...

    def begin_stop(self, session_id: str, *, now: datetime, until: datetime) -> Run | None:
        """Keep everybody from the session of a run that has ended or waits; see `runs.sessions`.

        None: the run goes on, has no session, or somebody else is stopping it. Otherwise the
        session may be stopped before `until`, and `end_stop` is to follow.

        Raises:
            RunNotFoundError: There is no such run.
        """
        ...

    def end_stop(self, session_id: str, *, hand_overs: int, is_stopped: bool, now: datetime) -> Run:
        """Let everybody back to the session, and record that it was stopped, if it was.

        Raises:
            RunNotFoundError: There is no such run.
        """
        ...

    def note_repair(self, session_id: str, repair: Repair, *, now: datetime) -> Run:
        """Record what a sweep found and does about it; see `runs.sweeping.note_repair`.

        Raises:
            RunNotFoundError: There is no such run.
        """
        ...

    def retry(self, session_id: str, retry: Retry, *, now: datetime) -> Run:
        """Put a run that ended badly back to QUEUED, with its checkpoints; see `runs.again`.

        The operations because of which it failed go, and those after them; from `Retry.start` on,
        finished ones go, too, with what their agents said and the files they saved. It takes as
        many writes as there are records to remove. Repeated, it does what is left of itself; a run
        that was retried and has not ended since is given as it is.

        Raises:
            RunNotFoundError: There is no such run.
            RetryRefusedError: It has not ended, or is COMPLETED; its parent has ended; its budget
                is used up; its retry under way began at another step than this is to.
            StepNotFoundError: It has no such step.
            AmbiguousStepError: It has several.
            StepRefusedError: The step goes on with a conversation that an earlier one began.
        """
        ...

    def fork(self, session_id: str, fork: Fork, *, now: datetime) -> Accepted:
        """Make a new run of what another had finished before a step; see `runs.forking`.

        The other run is left as it is. It has what it needs of it: it may be removed. Repeated
        with the same session id, it is the same fork.

        Raises:
            RunNotFoundError: There is no such run.
            ForkRefusedError: The run has not ended; or the session id is another run's, or that of
                a fork of it at another step or of another prompt or input.
            StepNotFoundError: It has no such step.
            AmbiguousStepError: It has several.
            StepRefusedError: The step goes on with a conversation that an earlier one began.
            InvalidRequestError: A result is not what its step could have come to.
        """
        ...

    def complete_callback(
        self, callback_id: str, payload: str | bytes | None, *, now: datetime, by: str | None = None
    ) -> Answered:
        """Answer a callback; the payload is what its serialiser reads, as it is. Bytes are UTF-8.

        A parked run becomes due at once; a worker sees it at its next look. Only a pending
        callback takes an answer, so of any number at once one is recorded. `now` is also when a
        time-out counts as passed.

        Raises:
            CallbackNotFoundError: Nothing has that id.
            CallbackClosedError: It was answered (the error says when and by whom), it timed out,
                or its run is over.
            CallbackPayloadError: The payload has more than 1 MiB, or is bytes that are no text.
        """
        ...

    def fail_callback(
        self, callback_id: str, error: OperationError, *, now: datetime, by: str | None = None
    ) -> Answered:
        """Answer a callback with an error; see `complete_callback`."""
        ...

    def heartbeat_callback(self, callback_id: str, *, now: datetime) -> Answered:
        """Give a pending callback its full heartbeat time again; see `complete_callback`."""
        ...

    def time_out_callback(self, lease: Lease, callback_id: str, *, now: datetime) -> Operation:
        """Close a callback whose time has passed, and give it as it is then.

        One that was answered, or whose heartbeat came in time, stays as it is.

        Raises:
            LeaseLostError: The lease is no longer the run's; nothing was written.
            CallbackNotFoundError: Nothing has that id.
        """
        ...

    def approval(self, callback_id: str) -> Asked:
        """Read an approval and the head of its run.

        Raises:
            CallbackNotFoundError: It is no callback's id.
            ApprovalNotFoundError: Nothing is asked by that callback.
        """
        ...

    def approvals(self, session_id: str) -> list[Approval]:
        """Read all approvals of a run, in the order in which they were asked."""
        ...

    def list_approvals(
        self, *, is_open: bool, limit: int = 50, cursor: str | None = None
    ) -> AskedPage:
        """List approvals of all runs: those recorded as open, newest first, or those closed.

        `Asked.state` tells which of the open ones have expired, or lost their run, with nobody
        there to record it. May lag behind `approval` by a moment; what can't be read is left out
        and logged.

        Raises:
            ValueError: `cursor` is not one of ours, or `limit` is not 1 to `MAX_PAGE`.
        """
        ...

    def decide_approval(self, callback_id: str, ballot: Ballot, *, now: datetime) -> Asked:
        """Record a decision and, if it is the last one needed, answer the callback with it.

        All in one write, which is made only if the approval is still open, is about what the
        decider was shown, and is theirs to decide. See `complete_callback` for what it does to the
        run, and `runs.deciding.decide` for the rules.

        Raises:
            CallbackNotFoundError: It is no callback's id.
            ApprovalNotFoundError: Nothing is asked by that callback.
            ApprovalClosedError: It is decided (by whom and when), expired or withdrawn.
            ApprovalChangedError: The decider was shown something else.
            NotADeciderError: They are not among those who may decide.
            AlreadyVotedError: They have approved before, and others still have to.
            BallotUsedError: The ballot's form was used before.
            CallbackPayloadError: The edited content is more than an answer may be.
        """
        ...

    def view_approval(self, callback_id: str, person: Person, *, now: datetime) -> Asked:
        """Read an approval, and record that somebody looked at it while it is open.

        Raises:
            CallbackNotFoundError: It is no callback's id.
            ApprovalNotFoundError: Nothing is asked by that callback.
        """
        ...

    def notices(self, session_id: str, *, now: datetime) -> list[Notice]:
        """Give what those who may decide on a run's approvals are to be told now.

        Approvals that can't be read are left out and logged.

        Raises:
            RunNotFoundError: There is no such run.
        """
        ...

    def note_sent(self, session_id: str, sent: Collection[Notice], *, now: datetime) -> Run:
        """Record which notices were sent, and on the head when to look at them next.

        What is due and was not sent is due again a little later. Notices that are due no more, as
        somebody has decided or sent them, too, are let be.

        Raises:
            RunNotFoundError: There is no such run.
        """
        ...

    def open_children(self, session_id: str) -> list[Run]:
        """Read the heads of the child runs whose ends a run has not recorded."""
        ...

    def operation(self, session_id: str, operation_id: str) -> Operation | None:
        """Read one operation of a run."""
        ...

    def operations(self, session_id: str) -> list[Operation]:
        """Read all operations of a run, in the order in which they were first recorded."""
        ...

    def events(self, session_id: str, *, after: str | None = None) -> list[Recorded]:
        """Read the timeline, or what was recorded after the event with the id `after`."""
        ...

    def history(self, session_id: str) -> list[dict[str, Json]]:
        """Give a run's execution history; see `runs.history.history`.

        Raises:
            RunNotFoundError: There is no such run.
        """
        ...

    def messages(self, session_id: str, agent: str) -> list[Message]:
        """Read an agent's conversation inside a run, in order."""
        ...

    def agent(self, session_id: str, agent: str) -> AgentRecord | None:
        """Read what an agent keeps besides its messages."""
        ...

    def tells(self, session_id: str, *, after: int = 0) -> list[Tell]:
        """Read what the run's agents were told, or what came after the message of that number."""
        ...

    def tool(self, session_id: str, tool_use_id: str) -> ToolEntry | None:
        """Read one entry of the effect ledger."""
        ...
