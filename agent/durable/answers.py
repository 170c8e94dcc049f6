"""What a durable function gives to Lambda at the end of an invocation."""

import json
from collections.abc import Mapping
from typing import Any

from aws_durable_execution_sdk_python.lambda_service import (
    DurableExecutionInvocationOutput,
    ErrorObject,
    InvocationStatus,
)

from runs.run import Run, RunFailure, Status

#: An invocation's output, as the SDK shapes it.
Answer = Mapping[str, Any]

_AGREEING = {
    InvocationStatus.SUCCEEDED: frozenset({Status.COMPLETED}),
    InvocationStatus.FAILED: frozenset({Status.FAILED}),
    InvocationStatus.PENDING: frozenset({Status.WAITING}),
}


def pending() -> Answer:
    """Give the answer of an execution that goes on later."""
    return DurableExecutionInvocationOutput.create_pending().to_dict()


def failure(error: RunFailure) -> Answer:
    """Give the answer of an execution that failed."""
    return DurableExecutionInvocationOutput(
        status=InvocationStatus.FAILED,
        error=ErrorObject(message=error.message, type=error.type, data=None, stack_trace=None),
    ).to_dict()


def ending(run: Run) -> Answer:
    """Give the answer of an execution whose run has ended, as its head tells."""
    if run.status is Status.COMPLETED:
        return DurableExecutionInvocationOutput.create_succeeded(json.dumps(run.result)).to_dict()
    return failure(run.error or RunFailure(type=run.status.value, message="no error was recorded"))


def agrees(output: DurableExecutionInvocationOutput, run: Run) -> bool:
    """Say whether a handler's output tells the same of a run as its head."""
    return run.status in _AGREEING.get(output.status, frozenset())
