"""Clients of the emulator."""

from functools import cache
from os import devnull
from typing import Any, TypeAlias

import botocore.session
from botocore.config import Config

from local.environment import CREDENTIALS, REGION

#: botocore makes its clients' classes while running: they have no static type.
Client: TypeAlias = Any

#: In botocore's terms: no variable, no file. A profile that is not there would be an error, also
#: for a client that is given its credentials.
_NOTHING_OF_THE_USER = {
    "profile": (None, None, None, None),
    "config_file": (None, None, devnull, None),
    "credentials_file": (None, None, devnull, None),
}


def local_client(service: str, endpoint: str) -> Client:
    """Make a client of the emulator that ignores the user's profile, region and proxies."""
    client: Client = local_session().create_client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(proxies={}, connect_timeout=5, read_timeout=60),
    )
    return client


@cache
def local_session() -> botocore.session.Session:
    """Give the session that nothing of the user's reaches; one for all clients of a process.

    It is botocore's own: boto3 would add what transfers to S3 need to the start of each command.
    """
    return botocore.session.Session(session_vars=_NOTHING_OF_THE_USER)
