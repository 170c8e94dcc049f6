"""What the functions are told by their environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from invoker.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The invoker's configuration, checked."""

    table: str
    runtime_arn: str
    workflows: frozenset[str]
    #: A folder's path, or `s3://bucket/prefix`.
    artifacts: str
    #: How long the agent has to claim a run, the first time, before it is handed over again.
    redispatch: timedelta
    #: The SNS topic of those who may decide on what runs ask, and the bus that tells others of it.
    topic_arn: str
    bus: str
    #: Where the pages of approvals are, and the keys that links to them are signed with: the ARN
    #: of a secret, or a file's path.
    approvals_url: str
    link_keys: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Config":
        """Read the environment.

        Raises:
            ConfigurationError: A variable is missing or wrong; the error names it.
        """
        return cls(
            table=_required(environ, "ERRAND_TABLE"),
            runtime_arn=_required(environ, "ERRAND_RUNTIME_ARN"),
            workflows=_workflows(environ),
            artifacts=_required(environ, "ERRAND_ARTIFACTS"),
            redispatch=timedelta(seconds=_seconds(environ, "ERRAND_REDISPATCH_SECONDS")),
            topic_arn=_required(environ, "ERRAND_TOPIC_ARN"),
            bus=_required(environ, "ERRAND_BUS"),
            approvals_url=_required(environ, "ERRAND_APPROVALS_URL"),
            link_keys=_required(environ, "ERRAND_LINK_KEYS"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalsConfig:
    """The configuration of the approvals' function, checked."""

    table: str
    #: A folder's path, or `s3://bucket/prefix`.
    artifacts: str
    #: The ARN of a secret, or a file's path.
    link_keys: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "ApprovalsConfig":
        """Read the environment.

        Raises:
            ConfigurationError: A variable is missing; the error names it.
        """
        return cls(
            table=_required(environ, "ERRAND_TABLE"),
            artifacts=_required(environ, "ERRAND_ARTIFACTS"),
            link_keys=_required(environ, "ERRAND_LINK_KEYS"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueConfig:
    """The configuration of the task queue's function, checked."""

    table: str
    #: A folder's path, or `s3://bucket/prefix`.
    artifacts: str
    workflows: frozenset[str]
    #: The ARN of the state machine that each run has an execution of.
    state_machine: str
    queue_url: str
    dead_letter_url: str
    #: How long an answer is kept that comes before its question.
    patience: timedelta

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "QueueConfig":
        """Read the environment.

        Raises:
            ConfigurationError: A variable is missing or wrong; the error names it.
        """
        return cls(
            table=_required(environ, "ERRAND_TABLE"),
            artifacts=_required(environ, "ERRAND_ARTIFACTS"),
            workflows=_workflows(environ),
            state_machine=_required(environ, "ERRAND_STATE_MACHINE"),
            queue_url=_required(environ, "ERRAND_TASK_QUEUE"),
            dead_letter_url=_required(environ, "ERRAND_DEAD_LETTERS"),
            patience=timedelta(seconds=_seconds(environ, "ERRAND_ANSWER_WAIT_SECONDS")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookConfig:
    """The configuration of the webhooks' function, checked."""

    #: Where events are posted to.
    urls: frozenset[str]
    #: The secrets that sign: the ARN of a secret, or a file's path.
    secrets: str
    queue_url: str
    #: Whether receivers may be on this machine or its network.
    allow_private: bool

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "WebhookConfig":
        """Read the environment.

        Raises:
            ConfigurationError: A variable is missing or wrong; the error names it.
        """
        return cls(
            urls=frozenset(_required(environ, "ERRAND_WEBHOOKS").split()),
            secrets=_required(environ, "ERRAND_WEBHOOK_SECRETS"),
            queue_url=_required(environ, "ERRAND_WEBHOOK_QUEUE"),
            allow_private=_switch(environ, "ERRAND_WEBHOOK_PRIVATE"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepConfig:
    """The configuration of the sweep's function, checked."""

    table: str
    #: A folder's path, or `s3://bucket/prefix`.
    artifacts: str
    runtime_arn: str
    #: The ARN of the state machine that each run has an execution of.
    state_machine: str
    #: For how long the normal way may take before a sweep mends a run.
    patience: timedelta

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "SweepConfig":
        """Read the environment.

        Raises:
            ConfigurationError: A variable is missing or wrong; the error names it.
        """
        return cls(
            table=_required(environ, "ERRAND_TABLE"),
            artifacts=_required(environ, "ERRAND_ARTIFACTS"),
            runtime_arn=_required(environ, "ERRAND_RUNTIME_ARN"),
            state_machine=_required(environ, "ERRAND_STATE_MACHINE"),
            patience=timedelta(seconds=_seconds(environ, "ERRAND_SWEEP_PATIENCE_SECONDS")),
        )


def _required(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise ConfigurationError(name, "is missing or empty")
    return value


def _workflows(environ: Mapping[str, str]) -> frozenset[str]:
    names = _required(environ, "ERRAND_WORKFLOWS").split(",")
    return frozenset(name.strip() for name in names if name.strip())


def _switch(environ: Mapping[str, str], name: str) -> bool:
    text = _required(environ, name)
    if text not in {"yes", "no"}:
        raise ConfigurationError(name, f"is {text!r}, expected yes or no")
    return text == "yes"


def _seconds(environ: Mapping[str, str], name: str) -> float:
    text = _required(environ, name)
    try:
        seconds = float(text)
    except ValueError as error:
        raise ConfigurationError(name, f"is {text!r}, expected a number") from error
    if not 0 < seconds <= 3600:
        raise ConfigurationError(name, f"is {text}, expected more than 0 and at most 3600")
    return seconds
