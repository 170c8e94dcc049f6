"""Where a bill comes from: a file, S3, Cost Explorer, or the sample that ships."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any

from boto3.exceptions import Boto3Error
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
)

from agent.workflows.cost.columns import Format
from agent.workflows.cost.errors import (
    BillNotFoundError,
    BillSourceError,
    BillSourceUnavailableError,
    BillTooLargeError,
)
from agent.workflows.cost.explorer import write_table
from agent.workflows.cost.files import MAX_BYTES, Table, check_ending, open_table
from agent.workflows.cost.formats import COST_EXPLORER, FILE_FORMATS

#: A bill of nobody, to try things out with.
SAMPLE = Path(__file__).parents[3] / "data" / "sample-bill.csv.gz"

_S3 = "s3://"
_FILE = "file://"
_MISSING = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})
_PASSING = frozenset(
    {
        "InternalError",
        "LimitExceededException",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "500",
        "503",
    }
)
_UNREACHABLE = (
    # A download that was cut off more often than boto3 tries.
    Boto3Error,
    ConnectTimeoutError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)

#: Gives a boto3 client by service name; made when it is needed, since most bills are files.
Clients = Callable[[str], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A bill that has been fetched."""

    #: What the report calls it.
    name: str
    table: Table
    formats: Sequence[Format]


def fetch(
    where: str | None, *, work: Path, clients: Clients, today: date, stop: threading.Event
) -> Source:
    """Fetch a bill into a folder.

    Args:
        where: A path, an `s3://` address, `aws`, or `sample`, which is also what nothing means.
        work: A folder for files that nobody needs afterwards.
        clients: Gives boto3 clients.
        today: Cost Explorer is asked for the days before.
        stop: Set when the attempt must stop.

    Raises:
        BillError: There is no such bill, or it may not be had.
        BillSourceUnavailableError: AWS did not answer.
        AttemptStoppedError: The attempt must stop.
    """
    match where:
        case None | "sample":
            return _file(SAMPLE.name, SAMPLE, work=work, stop=stop)
        case "aws":
            return _explorer(where, work=work, clients=clients, today=today, stop=stop)
        case address if address.startswith(_S3):
            return _s3(address, work=work, clients=clients, stop=stop)
        case path:
            return _file(path, Path(path.removeprefix(_FILE)), work=work, stop=stop)


def _file(where: str, path: Path, *, work: Path, stop: threading.Event) -> Source:
    table = open_table(where, path, work=work, stop=stop)
    return Source(name=path.name, table=table, formats=FILE_FORMATS)


def _explorer(
    where: str, *, work: Path, clients: Clients, today: date, stop: threading.Event
) -> Source:
    path = work / "cost-explorer.csv"
    with _translated(where):
        write_table(clients("ce"), today=today, to=path)
    table = open_table(path.name, path, work=work, stop=stop)
    return Source(name="AWS Cost Explorer", table=table, formats=(COST_EXPLORER,))


def _s3(where: str, *, work: Path, clients: Clients, stop: threading.Event) -> Source:
    bucket, _, key = where.removeprefix(_S3).partition("/")
    name = PurePosixPath(key).name
    if not bucket or not name:
        raise BillNotFoundError(where)
    check_ending(where)
    path = work / "fetched"
    with _translated(where):
        client = clients("s3")
        size = client.head_object(Bucket=bucket, Key=key)["ContentLength"]
        if size > MAX_BYTES:
            raise BillTooLargeError(where, size=f"{size:,} bytes", limit=f"{MAX_BYTES:,}")
        client.download_file(bucket, key, str(path))
    return Source(
        name=name,
        table=open_table(where, path, work=work, stop=stop),
        formats=FILE_FORMATS,
    )


@contextmanager
def _translated(where: str) -> Iterator[None]:
    """Turn boto3's errors into ours: what may pass, what is missing and what is refused."""
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        why = "there are no AWS credentials; set up the AWS CLI's, or name a file instead"
        raise BillSourceError(where, why) from error
    except _UNREACHABLE as error:
        raise BillSourceUnavailableError(where, str(error)) from error
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _MISSING:
            raise BillNotFoundError(where) from error
        if code in _PASSING:
            raise BillSourceUnavailableError(where, str(error)) from error
        raise BillSourceError(where, str(error)) from error
    except BotoCoreError as error:
        raise BillSourceError(where, str(error)) from error
