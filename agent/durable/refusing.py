"""Ending an invocation before a step that the run's time does not cover."""

from collections.abc import Iterable

from aws_durable_execution_sdk_python.lambda_service import OperationAction, OperationUpdate
from aws_durable_execution_sdk_python.lambda_service import OperationType as SdkType

from agent.attempt import Attempt
from agent.budget import check_time
from agent.errors import BudgetExceededError


def refusal_of(attempt: Attempt, updates: Iterable[OperationUpdate]) -> BudgetExceededError | None:
    """Say why the workflow may not go on, if it would begin a step now and its time is used up.

    Raises:
        JournalUnavailableError: The journal did not answer; the attempt was told to stop.
    """
    if attempt.asking or not any(map(_begins_step, updates)):
        return None
    try:
        check_time(attempt)
    except BudgetExceededError as error:
        return error
    return None


def _begins_step(update: OperationUpdate) -> bool:
    is_start = update.action is OperationAction.START
    return is_start and update.operation_type is SdkType.STEP
