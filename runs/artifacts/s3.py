"""An artifact store in an S3 bucket."""

from typing import Any, Protocol

from botocore.exceptions import ClientError

from runs.aws_errors import codes_of, translated
from runs.errors import PayloadMissingError


class S3Client(Protocol):
    """The calls of boto3's `s3` client that are used here."""

    def put_object(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3 has no static types
        """See boto3."""
        ...

    def get_object(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        """See boto3."""
        ...


class S3Store:
    """See `runs.artifacts.base.ArtifactStore`. Keys are below the prefix, if there is one."""

    def __init__(self, client: S3Client, *, bucket: str, prefix: str = "") -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    def put(self, key: str, data: bytes, *, media_type: str) -> str:
        """See `ArtifactStore.put`."""
        with translated():
            self._client.put_object(
                Bucket=self._bucket, Key=self._prefix + key, Body=data, ContentType=media_type
            )
        return self.uri(key)

    def get(self, key: str) -> bytes:
        """See `ArtifactStore.get`."""
        try:
            with translated():
                answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
                data: bytes = answer["Body"].read()
        except ClientError as error:
            if codes_of(error) & {"NoSuchKey", "404"}:
                raise PayloadMissingError(key) from error
            raise
        return data

    def uri(self, key: str) -> str:
        """See `ArtifactStore.uri`."""
        return f"s3://{self._bucket}/{self._prefix}{key}"
