"""Our operations as the durable SDK has them."""

from datetime import datetime

from aws_durable_execution_sdk_python import lambda_service as sdk

from agent.durable.recorded import Moment
from runs.callbacks import callback_id_of
from runs.history import execution_arn, execution_input
from runs.operations import Operation, OperationError, OperationStatus, OperationType
from runs.run import Run


def to_sdk(operation: Operation) -> sdk.Operation:
    """Give an operation to the SDK."""
    return sdk.Operation(
        operation_id=operation.operation_id,
        operation_type=sdk.OperationType(operation.type.value),
        status=sdk.OperationStatus(operation.status.value),
        parent_id=operation.parent_id,
        name=operation.name,
        sub_type=operation.sub_type,
        start_timestamp=operation.started_at,
        end_timestamp=operation.ended_at,
        context_details=_context(operation),
        step_details=_step(operation),
        wait_details=_wait(operation),
        callback_details=_callback(operation),
        chained_invoke_details=_invoke(operation),
    )


def from_sdk(operation: sdk.Operation, moment: Moment) -> Operation:
    """Take an operation as the Lambda service has it.

    The service does not tell when a callback times out, nor what a child is given. A callback gets
    an id of ours beside the service's: ours tells where the journal has it.
    """
    outcome = _outcome(operation)
    external_id = operation.callback_details.callback_id if operation.callback_details else None
    return Operation(
        operation_id=operation.operation_id,
        type=OperationType(operation.operation_type.value),
        status=OperationStatus(operation.status.value),
        parent_id=operation.parent_id,
        name=operation.name,
        sub_type=operation.sub_type,
        attempt=operation.step_details.attempt if operation.step_details else 0,
        payload=outcome.result if outcome else None,
        error=error_from_sdk(outcome.error) if outcome else None,
        due_at=_due_at(operation),
        replay_children=bool(
            operation.context_details and operation.context_details.replay_children
        ),
        callback_id=external_id and callback_id_of(moment.session_id, operation.operation_id),
        external_id=external_id,
        started_at=operation.start_timestamp or moment.now,
        ended_at=operation.end_timestamp,
    )


def execution(run: Run) -> sdk.Operation:
    """Give the operation that stands for the run itself; it carries what the workflow is given.

    It is made from the head, not kept: the SDK finds it by the last segment of the ARN.
    """
    return sdk.Operation(
        operation_id=run.session_id,
        operation_type=sdk.OperationType.EXECUTION,
        status=sdk.OperationStatus.STARTED,
        start_timestamp=run.started_at,
        execution_details=sdk.ExecutionDetails(input_payload=execution_input(run)),
    )


def arn_of(run: Run) -> str:
    """Make up the execution ARN; see `runs.history.execution_arn`."""
    return execution_arn(run.workflow, run.session_id)


def error_to_sdk(error: OperationError | None) -> sdk.ErrorObject | None:
    """Give an error to the SDK."""
    if error is None:
        return None
    trace = None if error.stack_trace is None else list(error.stack_trace)
    return sdk.ErrorObject(
        message=error.message, type=error.type, data=error.data, stack_trace=trace
    )


def error_from_sdk(error: sdk.ErrorObject | None) -> OperationError | None:
    """Take an error from the SDK."""
    if error is None:
        return None
    trace = None if error.stack_trace is None else tuple(error.stack_trace)
    return OperationError(
        message=error.message, type=error.type, data=error.data, stack_trace=trace
    )


def _outcome(
    operation: sdk.Operation,
) -> sdk.ContextDetails | sdk.StepDetails | sdk.CallbackDetails | sdk.ChainedInvokeDetails | None:
    return (
        operation.context_details
        or operation.step_details
        or operation.callback_details
        or operation.chained_invoke_details
    )


def _due_at(operation: sdk.Operation) -> datetime | None:
    if operation.step_details is not None:
        return operation.step_details.next_attempt_timestamp
    if operation.wait_details is not None:
        return operation.wait_details.scheduled_end_timestamp
    return None


def _context(operation: Operation) -> sdk.ContextDetails | None:
    if operation.type is not OperationType.CONTEXT:
        return None
    return sdk.ContextDetails(
        replay_children=operation.replay_children,
        result=operation.payload,
        error=error_to_sdk(operation.error),
    )


def _step(operation: Operation) -> sdk.StepDetails | None:
    if operation.type is not OperationType.STEP:
        return None
    return sdk.StepDetails(
        attempt=operation.attempt,
        next_attempt_timestamp=operation.due_at,
        result=operation.payload,
        error=error_to_sdk(operation.error),
    )


def _wait(operation: Operation) -> sdk.WaitDetails | None:
    if operation.type is not OperationType.WAIT:
        return None
    return sdk.WaitDetails(scheduled_end_timestamp=operation.due_at)


def _callback(operation: Operation) -> sdk.CallbackDetails | None:
    if operation.type is not OperationType.CALLBACK:
        return None
    return sdk.CallbackDetails(
        callback_id=operation.callback_id or operation.operation_id,
        result=operation.payload,
        error=error_to_sdk(operation.error),
    )


def _invoke(operation: Operation) -> sdk.ChainedInvokeDetails | None:
    if operation.type is not OperationType.CHAINED_INVOKE:
        return None
    return sdk.ChainedInvokeDetails(result=operation.payload, error=error_to_sdk(operation.error))
