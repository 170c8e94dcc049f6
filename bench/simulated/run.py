"""One run in simulated time, from its request to the end of its executions.

The state machine's definition, the invoker, the journal's rules and its adapter for DynamoDB, the
worker's heartbeat and the ways to end an attempt are the real ones. What is simulated is the time,
the services they call, and the work.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from agent.attempt import Attempt
from agent.heartbeat import Heartbeat
from agent.outcomes import Outcome, Suspended
from agent.settling import Settler
from bench.simulated.aws import KeptPost, Latencies, Resources, Session, SimulatedAgentCore
from bench.simulated.capacity import Capacity
from bench.simulated.machine import Execution, SimulatedStepFunctions
from bench.simulated.plan import End, Plan
from bench.simulated.table import CountedTable
from bench.simulated.time import SimulatedTime
from invoker.actions import Invoker
from invoker.routing import answer
from invoker.transport import AgentRuntime
from runs.answering import Answers
from runs.approvals import Question, Verdict
from runs.artifacts.folder import FolderStore
from runs.asked import Approval, Person, asked
from runs.callbacks import callback_id_of
from runs.deciding import Ballot
from runs.errors import ClaimLostError
from runs.events import Event, EventType
from runs.journal.base import Changes
from runs.journal.dynamodb import DynamoJournal
from runs.json_types import Json
from runs.notifying import Notifier
from runs.operations import Operation, OperationStatus, OperationType
from runs.run import Run
from runs.signals import NoSignal
from runs.stepfunctions import StepFunctionsPulse, StepFunctionsSignal

MACHINE, INVOKER, AGENT = "state machine", "invoker", "agent"

_WORKFLOW = "cost-analysis"
_DECIDER = Person(name="ada", origin="simulated")
_QUESTION = Question(
    what="publish this post", content="Unicorns for rent!", expires_in=timedelta(days=7)
)
#: Far enough for the longest of them, and as far as a request may set it.
_DEADLINE_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How the parts of a deployment are set, in seconds."""

    lease: float
    redispatch: float
    latencies: Latencies = field(default_factory=Latencies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """A run that has ended, and what it took."""

    run: Run
    events: tuple[Event, ...]
    executions: tuple[Execution, ...]
    sessions: tuple[Session, ...]
    #: By who was charged: `MACHINE`, `INVOKER`, `AGENT`.
    charged: Mapping[str, Capacity]
    invocations: int
    #: How long the real handler took for them, on this machine.
    handler_seconds: float

    @property
    def visited(self) -> tuple[str, ...]:
        """Name the states that were entered, which is what is paid for."""
        return tuple(name for execution in self.executions for name in execution.visited)

    @property
    def detection_seconds(self) -> float:
        """Give how long after the run's end its last execution ended."""
        ended_at, finished_at = self.executions[-1].ended_at, self.run.finished_at
        if ended_at is None or finished_at is None:
            msg = f"run {self.run.session_id} is {self.run.status}, expected one that has ended"
            raise ValueError(msg)
        return (ended_at - finished_at).total_seconds()

    @property
    def claims(self) -> tuple[datetime, ...]:
        """Give when each attempt began."""
        return tuple(e.at for e in self.events if e.type is EventType.LEASE_CLAIMED)


def simulate(plan: Plan, definition: str, *, times: Times, folder: Path) -> Simulated:
    """Let a run happen.

    Args:
        plan: What is to happen.
        definition: Of the state machine, rendered; names only a deployment knows may be left.
        times: How its parts are set.
        folder: Where large values would go; none of a simulated run is large.
    """
    return _Simulation(plan, definition, times=times, folder=folder).result()


class _Simulation:
    def __init__(self, plan: Plan, definition: str, *, times: Times, folder: Path) -> None:
        self._plan = plan
        self._times = times
        self._time = SimulatedTime()
        self._table = CountedTable()
        self._store = FolderStore(folder)
        self._core = SimulatedAgentCore(self._time.now, self._begin_work)
        self._resources = Resources(
            latencies=times.latencies, dynamodb=self._table.client(MACHINE), invoke=self._answer
        )
        self._machine = SimulatedStepFunctions(
            definition,
            time=self._time,
            resources=self._resources.by_name(),
            transition_seconds=times.latencies.transition,
        )
        self._resources.machine = self._machine
        self._signal = NoSignal() if plan.are_signals_lost else StepFunctionsSignal(self._machine)
        self._invoker = self._made_invoker()
        self._journal = self._journal_of(AGENT)
        self._settler = Settler(journal=self._journal, signal=self._signal)

    def result(self) -> Simulated:
        session_id = str(uuid.UUID(int=1))
        detail: Json = {"prompt": "simulate", "deadline_seconds": _DEADLINE_SECONDS}
        self._machine.start({"session_id": session_id, "detail": detail})
        self._time.run()
        charged = dict(self._table.charged)
        reader = DynamoJournal(self._table.client("reader"), table="runs", artifacts=self._store)
        run = reader.get(session_id)
        if run is None or not run.status.is_terminal:
            msg = f"the simulated run did not end: {run}"
            raise RuntimeError(msg)
        return Simulated(
            run=run,
            events=tuple(recorded.event for recorded in reader.events(session_id)),
            executions=tuple(self._machine.executions.values()),
            sessions=tuple(self._core.sessions),
            charged=charged,
            invocations=self._resources.invocations,
            handler_seconds=self._resources.handler_seconds,
        )

    def _journal_of(self, who: str) -> DynamoJournal:
        return DynamoJournal(self._table.client(who), table="runs", artifacts=self._store)

    def _made_invoker(self) -> Invoker:
        journal = self._journal_of(INVOKER)
        return Invoker(
            journal=journal,
            agent=AgentRuntime(self._core, arn="arn:aws:bedrock-agentcore:::runtime/simulated"),
            signal=self._signal,
            notifier=Notifier(journal=journal, post=KeptPost(), clock=self._time.now),
            workflows=frozenset({_WORKFLOW}),
            redispatch=timedelta(seconds=self._times.redispatch),
            clock=self._time.now,
        )

    def _answer(self, payload: Json) -> Json:
        return answer(self._invoker, payload, seconds_left=lambda: 60.0).to_json()

    def _begin_work(self, session_id: str) -> None:
        self._time.begin(self._work(session_id), after=self._times.latencies.session_start)

    def _work(self, session_id: str) -> Iterator[float]:
        """Do what an attempt's threads do, in turns."""
        attempt = self._claimed(session_id)
        if attempt is None:
            return
        stretch = self._plan.stretch(attempt.lease.attempt)
        # Done first: each heartbeat then writes a head as large as it gets.
        done = self._plan.work(attempt) if stretch.end is End.COMPLETES else None
        heartbeat = Heartbeat(attempt, StepFunctionsPulse(self._machine))
        left = stretch.seconds
        while left > 0:
            pause = min(left, attempt.lease.seconds / 3)
            yield pause
            left -= pause
            if left > 0:
                heartbeat.beat()
        if stretch.end is not End.DIES:
            self._settler.conclude(attempt, done or self._asked(attempt))

    def _claimed(self, session_id: str) -> Attempt | None:
        now = self._time.now()
        try:
            claim = self._journal.claim(
                session_id,
                owner="simulated",
                token=uuid.uuid4().hex,
                now=now,
                lease_seconds=self._times.lease,
            )
        except ClaimLostError:
            return None
        return Attempt(
            journal=self._journal,
            artifacts=self._store,
            run=claim.run,
            lease=claim.lease,
            clock=self._time.now,
        )

    def _asked(self, attempt: Attempt) -> Outcome:
        approval = self._ask(attempt)
        self._time.begin(self._decide(approval), after=self._plan.decides_after)
        return Suspended(until=approval.expires_at, what="an approval", is_outside=True)

    def _ask(self, attempt: Attempt) -> Approval:
        now, ends_at = self._time.now(), self._time.now() + (_QUESTION.expires_in or timedelta())
        callback = Operation(
            operation_id="asked",
            type=OperationType.CALLBACK,
            status=OperationStatus.STARTED,
            name="publish",
            attempt=0,
            started_at=now,
            due_at=ends_at,
            timeout_at=ends_at,
            callback_id=callback_id_of(attempt.session_id, "asked"),
        )
        approval, event = asked(callback, _QUESTION, session_id=attempt.session_id, now=now)
        attempt.commit(Changes(operations=(callback,), approvals=(approval,), events=(event,)))
        return approval

    def _decide(self, approval: Approval) -> Iterator[float]:
        answers = Answers(
            journal=self._journal_of("approvals"), signal=self._signal, clock=self._time.now
        )
        ballot = Ballot(verdict=Verdict.APPROVED, person=_DECIDER, hash=approval.hash)
        answers.decide(approval.callback_id, ballot)
        yield from ()
