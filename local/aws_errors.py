"""Errors as AWS's JSON services answer them, so that an SDK raises its own exception for each.

AwsError
├── ValidationError        400, the request is wrong
├── NotFoundError          404
├── ConflictError          409
└── RuntimeClientError     424, whatever went wrong inside the agent's container
"""

from starlette.requests import Request
from starlette.responses import JSONResponse


class AwsError(Exception):
    """The root of this module's errors."""

    #: The name of the SDK's exception.
    code = "InternalServerException"
    status = 500


class ValidationError(AwsError):
    """AWS would refuse the request."""

    code = "ValidationException"
    status = 400


class NotFoundError(AwsError):
    """What the request names is not there."""

    code = "ResourceNotFoundException"
    status = 404


class ConflictError(AwsError):
    """What the request would make is there already."""

    code = "ConflictException"
    status = 409


class RuntimeClientError(AwsError):
    """The agent's container failed, or never came up."""

    code = "RuntimeClientError"
    status = 424


async def answer_error(_request: Request, error: Exception) -> JSONResponse:
    """Answer an `AwsError`: a Starlette exception handler."""
    if not isinstance(error, AwsError):
        raise error
    body = {"__type": error.code, "message": str(error)}
    return JSONResponse(body, error.status, headers={"x-amzn-errortype": error.code})
