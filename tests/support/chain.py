"""The chain but the agent: the deployed template on the emulator, with workers of a test's own.

The workers are real to everything but themselves: they are called over HTTP through AgentCore's
data plane, claim their run in the journal, and signal the state machine.
"""

import json
import os
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agent.jobs import Jobs
from agent.runner import Runner
from local.assembly import read_assembly
from local.deploy import deploy
from local.home import PROJECT, Home
from local.own_emulator import RunningEmulator
from local.synth import synthesise
from runs.artifacts.folder import FolderStore
from runs.errors import ClaimLostError, LeaseLostError
from runs.journal.base import Claim
from runs.journal.dynamodb import DynamoJournal
from runs.lifecycle import Ending
from runs.run import Run, RunFailure, Status
from runs.stepfunctions import StepFunctionsSignal
from statemachine import definition
from statemachine.definition import Pace
from tests.support.data_plane import RUNTIME_ARN, Call, DataPlane, Reply, running_data_plane
from tests.support.stack import running_emulator

END_SECONDS = 90.0
#: Fast enough for tests, and slow enough to tell a signal from a time-out.
PACE = Pace(
    poll_seconds=2,
    work_seconds=2,
    silence_seconds=1,
    waiting_seconds=3,
    parked_seconds=30,
    grace_seconds=3,
    max_turns=500,
)

#: What a worker does with a run it has claimed.
Script = Callable[["Chain", Claim], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """An execution that has ended."""

    arn: str
    status: str
    output: dict[str, Any]
    error: str | None
    cause: str | None
    visited: tuple[str, ...]
    seconds: float


class Chain:
    """The running chain."""

    def __init__(
        self,
        emulator: RunningEmulator,
        plane: DataPlane,
        *,
        outputs: Mapping[str, str],
        artifacts: Path,
    ) -> None:
        self.emulator = emulator
        self.plane = plane
        self.outputs = outputs
        self.journal = DynamoJournal(
            emulator.client("dynamodb"),
            table=outputs["TableName"],
            artifacts=FolderStore(artifacts),
        )
        self.steps = emulator.client("stepfunctions")
        self.signal = StepFunctionsSignal(self.steps)
        #: By session: what its worker does, and replies to give before any worker is started.
        self.scripts: dict[str, Script] = {}
        self.faults: dict[str, list[Reply]] = defaultdict(list)
        #: By session: replies to give to those who stop it, first.
        self.stop_faults: dict[str, list[Reply]] = defaultdict(list)
        #: Works on the sessions that have no script, as the agent does.
        self.runner: Runner | None = None
        self.cancelled: dict[str, threading.Event] = defaultdict(threading.Event)
        self.actions: dict[str, list[str]] = defaultdict(list)
        self._machines: dict[Pace, str] = {}
        self._lock = threading.Lock()
        self._workers: list[threading.Thread] = []
        plane.answers = self._answer

    def start(self, request: Mapping[str, Any], *, pace: Pace = PACE) -> str:
        """Start an execution of the definition at a pace, and give its ARN."""
        started = self.steps.start_execution(
            stateMachineArn=self.machine(pace), input=json.dumps(request)
        )
        return str(started["executionArn"])

    def wait_for_end(self, arn: str) -> Execution:
        """Wait until an execution has ended."""
        deadline = time.monotonic() + END_SECONDS
        while True:
            found = self.steps.describe_execution(executionArn=arn)
            if found["status"] != "RUNNING":
                break
            assert time.monotonic() < deadline, f"{arn} is still in {self.visited(arn)[-1]}"
            time.sleep(0.1)
        return Execution(
            arn=arn,
            status=found["status"],
            output=json.loads(found.get("output") or "{}"),
            error=found.get("error"),
            cause=found.get("cause"),
            visited=self.visited(arn),
            seconds=(found["stopDate"] - found["startDate"]).total_seconds(),
        )

    def invoke(self, **event: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
        """Invoke the invoker's function, as a person's command does."""
        answer = self.emulator.client("lambda").invoke(
            FunctionName=self.outputs["InvokerName"], Payload=json.dumps(event)
        )
        found: dict[str, Any] = json.loads(answer["Payload"].read())
        return found

    def wait_for(self, session_id: str, status: Status) -> Run:
        """Wait until a run has a status."""
        deadline = time.monotonic() + END_SECONDS
        while True:
            run = self.journal.get(session_id)
            if run is not None and run.status is status:
                return run
            assert time.monotonic() < deadline, f"run {session_id} is {run and run.status}"
            time.sleep(0.05)

    def wait_until_visited(self, arn: str, state: str) -> None:
        """Wait until an execution has entered a state."""
        deadline = time.monotonic() + END_SECONDS
        while state not in self.visited(arn):
            assert time.monotonic() < deadline, f"{arn} is still in {self.visited(arn)[-1]}"
            time.sleep(0.05)

    def settle(self, claim: Claim, status: Status, *, error: RunFailure | None = None) -> Run:
        """End a run as its worker does, without a signal."""
        ending = Ending(status=status, result={"ok": True}, error=error)
        return self.journal.settle(claim.lease, ending, now=now())

    def wake(self, run: Run) -> None:
        """Signal the state machine that waits for a run."""
        if run.wake_token is not None:
            self.signal.send(run.wake_token)

    def join_workers(self) -> None:
        """Wait for all workers to end."""
        for worker in self._workers:
            worker.join(timeout=END_SECONDS)

    def _answer(self, call: Call) -> Reply:
        action = "stop" if call.operation == "stopruntimesession" else call.payload["action"]
        with self._lock:
            self.actions[call.session_id].append(action)
            if action == "stop" and self.stop_faults[call.session_id]:
                return self.stop_faults[call.session_id].pop(0)
            if action != "cancel" and self.faults[call.session_id]:
                return self.faults[call.session_id].pop(0)
        if action == "cancel":
            self.cancelled[call.session_id].set()
        if action in ("start", "resume"):
            worker = threading.Thread(target=self._work, args=(call.session_id,))
            self._workers.append(worker)
            worker.start()
        return Reply({"status": "STARTED"})

    def _work(self, session_id: str) -> None:
        if self.runner is not None and session_id not in self.scripts:
            job = Jobs(now).begin(session_id)
            assert job is not None
            self.runner.run(job)
            return
        try:
            claim = self.journal.claim(
                session_id,
                owner="a test's worker",
                token=uuid.uuid4().hex,
                now=now(),
                lease_seconds=2,
            )
        except ClaimLostError:
            return
        self.scripts.get(session_id, complete)(self, claim)

    def machine(self, pace: Pace) -> str:
        """Create, once, the deployed definition at another pace."""
        with self._lock:
            if pace not in self._machines:
                self._machines[pace] = self._create_machine(pace)
            return self._machines[pace]

    def _create_machine(self, pace: Pace) -> str:
        function = self.emulator.client("lambda").get_function(
            FunctionName=self.outputs["InvokerName"]
        )
        text = definition.render(pace)
        for name, value in {
            definition.INVOKER_ARN: function["Configuration"]["FunctionArn"],
            definition.TABLE_NAME: self.outputs["TableName"],
            definition.BUS_NAME: self.outputs["BusName"],
        }.items():
            text = text.replace(f"${{{name}}}", value)
        created = self.steps.create_state_machine(
            name=f"pace-{uuid.uuid4().hex[:8]}",
            definition=text,
            roleArn="arn:aws:iam::000000000000:role/any",
        )
        return str(created["stateMachineArn"])

    def visited(self, arn: str) -> tuple[str, ...]:
        """Name the states that an execution has entered."""
        pages = self.steps.get_paginator("get_execution_history").paginate(executionArn=arn)
        return tuple(
            event["stateEnteredEventDetails"]["name"]
            for page in pages
            for event in page["events"]
            if "stateEnteredEventDetails" in event
        )


@contextmanager
def running_chain(folder: Path) -> Iterator[Chain]:
    """Deploy the template into an emulator of its own for the block."""
    artifacts = folder / "artifacts"
    assembly = synthesise(PROJECT, Home.at(folder).cache, environ=os.environ)
    with (
        running_data_plane() as plane,
        running_emulator(folder, agentcore_url=plane.url) as emulator,
    ):
        outputs = deploy(
            read_assembly(assembly),
            endpoint=emulator.endpoint,
            parameters={
                "RuntimeArn": RUNTIME_ARN,
                "ArtifactsUri": str(artifacts),
                "LinkKeysFile": str(folder / "link-keys"),
                "Endpoint": emulator.endpoint,
            },
        )
        chain = Chain(emulator, plane, outputs=outputs, artifacts=artifacts)
        try:
            yield chain
        finally:
            chain.join_workers()


def now() -> datetime:
    """Give the time, as a worker reads it."""
    return datetime.now(UTC)


def request(session_id: str, **detail: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Give what the rule starts an execution with."""
    return {"session_id": session_id, "detail": {"prompt": "look at the bill"} | detail}


def new_session() -> str:
    """Give a session id that nobody has."""
    return str(uuid.uuid4())


def complete(chain: Chain, claim: Claim) -> None:
    """Finish the work after a moment, and say so."""
    time.sleep(0.3)
    chain.wake(chain.settle(claim, Status.COMPLETED))


def die(_chain: Chain, _claim: Claim) -> None:
    """End without a word: the lease runs out."""


def hold(seconds: float) -> Script:
    """Make a worker that keeps its lease for a time, and then completes unless it may not."""

    def work(chain: Chain, claim: Claim) -> None:
        deadline = time.monotonic() + seconds
        cancelled = chain.cancelled[claim.run.session_id]
        while time.monotonic() < deadline and not cancelled.wait(0.3):
            try:
                chain.journal.renew(claim.lease, now=now())
            except LeaseLostError:
                return
        status = Status.CANCELLED if cancelled.is_set() else Status.COMPLETED
        error = RunFailure(type="Cancelled", message="as asked") if cancelled.is_set() else None
        chain.wake(chain.settle(claim, status, error=error))

    return work


def park_once(seconds: float | None) -> Script:
    """Make a worker that parks its first attempt and completes the next."""

    def work(chain: Chain, claim: Claim) -> None:
        if claim.lease.attempt > 1:
            complete(chain, claim)
            return
        wake_at = None if seconds is None else now() + timedelta(seconds=seconds)
        parked = chain.journal.park(claim.lease, wake_at=wake_at, waiting_for="a test", now=now())
        chain.wake(parked)

    return work
