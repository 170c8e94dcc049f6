"""What the state machine adds: from a run's end in the journal to the end of its execution.

And what it costs to know: how often an execution reads the journal. One look at the start, one at
the end and one per interval is what polling needs; more would be a busy wait, and a late end a
signal that was lost. And whether the run's session, which is paid for, ends with it.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.local_stack import LocalStack, running_stack, until
from bench.measure import Row, percentile, spread
from local.agentcore import RUNTIME_ARN
from local.clients import local_client
from local.home import Home
from local.ports import LOOPBACK
from runs.events import EventType
from runs.run import Run, Status

_RUNS = 16
_LATENCY_BAR_SECONDS = 0.5
_IDLE_SECONDS = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """An execution that has ended, and its run."""

    #: From the run's end in the journal to the execution's.
    latency_seconds: float
    seconds: float
    #: How often it read the journal.
    reads: int
    #: From the run's end to that of its session, as the journal noted AgentCore's answer.
    session_seconds: float
    #: Whether AgentCore still has the session.
    is_left_on: bool

    def allowed_reads(self, interval_seconds: float) -> float:
        """Give how many reads polling alone would need."""
        return 2 + self.seconds / interval_seconds


def measure(folder: Path) -> list[Row]:
    """Send requests through a stack of its own, one after the other."""
    with running_stack(Home.at(folder)) as stack:
        chain = _Chain(stack)
        interval = chain.interval_seconds()
        executions = [chain.run() for _ in range(_RUNS)]
    worst = max(executions, key=lambda each: each.reads / each.allowed_reads(interval))
    latencies = [each.latency_seconds for each in executions]
    sessions = [each.session_seconds for each in executions]
    return [
        Row(
            what="completion written to execution finished, p50",
            value=percentile(latencies, 50),
            note="finished_at in the journal to stopDate of the execution, on the local stack",
            bar=_LATENCY_BAR_SECONDS,
            unit="s",
            samples=_RUNS,
            spread=spread(latencies),
        ),
        Row(
            what="completion written to execution finished, worst",
            value=max(latencies),
            note="as above",
            unit="s",
            samples=_RUNS,
            spread=spread(latencies),
        ),
        Row(
            what="completion written to session stopped, p50",
            value=percentile(sessions, 50),
            baseline=_IDLE_SECONDS,
            note="what AgentCore waits before it ends a session that nobody stops",
            unit="s",
            samples=_RUNS,
            spread=spread(sessions),
        ),
        Row(
            what="sessions left on when their executions had ended",
            value=sum(each.is_left_on for each in executions),
            note="asked of the stand-in for AgentCore: nothing is paid after the call that stops",
            bar=1,
            unit="sessions",
            samples=_RUNS,
        ),
        Row(
            what="journal reads of an execution, worst",
            value=worst.reads,
            baseline=worst.allowed_reads(interval),
            note=f"2 + run time ({worst.seconds:.1f} s) / interval ({interval:g} s)",
            bar=1.0,
            unit="reads",
            samples=_RUNS,
        ),
    ]


class _Chain:
    """The running stack, from the bus to the journal."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._machine = local_client("stepfunctions", stack.state.endpoint)
        core = f"http://{LOOPBACK}:{stack.state.ports.agentcore}"
        self._core = local_client("bedrock-agentcore", core)

    def interval_seconds(self) -> float:
        """Give the poll interval that is deployed."""
        arn = self._stack.state.outputs["StateMachineArn"]
        text = self._machine.describe_state_machine(stateMachineArn=arn)["definition"]
        return float(json.loads(text)["States"]["AwaitSignal"]["TimeoutSeconds"])

    def run(self) -> Execution:
        """Have the sample bill analysed, and look at the execution when it has ended."""
        run = self._stack.ended(self._stack.send(prompt="Where can we save?"))
        if run.status is not Status.COMPLETED or run.finished_at is None or run.execution is None:
            msg = f"run {run.session_id!r} is {run.status} ({run.error}), expected COMPLETED"
            raise RuntimeError(msg)
        found = self._described(run.execution)
        return Execution(
            latency_seconds=(found["stopDate"] - run.finished_at).total_seconds(),
            seconds=(found["stopDate"] - found["startDate"]).total_seconds(),
            reads=self._reads(run.execution),
            session_seconds=(self._stopped_at(run) - run.finished_at).total_seconds(),
            is_left_on=self._is_left_on(run),
        )

    def _stopped_at(self, run: Run) -> datetime:
        events = (each.event for each in self._stack.journal.events(run.session_id))
        return next(event.at for event in events if event.type is EventType.SESSION_STOPPED)

    def _is_left_on(self, run: Run) -> bool:
        """Ask by stopping: a session that is not there can't be stopped."""
        try:
            self._core.stop_runtime_session(
                agentRuntimeArn=RUNTIME_ARN, runtimeSessionId=run.session_id
            )
        except self._core.exceptions.ResourceNotFoundException:
            return False
        return True

    def _described(self, arn: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self._machine.describe_execution(executionArn=arn)
            return None if found["status"] == "RUNNING" else found

        return until(f"execution {arn} to end", look)

    def _reads(self, arn: str) -> int:
        pages = self._machine.get_paginator("get_execution_history").paginate(executionArn=arn)
        entered = (
            event.get("stateEnteredEventDetails", {}).get("name")
            for page in pages
            for event in page["events"]
        )
        return sum(name == "CheckStatus" for name in entered)
