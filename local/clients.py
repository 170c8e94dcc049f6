"""boto3 clients of the emulator."""

from typing import Any, TypeAlias

import boto3
from botocore.config import Config

from local.environment import CREDENTIALS, REGION

#: boto3 makes its clients' classes while running: they have no static type.
Client: TypeAlias = Any


def local_client(service: str, endpoint: str) -> Client:
    """Make a client of the emulator that ignores the user's profile, region and proxies."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(proxies={}, connect_timeout=5, read_timeout=60),
    )
