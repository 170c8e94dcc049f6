"""The invoker's Lambda function: accepts runs and hands them to the agent.

The composition root: configuration and clients are made when the module is imported, once per
Lambda environment. Nothing unique and no time is made here.
"""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import boto3
from botocore.config import Config as BotoConfig

from invoker.actions import Invoker
from invoker.config import Config
from invoker.routing import answer
from invoker.transport import CLIENT_CONFIG, AgentRuntime
from runs.artifacts.base import ArtifactStore
from runs.artifacts.folder import FolderStore
from runs.journal.dynamodb import DynamoJournal
from runs.json_types import Json
from runs.stepfunctions import StepFunctionsSignal

#: The journal answers in milliseconds or is in trouble; three tries fit into the function's time.
_JOURNAL_CLIENT_CONFIG = BotoConfig(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
)


class LambdaContext(Protocol):
    """What is used of the context that Lambda passes."""

    def get_remaining_time_in_millis(self) -> int:
        """Give the time left to this invocation."""
        ...


class _LateSignal:
    """A signal whose client is made when it is used: cold starts need not pay for cancelling."""

    def send(self, wake_token: str) -> None:
        """See `runs.signals.Signal.send`."""
        StepFunctionsSignal(boto3.client("stepfunctions")).send(wake_token)


def _artifacts(place: str) -> ArtifactStore:
    if not place.startswith("s3://"):
        return FolderStore(Path(place))
    from runs.artifacts.s3 import S3Store  # noqa: PLC0415 - the client is paid for where it is used

    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    return S3Store(boto3.client("s3"), bucket=bucket, prefix=prefix)


def _invoker(config: Config) -> Invoker:
    return Invoker(
        journal=DynamoJournal(
            boto3.client("dynamodb", config=_JOURNAL_CLIENT_CONFIG),
            table=config.table,
            artifacts=_artifacts(config.artifacts),
        ),
        agent=AgentRuntime(
            boto3.client("bedrock-agentcore", config=CLIENT_CONFIG), arn=config.runtime_arn
        ),
        signal=_LateSignal(),
        workflows=config.workflows,
        redispatch=config.redispatch,
        clock=lambda: datetime.now(UTC),
    )


_INVOKER = _invoker(Config.from_env(os.environ))


def handler(event: Json, context: LambdaContext) -> dict[str, Json]:
    """Answer one invocation; see `invoker.routing.answer`."""
    return answer(
        _INVOKER,
        event,
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
    ).to_json()
