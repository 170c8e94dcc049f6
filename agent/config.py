"""What the process is told by its environment, checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Self

from agent.errors import ConfigError
from agent.models.select import ModelChoice, choose_model
from agent.runner import Limits
from agent.tracing import CONTENT_VARIABLE
from runs.budget import Budget
from runs.errors import InvalidRequestError
from runs.request import budget_of
from runs.telemetry.meter import STAGE_VARIABLE

_JOURNAL = "ERRAND_JOURNAL"
_ARTIFACTS = "ERRAND_ARTIFACTS"
_STATE_MACHINE = "ERRAND_STATE_MACHINE"
#: The limits of runs that were asked for without.
_BUDGET = {
    "max_tokens": "ERRAND_MAX_TOKENS",
    "max_cost_usd": "ERRAND_MAX_COST",
    "max_seconds": "ERRAND_MAX_SECONDS",
}
_LEASE = "ERRAND_LEASE_SECONDS"

#: What a Lambda function must be told, and an agent process need not.
_FUNCTION_NEEDS = {
    _JOURNAL: "'dynamodb:<table>': the table where the agents' memory and the runs' heads are kept",
    _ARTIFACTS: "'s3://<bucket>/<prefix>': where the runs' files are kept",
}
#: The service invokes again a few seconds after a function died; a lease should not last longer.
_FUNCTION_LEASE_SECONDS = "15"

#: On a laptop a killed worker should be noticed while somebody watches; in the cloud a lease must
#: outlive a slow minute.
_LOCAL_LEASE_SECONDS = 6.0
_CLOUD_LEASE_SECONDS = 60.0
_DEFAULT_LIMITS = Limits(lease_seconds=_LOCAL_LEASE_SECONDS)


@dataclass(frozen=True, slots=True)
class SqliteTarget:
    """A journal in a file."""

    path: Path


@dataclass(frozen=True, slots=True)
class DynamoTarget:
    """A journal in a table."""

    table: str


@dataclass(frozen=True, slots=True)
class FolderTarget:
    """Artifacts in a folder."""

    root: Path


@dataclass(frozen=True, slots=True)
class S3Target:
    """Artifacts in a bucket."""

    bucket: str
    prefix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of an agent process."""

    journal: SqliteTarget | DynamoTarget
    artifacts: FolderTarget | S3Target
    limits: Limits
    model: ModelChoice
    #: The ARN of the state machine that watches child runs; an embedded journal needs none.
    state_machine: str | None
    port: int
    #: Where to listen; None leaves it to the SDK: all interfaces in a container, else loopback.
    host: str | None
    debug: bool
    #: The deployment's stage, under which metrics are told; None, as on a laptop, has none told.
    stage: str | None = None
    #: Whether spans say what people and models said.
    traces_content: bool = False
    #: The limits of runs that were asked for without.
    budget: Budget = field(default_factory=Budget)

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read settings from environment variables.

        Raises:
            ConfigError: A variable has a value that can't be used.
        """
        env = {name: value.strip() for name, value in environ.items() if value.strip()}
        journal = _journal(env.get(_JOURNAL, "sqlite:.errand/journal.db"))
        return cls(
            journal=journal,
            artifacts=_artifacts(env.get(_ARTIFACTS, ".errand/artifacts")),
            limits=_limits(env, is_local=isinstance(journal, SqliteTarget)),
            model=choose_model(env),
            state_machine=env.get(_STATE_MACHINE),
            port=int(_number(env, "PORT", default=8080, least=0, most=65_535)),
            host=env.get("ERRAND_HOST"),
            debug=_flag(env, "ERRAND_DEBUG"),
            stage=env.get(STAGE_VARIABLE),
            traces_content=_flag(env, CONTENT_VARIABLE),
            budget=_budget(env),
        )

    @classmethod
    def from_function_env(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings of a Lambda function, whose own disk is no place for a journal.

        Raises:
            ConfigError: A variable has a value that can't be used, or none where it needs one.
        """
        for variable, wanted in _FUNCTION_NEEDS.items():
            if not environ.get(variable, "").strip():
                raise ConfigError(variable, f"is not set, expected {wanted}")
        return cls.from_env({_LEASE: _FUNCTION_LEASE_SECONDS, **environ})


def _journal(text: str) -> SqliteTarget | DynamoTarget:
    kind, _, rest = text.partition(":")
    if kind == "sqlite" and rest:
        return SqliteTarget(Path(rest))
    if kind == "dynamodb" and rest:
        return DynamoTarget(rest)
    message = f"is {text!r}, expected 'sqlite:<path>' or 'dynamodb:<table>'"
    raise ConfigError(_JOURNAL, message)


def _artifacts(text: str) -> FolderTarget | S3Target:
    if not text.startswith("s3://"):
        return FolderTarget(Path(text))
    bucket, _, prefix = text.removeprefix("s3://").partition("/")
    if not bucket:
        raise ConfigError(_ARTIFACTS, f"is {text!r}, expected 's3://<bucket>/<prefix>'")
    return S3Target(bucket, prefix.strip("/"))


def _limits(env: Mapping[str, str], *, is_local: bool) -> Limits:
    lease = _LOCAL_LEASE_SECONDS if is_local else _CLOUD_LEASE_SECONDS
    defaults = _DEFAULT_LIMITS
    park_after = _number(
        env, "ERRAND_PARK_AFTER", default=defaults.park_after.total_seconds(), least=0
    )
    stall_after = _number(
        env, "ERRAND_STALL_AFTER", default=defaults.stall_after.total_seconds(), least=1
    )
    return Limits(
        lease_seconds=_number(env, _LEASE, default=lease, least=1, most=3_600),
        park_after=timedelta(seconds=park_after),
        stall_after=timedelta(seconds=stall_after),
    )


def _budget(env: Mapping[str, str]) -> Budget:
    given = {limit: _amount(env, name) for limit, name in _BUDGET.items() if name in env}
    try:
        return budget_of(given)
    except InvalidRequestError as error:
        message = str(error).partition(": ")[2]
        raise ConfigError(_BUDGET[error.field], message) from error


def _amount(env: Mapping[str, str], name: str) -> float:
    try:
        return float(env[name])
    except ValueError as error:
        raise ConfigError(name, f"is {env[name]!r}, expected a number") from error


def _number(
    env: Mapping[str, str], name: str, *, default: float, least: float, most: float = 86_400
) -> float:
    text = env.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    # Also false for nan, so that a word and a number out of range get the same sentence.
    if not least <= value <= most:
        raise ConfigError(name, f"is {text!r}, expected a number from {least:g} to {most:g}")
    return value


def _flag(env: Mapping[str, str], name: str) -> bool:
    text = env.get(name, "0").lower()
    if text not in {"0", "1", "false", "true"}:
        raise ConfigError(name, f"is {text!r}, expected 0 or 1")
    return text in {"1", "true"}
