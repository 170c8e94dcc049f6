"""A run: its status and the legal moves between them, its lease, progress, usage and outcome."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from runs.budget import Budget, Used
from runs.errors import IllegalTransitionError
from runs.json_types import Json

#: How many attempts in a row may end without recording anything finished.
DEFAULT_MAX_ATTEMPTS = 5
#: A run that has not ended by then is TIMED_OUT, unless its request says otherwise.
DEFAULT_DEADLINE = timedelta(hours=24)
#: How long a run stays in the journal after its last change.
RETENTION = timedelta(days=90)


#: The source of runs that the Lambda service executes, by its own record of their operations.
DURABLE_FUNCTION = "lambda"


#: The source of runs that a workflow asked for.
INVOKED = "workflow"


class Status(StrEnum):
    """Where a run is in its life."""

    #: Accepted; no worker has it.
    QUEUED = "QUEUED"
    #: A worker holds the lease, or held it until it expired.
    BUSY = "BUSY"
    #: Parked: no machine, no cost, until a time or an answer comes.
    WAITING = "WAITING"
    #: Ended with a result.
    COMPLETED = "COMPLETED"
    #: Ended with an error.
    FAILED = "FAILED"
    #: Ended because somebody asked for it.
    CANCELLED = "CANCELLED"
    #: Ended because its deadline passed.
    TIMED_OUT = "TIMED_OUT"

    @property
    def is_terminal(self) -> bool:
        """Say whether the run is over."""
        return self in TERMINAL


TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.TIMED_OUT})
OPEN = (Status.QUEUED, Status.BUSY, Status.WAITING)

#: Every legal move. BUSY to BUSY is a claim after an expired lease; BUSY to QUEUED is a worker
#: that hands its run back at shutdown; WAITING to QUEUED is a dispatch of a run whose time has
#: come; QUEUED to WAITING is a pause. A terminal status moves only to QUEUED, by an operator's
#: retry.
TRANSITIONS: Mapping[Status, frozenset[Status]] = MappingProxyType(
    {
        Status.QUEUED: frozenset({Status.BUSY, Status.WAITING} | TERMINAL - {Status.COMPLETED}),
        Status.BUSY: frozenset({Status.BUSY, Status.QUEUED, Status.WAITING} | TERMINAL),
        Status.WAITING: frozenset({Status.BUSY, Status.QUEUED} | TERMINAL - {Status.COMPLETED}),
        Status.COMPLETED: frozenset(),
        Status.FAILED: frozenset({Status.QUEUED}),
        Status.CANCELLED: frozenset({Status.QUEUED}),
        Status.TIMED_OUT: frozenset({Status.QUEUED}),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The exclusive right to execute a run until `expires_at`; `token` fences every write."""

    session_id: str
    token: str
    #: Who holds it, for people: host, process id and session.
    owner: str
    attempt: int
    seconds: float
    expires_at: datetime

    @property
    def renewed_at(self) -> datetime:
        """Give the last moment its holder was known to be alive."""
        return self.expires_at - timedelta(seconds=self.seconds)

    def renewed(self, now: datetime) -> "Lease":
        """Give this lease with its full time from now."""
        return Lease(
            session_id=self.session_id,
            token=self.token,
            owner=self.owner,
            attempt=self.attempt,
            seconds=self.seconds,
            expires_at=now + timedelta(seconds=self.seconds),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Somebody's wish that a run does nothing until it is resumed."""

    by: str
    #: From where: `cli on ada-laptop`, an address.
    origin: str = ""
    reason: str = ""
    at: datetime

    @property
    def words(self) -> str:
        """Say who paused the run, and why if that was said."""
        return f"paused by {self.by}{f': {self.reason}' if self.reason else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is, in its workflow's own steps."""

    step: str = ""
    done: int = 0
    total: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What model calls that returned have used, in tokens and in money."""

    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    #: Billionths of a US dollar: whole numbers add up without rounding, in any store.
    cost_nano_usd: int = 0
    #: Of the calls, those whose cost nobody knows: it is not in the sum.
    unpriced_calls: int = 0

    @property
    def tokens(self) -> int:
        """Count all tokens, of whatever kind."""
        cached = self.cache_read_tokens + self.cache_write_tokens
        return self.input_tokens + self.output_tokens + cached

    @property
    def cost_usd(self) -> Decimal:
        """Give the cost in US dollars."""
        return Decimal(self.cost_nano_usd).scaleb(-9)

    def __add__(self, other: "Usage") -> "Usage":
        """Add two usages, part by part."""
        return Usage(
            model_calls=self.model_calls + other.model_calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            cost_nano_usd=self.cost_nano_usd + other.cost_nano_usd,
            unpriced_calls=self.unpriced_calls + other.unpriced_calls,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFailure:
    """Why a run ended badly: a stable type for programs, a message for people."""

    type: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file a run made, in the artifact store."""

    name: str
    uri: str
    media_type: str
    size: int
    sha256: str
    #: Where it is in the store; of files saved before this was recorded, `artifact_key`.
    key: str | None = None
    #: The operation that saved it, if one did.
    operation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkedFrom:
    """Where a fork's first checkpoints come from."""

    session_id: str
    #: The step at which it begins anew: the name, and the operation.
    step: str
    operation_id: str
    #: What a person changed: `prompt`, `input`, or the names of steps with other results.
    edited: tuple[str, ...] = ()
    #: The runs that one was itself forked from, the nearest first.
    older: tuple[str, ...] = ()

    @property
    def sessions(self) -> tuple[str, ...]:
        """Give all runs whose checkpoints and files a fork may use, the nearest first."""
        return (self.session_id, *self.older)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The head of a run: everything a reader needs to know without reading its history."""

    session_id: str
    workflow: str
    prompt: str
    #: What the workflow works on: a path, a URL, or a word the workflow knows.
    input: str | None = None
    #: Who started it: `events`, `cli`, `agentcore`, `queue`, `workflow`, `lambda`.
    source: str
    status: Status
    #: Counts every head write; the condition of read-decide-write.
    version: int = 0
    #: The version of the workflow's code that last worked on the run, if its workers told one.
    workflow_version: str | None = None
    attempt: int = 0
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    #: Attempts in a row that ended without recording anything finished; a claim after a park or
    #: an orderly hand-back does not count.
    lost_attempts: int = 0
    #: Dispatches since the run was last claimed.
    dispatches: int = 0
    #: How often its runtime session was used: hand-overs, and claims that none came before.
    hand_overs: int = 0
    #: Of these, how many there were when its session was last stopped.
    stopped_hand_overs: int = 0
    #: Set while its session is being stopped: nobody takes up the run in it before.
    stopping_until: datetime | None = None
    lease: Lease | None = None
    #: When the run wants a worker: for QUEUED and WAITING always the next dispatch; for BUSY the
    #: earliest moment of another dispatch after one was made for an expired lease.
    wake_at: datetime | None = None
    #: Answers from outside so far: callbacks answered, children ended. A worker that is about to
    #: park says how many it has seen, so that none is slept through.
    answers: int = 0
    #: How many of them the worker that parked the run last had seen.
    seen_answers: int = 0
    #: What a WAITING run waits for, for people.
    waiting_for: str | None = None
    #: When those who may decide on what the run asks are to be told something next: that they are
    #: asked, a reminder, that it is over. None if nothing is open. It starts no worker.
    notify_at: datetime | None = None
    #: The state machine's task token: sending it success ends the state machine's wait.
    wake_token: str | None = None
    #: The state machine's execution that last waited for the run, or is to.
    watcher: str | None = None
    #: What accepted the run: a state machine's execution, or a Lambda durable execution. Its
    #: repeated accept is not a duplicate.
    execution: str | None = None
    #: The trace of what asked for the run, as the W3C's `traceparent`; see `runs.telemetry.traces`.
    trace: str | None = None
    #: Which operation of which run started this one as its child. The prompt is then the payload,
    #: as JSON text, and the workflow is given it as it is.
    parent_session_id: str | None = None
    parent_operation_id: str | None = None
    #: The run that began this one's family, its parent's parent and so on; None for that run
    #: itself. It holds the budget for all of them, and its head sums up what they use.
    root_session_id: str | None = None
    budget: Budget = field(default_factory=Budget)
    deadline_at: datetime
    cancel_requested: bool = False
    cancel_reason: str | None = None
    #: Set while the run is paused, or is to be at its worker's next edge.
    pause: Pause | None = None
    #: How many messages for its agents the run was told.
    tells: int = 0
    progress: Progress = field(default_factory=Progress)
    result: Json = None
    error: RunFailure | None = None
    #: By name. They stand on the head, so a run may have hundreds of them, not thousands.
    artifacts: tuple[Artifact, ...] = ()
    usage: Usage = field(default_factory=Usage)
    #: What the other runs of the family this one began have used, as of now: each model call adds
    #: to it in the write that records the call.
    children_usage: Usage = field(default_factory=Usage)
    #: How long attempts that are over have worked; a lost one until it last renewed its lease.
    worked_ms: int = 0
    #: The same of the other runs of the family.
    children_worked_ms: int = 0
    #: When the attempt that holds the lease began.
    claimed_at: datetime | None = None
    created_at: datetime
    started_at: datetime | None = None
    updated_at: datetime
    finished_at: datetime | None = None
    #: When the state machine had put its end on the bus.
    announced_at: datetime | None = None
    #: How often the run was taken up again after it had ended, and when that was last.
    retries: int = 0
    retried_at: datetime | None = None
    #: None for a run that began at its beginning.
    forked_from: ForkedFrom | None = None

    def attempt_ms(self, now: datetime) -> int:
        """Give how long the attempt that holds the lease has worked, if one does.

        That of a worker that was not heard of for a lease's time ended when it last was.
        """
        if self.lease is None or self.claimed_at is None:
            return 0
        until = now if self.lease.expires_at > now else self.lease.renewed_at
        return max(0, (until - self.claimed_at) // timedelta(milliseconds=1))

    def used(self, now: datetime, *, working_seconds: float | None = None) -> Used:
        """Give what counts against the budget: this run's part, and its children's.

        Args:
            now: Until when an attempt counts that works.
            working_seconds: How long it has worked, where its own worker asks.
        """
        usage = self.usage + self.children_usage
        working = self.attempt_ms(now) / 1000 if working_seconds is None else working_seconds
        worked = (self.worked_ms + self.children_worked_ms) / 1000
        return Used(tokens=usage.tokens, cost_usd=usage.cost_usd, seconds=worked + working)

    @property
    def has_session(self) -> bool:
        """Say whether its runtime session may be on, and billed."""
        if self.durable_execution is not None:
            return False
        # Of heads of before this was counted, only attempts tell.
        is_counted = self.hand_overs > 0 or self.attempt == 0
        return self.hand_overs > self.stopped_hand_overs if is_counted else True

    def is_being_stopped(self, now: datetime) -> bool:
        """Say whether its session is being stopped, so that nobody may begin anything in it."""
        return self.stopping_until is not None and self.stopping_until > now

    @property
    def is_invoked(self) -> bool:
        """Say whether a workflow asked for it, or for the run that it is a fork of.

        The prompt is then what that workflow gave, as JSON text.
        """
        return self.parent_session_id is not None or self.source == INVOKED

    @property
    def durable_execution(self) -> str | None:
        """Give the ARN of the Lambda durable execution that the run is; None if workers make it."""
        return self.execution if self.source == DURABLE_FUNCTION else None

    def is_due(self, now: datetime) -> bool:
        """Say whether the run wants a worker now. `run.asl.json` asks the same of the head.

        A Lambda durable execution never does: the service keeps its operations, and invokes it.
        """
        if self.durable_execution is not None:
            return False
        if self.status.is_terminal or (self.wake_at is not None and self.wake_at > now):
            return False
        if self.status is Status.BUSY:
            return self.lease is None or self.lease.expires_at <= now
        return self.wake_at is not None


def check_transition(run: Run, to: Status) -> None:
    """Refuse an illegal move.

    Raises:
        IllegalTransitionError: `TRANSITIONS` has no such move.
    """
    if to not in TRANSITIONS[run.status]:
        raise IllegalTransitionError(run.session_id, status=run.status, wanted=to)
