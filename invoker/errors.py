"""Errors of the invoker.

InvokerError
├── ConfigurationError       the function's environment is not what it needs
├── WebhookSecretError       the secrets that webhooks are signed with can't be had
├── NotDeliveredError        a receiver of webhooks did not take an event; it may yet
├── AgentUnavailableError    the agent did not take the run now; trying again can help
└── AgentRefusedError        AgentCore refuses the call: trying the same again can't help
"""


class InvokerError(Exception):
    """The root of this package's errors."""

    retryable = False


class ConfigurationError(InvokerError):
    """An environment variable is missing or wrong."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"environment variable {name} {why}")
        self.name = name


class WebhookSecretError(InvokerError):
    """The secrets that webhooks are signed with can't be read, or are none."""

    retryable = True


class NotDeliveredError(InvokerError):
    """A receiver of webhooks did not answer, or not that it took the event."""

    retryable = True

    def __init__(self, why: str, *, retry_seconds: int | None = None) -> None:
        super().__init__(why)
        #: How long the receiver asks to be left alone, if it does.
        self.retry_seconds = retry_seconds


class AgentUnavailableError(InvokerError):
    """The agent did not answer, or not with what was asked of it."""

    retryable = True

    def __init__(self, why: str, *, is_delivered: bool = False) -> None:
        super().__init__(why)
        #: Whether the agent may have got the request all the same.
        self.is_delivered = is_delivered


class AgentRefusedError(InvokerError):
    """The call is wrong, or not allowed, or there is no such runtime."""
