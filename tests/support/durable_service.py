"""A Lambda service that remembers, and invocations of a durable function by it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python.exceptions import CheckpointError
from aws_durable_execution_sdk_python.execution import (
    DurableExecutionInvocationInputWithClient,
    InitialExecutionState,
)
from aws_durable_execution_sdk_python.lambda_service import (
    CheckpointOutput,
    CheckpointUpdatedExecutionState,
    ExecutionDetails,
    Operation,
    OperationStatus,
    OperationType,
    OperationUpdate,
    StateOutput,
)

from agent.durable.answers import Answer
from agent.durable.operations import to_sdk
from agent.durable.recorded import Moment
from agent.durable.updates import record
from agent.durable_function import DurableFunction
from agent.models.select import ModelChoice
from agent.registry import Handler, Registry
from agent.runner import Limits
from agent.settling import Settler
from runs.artifacts.folder import FolderStore
from runs.budget import Budget
from runs.errors import JournalUnavailableError
from runs.ids import execution_session_id
from runs.journal.base import Accepted
from runs.operations import Operation as OurOperation
from runs.request import RunRequest
from runs.run import Run
from runs.signals import NoSignal
from tests.support.engine import NOON, FlakyJournal, StillClock

ARN = "arn:aws:lambda:us-east-1:123456789012:function:runs:1/durable-execution/one/two"
SESSION_ID = execution_session_id(ARN)
WORKFLOW = "work"


@dataclass
class RememberingService:
    """See `DurableServiceClient`: it takes what it is sent, and gives it back."""

    operations: dict[str, OurOperation] = field(default_factory=dict)
    updates: list[OperationUpdate] = field(default_factory=list)
    #: Called before an update is taken.
    before: Callable[[list[OperationUpdate]], None] = lambda _: None
    is_stale: bool = False

    def checkpoint(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        updates: list[OperationUpdate],
        client_token: str | None,
    ) -> CheckpointOutput:
        """Take updates."""
        assert durable_execution_arn == ARN
        if self.is_stale:
            msg = "the checkpoint token is not the current one"
            raise CheckpointError(msg)
        self.before(updates)
        moment = Moment(session_id="the-service", attempt=1, now=NOON)
        self.updates += updates
        taken = []
        for update in updates:
            if update.operation_type is OperationType.EXECUTION:
                continue
            known = self.operations.get(update.operation_id)
            self.operations[update.operation_id] = record(update, known, moment).operation
            taken.append(to_sdk(self.operations[update.operation_id]))
        state = CheckpointUpdatedExecutionState(operations=taken, next_marker="")
        return CheckpointOutput(checkpoint_token=f"{checkpoint_token}+", new_execution_state=state)

    def get_execution_state(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        next_marker: str,
        max_items: int = 1000,
    ) -> StateOutput:
        """Give what was taken."""
        return StateOutput(operations=self._all(), next_marker="")

    def invocation(self, payload: str | None) -> DurableExecutionInvocationInputWithClient:
        """Give what the function is invoked with."""
        begun = Operation(
            operation_id="two",
            operation_type=OperationType.EXECUTION,
            status=OperationStatus.STARTED,
            start_timestamp=NOON,
            execution_details=ExecutionDetails(input_payload=payload),
        )
        return DurableExecutionInvocationInputWithClient(
            durable_execution_arn=ARN,
            checkpoint_token="token",
            initial_execution_state=InitialExecutionState([begun, *self._all()], ""),
            service_client=self,
        )

    def waits(self) -> list[int]:
        """Give the seconds after which the function asked to be invoked again."""
        return [
            update.wait_options.wait_seconds
            for update in self.updates
            if update.wait_options and update.name == "hand-over"
        ]

    def _all(self) -> list[Operation]:
        return [to_sdk(operation) for operation in self.operations.values()]


@dataclass
class Context:
    """Lambda's context object, with as much time as a test gives."""

    seconds: float = 900.0
    aws_request_id: str = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        """Give the milliseconds until Lambda ends the invocation."""
        return int(self.seconds * 1000)


class AbsentJournal(FlakyJournal):
    """A journal whose store can be away altogether."""

    is_down = False
    #: Whether the next head is not given.
    is_forgetful = False

    def get(self, session_id: str) -> Run | None:
        """Give a head, or not."""
        if self.is_forgetful:
            self.is_forgetful = False
            msg = "the store is throttling"
            raise JournalUnavailableError(msg)
        return super().get(session_id)

    def accept(self, run: Run) -> Accepted:
        """Accept, or not."""
        if self.is_down:
            msg = "the store is away"
            raise JournalUnavailableError(msg)
        return super().accept(run)


class Lambda:
    """A durable function with one workflow, invoked by a service that remembers."""

    def __init__(self, folder: Path, workflow: Handler, *, budget: Budget | None = None) -> None:
        self.clock = StillClock()
        self.artifacts = FolderStore(folder / "artifacts")
        self.journal = AbsentJournal(self.artifacts)
        self.service = RememberingService()
        self.function = DurableFunction(
            journal=self.journal,
            artifacts=self.artifacts,
            registry=Registry({WORKFLOW: workflow}),
            settler=Settler(journal=self.journal, signal=NoSignal()),
            limits=Limits(lease_seconds=15, stop_grace=timedelta(seconds=2)),
            model=ModelChoice.parse("offline"),
            clock=self.clock,
            budget=budget or Budget(),
        )

    def invoke(self, *, seconds: float = 900.0, **request: object) -> Answer:
        """Invoke the function, with the usual request but for what is said."""
        asked: Mapping[str, object] = {"workflow": WORKFLOW, "prompt": "do", **request}
        return self.invoke_with(json.dumps(asked), seconds=seconds)

    def invoke_with(self, payload: str | None, *, seconds: float = 900.0) -> Answer:
        """Invoke the function with a payload."""
        return self.function.invoke(self.service.invocation(payload), Context(seconds))

    def head(self) -> Run:
        """Read the head."""
        run = self.journal.get(SESSION_ID)
        assert run is not None
        return run

    def accept(self, **changes: Any) -> Run:  # noqa: ANN401 - any field of a run
        """Record the run as the first invocation does."""
        asked = RunRequest.from_json(
            {"workflow": WORKFLOW, "prompt": "do"},
            source="lambda",
            workflows={WORKFLOW},
            session_id=SESSION_ID,
        )
        run = replace(asked.to_run(self.clock()), **{"execution": ARN, **changes})
        return self.journal.accept(run).run
