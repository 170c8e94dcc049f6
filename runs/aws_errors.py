"""What AWS calls raise, as far as journal and artifact store care."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004 - botocore's name

from runs.errors import JournalUnavailableError

#: What a call raises that was answered with an error.
AnsweredError = ClientError

#: Answers that say "not now". botocore has retried them already.
_NOT_NOW = frozenset(
    {
        "InternalError",
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
    }
)


@contextmanager
def translated() -> Iterator[None]:
    """Turn throttling, service errors and lost connections into the port's error."""
    try:
        yield
    except ClientError as error:
        if _is_not_now(error):
            msg = f"the store did not do it now: {error}"
            raise JournalUnavailableError(msg) from error
        raise
    except (ConnectionError, HTTPClientError) as error:
        msg = f"the store did not answer: {error}"
        raise JournalUnavailableError(msg) from error


def codes_of(error: ClientError) -> frozenset[str]:
    """Give an error's code, and for a cancelled transaction the codes of all its reasons."""
    reasons = error.response.get("CancellationReasons", [])
    codes = {str(reason.get("Code", "None")) for reason in reasons}
    return frozenset({str(error.response["Error"]["Code"])} | codes - {"None"})


def _is_not_now(error: ClientError) -> bool:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    # A refused condition is an answer, whatever else was throttled in the same transaction.
    codes = codes_of(error)
    return "ConditionalCheckFailed" not in codes and (status >= 500 or bool(codes & _NOT_NOW))
