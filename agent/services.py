"""What a workflow reaches through its durable context, besides the context itself."""

from dataclasses import dataclass
from datetime import datetime

from aws_durable_execution_sdk_python import DurableContext

from agent.attempt import Attempt
from agent.errors import NoAttemptError
from agent.models.select import ModelChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts of this process that workflow code works with."""

    attempt: Attempt
    #: Which model agents use.
    model: ModelChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationContext:
    """Stands where Lambda's context object stands when a durable handler is called."""

    aws_request_id: str
    services: Services
    #: When the invocation is over at the latest.
    ends_at: datetime
    log_group_name: str | None = None
    log_stream_name: str | None = None
    function_name: str | None = None
    memory_limit_in_mb: str | None = None
    function_version: str | None = None
    invoked_function_arn: str | None = None
    tenant_id: str | None = None
    client_context: object = None
    identity: object = None

    def get_remaining_time_in_millis(self) -> int:
        """Give the milliseconds until the invocation must be over."""
        left = self.ends_at - self.services.attempt.clock()
        return max(0, int(left.total_seconds() * 1000))


def services_of(context: DurableContext) -> Services:
    """Give the services of the runner that executes this workflow.

    Raises:
        NoAttemptError: The workflow is executed by something else, such as a Lambda function whose
            handler is the workflow's own.
    """
    made_up: object = context.lambda_context
    if not isinstance(made_up, InvocationContext):
        raise NoAttemptError
    return made_up.services


def attempt_of(context: DurableContext) -> Attempt:
    """Give the attempt that executes this workflow; child contexts have the same one.

    Raises:
        NoAttemptError: The workflow is executed by something else, such as a Lambda function whose
            handler is the workflow's own.
    """
    return services_of(context).attempt
