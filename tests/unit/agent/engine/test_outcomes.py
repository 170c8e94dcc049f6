"""What a run is said to have failed of."""

from aws_durable_execution_sdk_python.exceptions import StepError, StepInterruptedError
from aws_durable_execution_sdk_python.lambda_service import (
    DurableExecutionInvocationOutput,
    ErrorObject,
    InvocationStatus,
)

from agent.outcomes import read_ending
from runs.operations import Operation, OperationError, OperationType
from runs.run import RunFailure
from tests.support.journals import an_operation

MESSAGE = "it did not work"


def full_name(kind: type[Exception]) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def failed_with(kind: OperationType, error: str) -> Operation:
    return an_operation(type=kind, error=OperationError(message=MESSAGE, type=error))


def failure_of(*operations: Operation) -> RunFailure | None:
    wrapped = ErrorObject(message=MESSAGE, type=full_name(StepError), data=None, stack_trace=None)
    answer = DurableExecutionInvocationOutput(status=InvocationStatus.FAILED, error=wrapped)
    return read_ending(answer, recorded=None, operations=operations).ending.error


def test_a_run_fails_of_what_its_own_code_raised() -> None:
    context = failed_with(OperationType.CONTEXT, full_name(StepError))
    step = failed_with(OperationType.STEP, "ValueError")

    assert failure_of(context, step) == RunFailure(type="ValueError", message=MESSAGE)


def test_a_run_fails_of_what_the_sdk_found_wrong_with_a_step_and_not_of_its_wrapping() -> None:
    context = failed_with(OperationType.CONTEXT, full_name(StepError))
    step = failed_with(OperationType.STEP, full_name(StepInterruptedError))

    assert failure_of(context, step) == RunFailure(type="StepInterruptedError", message=MESSAGE)


def test_a_run_whose_operations_know_nothing_of_its_error_fails_of_what_was_answered() -> None:
    assert failure_of() == RunFailure(type="StepError", message=MESSAGE)
