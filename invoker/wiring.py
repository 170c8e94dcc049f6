"""What the composition roots make alike: the journal, and the ways to those who wait for it."""

from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config as BotoConfig

from runs.artifacts.base import ArtifactStore
from runs.artifacts.folder import FolderStore
from runs.artifacts.s3 import S3Client, S3Store
from runs.journal.dynamodb import DynamoJournal
from runs.lambda_callbacks import LambdaCallbackService
from runs.operations import Operation
from runs.stepfunctions import StepFunctionsSignal
from runs.telemetry.measured import Measured
from runs.telemetry.meter import Meter

#: The journal answers in milliseconds or is in trouble; three tries fit into a function's time.
PATIENT = BotoConfig(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
)


class LateSignal:
    """A signal whose client is made when it is first used: cold starts need not pay for it."""

    @cached_property
    def _signal(self) -> StepFunctionsSignal:
        return StepFunctionsSignal(boto3.client("stepfunctions", config=PATIENT))

    def send(self, wake_token: str) -> None:
        """See `runs.signals.Signal.send`."""
        self._signal.send(wake_token)


class LateCallbacks:
    """The Lambda service, whose client is made when a run is first met that is one of its own.

    It needs `lambda:SendDurableExecutionCallbackSuccess` and `…Failure` on the function.
    """

    @cached_property
    def _service(self) -> LambdaCallbackService:
        return LambdaCallbackService(boto3.client("lambda", config=PATIENT))

    def tell(self, callback: Operation) -> None:
        """See `runs.callback_service.CallbackService.tell`."""
        self._service.tell(callback)


class LateS3:
    """The calls of a client of S3 that is made for the first of them.

    What is large enough for the bucket comes seldom, and no client takes longer to make.
    """

    @cached_property
    def _client(self) -> S3Client:
        client: S3Client = boto3.client("s3", config=PATIENT)
        return client

    def put_object(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3 has no static types
        """See boto3."""
        return self._client.put_object(**request)

    def get_object(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        """See boto3."""
        return self._client.get_object(**request)


def journal_of(*, table: str, artifacts: str, meter: Meter) -> DynamoJournal:
    """Open the journal.

    Args:
        table: The table's name.
        artifacts: A folder's path, or `s3://bucket/prefix`.
        meter: Is told the metrics of what is written.
    """
    client = boto3.client("dynamodb", config=PATIENT)
    return DynamoJournal(
        client, table=table, artifacts=_artifacts(artifacts), observer=Measured(meter)
    )


def _artifacts(place: str) -> ArtifactStore:
    if not place.startswith("s3://"):
        return FolderStore(Path(place))
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    return S3Store(LateS3(), bucket=bucket, prefix=prefix)
