"""A store for the durable SDK that does nothing: what is left is the SDK's own time."""

from collections.abc import Callable
from datetime import UTC, datetime

from aws_durable_execution_sdk_python.execution import (
    DurableExecutionInvocationInputWithClient,
    InitialExecutionState,
)
from aws_durable_execution_sdk_python.lambda_service import (
    CheckpointOutput,
    CheckpointUpdatedExecutionState,
    ContextDetails,
    ExecutionDetails,
    Operation,
    OperationAction,
    OperationStatus,
    OperationType,
    OperationUpdate,
    StateOutput,
    StepDetails,
)

from agent.durable.outbox import StoreAtHand

_EXECUTION = "idle"
_STATUSES = {
    OperationAction.START: OperationStatus.STARTED,
    OperationAction.SUCCEED: OperationStatus.SUCCEEDED,
}


def _write_nothing() -> None:
    return


class IdleStore:
    """The least that a `DurableServiceClient` can do for a workflow of steps that succeed."""

    def __init__(self, write: Callable[[], None] = _write_nothing) -> None:
        self._write = write

    def open(self) -> DurableExecutionInvocationInputWithClient:
        """Give the input of a durable handler that starts here."""
        execution = Operation(
            operation_id=_EXECUTION,
            operation_type=OperationType.EXECUTION,
            status=OperationStatus.STARTED,
            start_timestamp=datetime.now(UTC),
            execution_details=ExecutionDetails(input_payload="{}"),
        )
        return DurableExecutionInvocationInputWithClient(
            durable_execution_arn=f"arn:idle:lambda:::function:bench:1/durable-execution/bench/{_EXECUTION}",
            checkpoint_token="idle",  # noqa: S106 - not a secret
            initial_execution_state=InitialExecutionState([execution], ""),
            service_client=self,
        )

    def checkpoint(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        updates: list[OperationUpdate],
        client_token: str | None,
    ) -> CheckpointOutput:
        """Answer as the service does once it has stored the updates."""
        self._write()
        state = CheckpointUpdatedExecutionState(
            operations=[_stored(update) for update in updates], next_marker=""
        )
        return CheckpointOutput(checkpoint_token=checkpoint_token, new_execution_state=state)

    def get_execution_state(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        next_marker: str,
        max_items: int = 1000,
    ) -> StateOutput:
        """Give nothing: all there was came with `open`."""
        return StateOutput(operations=[], next_marker="")


class FittedStore(StoreAtHand, IdleStore):
    """The same, with the SDK fitted to it as it is to the journal: see `agent.durable.outbox`."""


def _stored(update: OperationUpdate) -> Operation:
    return Operation(
        operation_id=update.operation_id,
        operation_type=update.operation_type,
        status=_STATUSES[update.action],
        parent_id=update.parent_id,
        name=update.name,
        sub_type=update.sub_type,
        step_details=StepDetails(attempt=0, result=update.payload),
        context_details=ContextDetails(result=update.payload),
    )
