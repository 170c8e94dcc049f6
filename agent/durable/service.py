"""The durable SDK's client of the Lambda service, with an attempt of ours beside it.

The service keeps the operations and says when to go on. What an attempt knows besides (its lease,
a wish to stop, the copy of the operations for those who read runs) is woven in here.
"""

import logging
import uuid
from dataclasses import replace
from typing import Any

from aws_durable_execution_sdk_python import lambda_service as sdk
from aws_durable_execution_sdk_python.exceptions import CheckpointError
from aws_durable_execution_sdk_python.execution import (
    DurableExecutionInvocationInput,
    DurableExecutionInvocationInputWithClient,
    InitialExecutionState,
)
from aws_durable_execution_sdk_python.lambda_service import (
    CheckpointOutput,
    CheckpointUpdatedExecutionState,
    DurableServiceClient,
    LambdaClient,
    OperationAction,
    OperationUpdate,
    StateOutput,
    WaitOptions,
)
from aws_durable_execution_sdk_python.lambda_service import OperationType as SdkType

from agent.attempt import Attempt
from agent.durable.client import Outcome
from agent.durable.current import know_operations
from agent.durable.mirror import Mirror
from agent.durable.operations import error_from_sdk
from agent.durable.refusing import refusal_of
from agent.durable.updates import finished
from agent.errors import BudgetExceededError, NotDurableError
from runs.errors import JournalUnavailableError, LeaseLostError
from runs.history import execution_input
from runs.run import Run

logger = logging.getLogger(__name__)

#: The ids of the waits that make the service invoke again. The SDK's own are hashes.
HAND_OVER = "errand-hand-over-"


class ServiceClient:
    """The SDK's `DurableServiceClient` for one invocation of a Lambda durable execution.

    Without an attempt it passes everything on. The SDK calls it from one thread at a time.
    """

    def __init__(
        self, given: DurableExecutionInvocationInput, service: DurableServiceClient
    ) -> None:
        self._given = given
        self._service = service
        self._token: str | None = given.checkpoint_token
        self._attempt: Attempt | None = None
        self._mirror: Mirror | None = None
        self._last: list[OperationUpdate] = []
        #: An ending that is too large to be answered.
        self.outcome: Outcome | None = None
        #: Why the workflow may not go on.
        self.refusal: BudgetExceededError | None = None

    @classmethod
    def of(cls, event: Any) -> "ServiceClient":  # noqa: ANN401 - what Lambda hands over
        """Read what the service invoked the function with.

        Raises:
            NotDurableError: It is no durable execution's invocation.
        """
        if isinstance(event, DurableExecutionInvocationInputWithClient):
            return cls(event, event.service_client)
        try:
            given = DurableExecutionInvocationInput.from_json_dict(event)
        except (KeyError, TypeError, AttributeError) as error:
            raise NotDurableError from error
        return cls(given, LambdaClient.initialize_client())

    @property
    def arn(self) -> str:
        """The execution's ARN."""
        return self._given.durable_execution_arn

    @property
    def payload(self) -> str | None:
        """What the execution was started with."""
        execution_id = self.arn.rpartition("/")[2]
        for operation in self._given.initial_execution_state.operations:
            if operation.operation_id == execution_id and operation.execution_details:
                return operation.execution_details.input_payload
        return None

    @property
    def mirror(self) -> Mirror:
        """The copy of the execution's operations; there once it is open."""
        if self._mirror is None:
            msg = "the execution is not open"
            raise AssertionError(msg)
        return self._mirror

    def open(self, attempt: Attempt) -> DurableExecutionInvocationInputWithClient:
        """Take the attempt that works on the execution, and give the handler's input.

        The workflow is given what it is given everywhere, whatever the payload left out.

        Raises:
            LeaseLostError: The run is another invocation's now.
            JournalUnavailableError: The journal did not answer for too long.
        """
        know_operations()
        self._attempt, self._mirror = attempt, Mirror(attempt)
        state = self._given.initial_execution_state
        self._mirror.load()
        self._mirror.take((), self._visible(state.operations))
        operations = [self._completed(operation, attempt.run) for operation in state.operations]
        return DurableExecutionInvocationInputWithClient(
            durable_execution_arn=self.arn,
            checkpoint_token=self._given.checkpoint_token,
            initial_execution_state=InitialExecutionState(operations, state.next_marker),
            updated_operation_ids=self._given.updated_operation_ids,
            service_client=self,
        )

    def checkpoint(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        updates: list[OperationUpdate],
        client_token: str | None,
    ) -> CheckpointOutput:
        """Have the service record updates, and copy what it says.

        An answer without a token makes the SDK end the invocation as suspended at once, without
        telling user code that anything failed. That is how an attempt ends that must stop or has
        lost its lease.
        """
        try:
            is_stopping = self._must_stop(updates)
        except JournalUnavailableError:
            is_stopping = True
        kept = self._without_ending(finished(updates) if is_stopping else updates)
        if not kept:
            return self._answer(None if is_stopping else self._token)
        output = self._service.checkpoint(
            durable_execution_arn=durable_execution_arn,
            checkpoint_token=checkpoint_token,
            updates=kept,
            client_token=client_token,
        )
        self._token = output.checkpoint_token
        try:
            self.mirror.take(kept, self._visible(output.new_execution_state.operations))
        except (LeaseLostError, JournalUnavailableError):
            is_stopping = True
        return replace(output, checkpoint_token=None) if is_stopping else output

    def _must_stop(self, updates: list[OperationUpdate]) -> bool:
        if self._attempt is None:
            return False
        self.refusal = self.refusal or refusal_of(self._attempt, updates)
        return self._attempt.stop.is_set() or self.refusal is not None

    def get_execution_state(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        next_marker: str,
        max_items: int = 1000,
    ) -> StateOutput:
        """Give a page of the service's operations, and copy it."""
        page = self._service.get_execution_state(
            durable_execution_arn=durable_execution_arn,
            checkpoint_token=checkpoint_token,
            next_marker=next_marker,
            max_items=max_items,
        )
        self.mirror.take((), self._visible(page.operations))
        return page

    def send_ending(self) -> None:
        """Have the service record the ending that was held back until our journal had it."""
        if self._last:
            self._send(self._last)

    def hand_over(self, seconds: int) -> None:
        """Have the service invoke the function again after some seconds.

        A function may suspend only while something is pending. A wait that no workflow waits for
        is, and unlike an error it does not count as a failed invocation.
        """
        wait = OperationUpdate(
            operation_id=f"{HAND_OVER}{uuid.uuid4().hex}",
            operation_type=SdkType.WAIT,
            action=OperationAction.START,
            sub_type="Wait",
            name="hand-over",
            wait_options=WaitOptions(wait_seconds=max(1, seconds)),
        )
        try:
            self._send([wait])
        except CheckpointError as error:
            # Another invocation has the execution: that one goes on.
            logger.warning("not handed over", extra={"execution": self.arn, "error": str(error)})

    def _send(self, updates: list[OperationUpdate]) -> None:
        output = self._service.checkpoint(
            durable_execution_arn=self.arn,
            checkpoint_token=self._token or "",
            updates=updates,
            client_token=None,
        )
        self._token = output.checkpoint_token

    def _without_ending(self, updates: list[OperationUpdate]) -> list[OperationUpdate]:
        """Hold back an ending: the service would take no word more, and nobody would settle."""
        self._last += [each for each in updates if each.operation_type is SdkType.EXECUTION]
        for each in self._last:
            self.outcome = Outcome(payload=each.payload, error=error_from_sdk(each.error))
        return [each for each in updates if each.operation_type is not SdkType.EXECUTION]

    def _answer(self, token: str | None) -> CheckpointOutput:
        state = CheckpointUpdatedExecutionState(operations=[], next_marker="")
        return CheckpointOutput(checkpoint_token=token, new_execution_state=state)

    def _visible(self, operations: list[sdk.Operation]) -> list[sdk.Operation]:
        return [each for each in operations if not each.operation_id.startswith(HAND_OVER)]

    def _completed(self, operation: sdk.Operation, run: Run) -> sdk.Operation:
        if operation.operation_type is not SdkType.EXECUTION:
            return operation
        details = sdk.ExecutionDetails(input_payload=execution_input(run))
        return replace(operation, execution_details=details)
