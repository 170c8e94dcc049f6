"""What to do about an error of AWS's, where people commonly can do something."""

from botocore.exceptions import ClientError

_SET_UP = "`aws configure` sets credentials up, --profile names others"
_LOG_IN = "log in again (`aws sso login`, or new keys), then repeat the command"
_PERMISSION = "this needs more permissions; --profile names other credentials"
_NAME = "check --stack, --region and --profile"

#: By the code AWS answered with, or the name of the SDK's own error.
_REMEDIES = {
    "NoCredentialsError": _SET_UP,
    "PartialCredentialsError": _SET_UP,
    "ProfileNotFound": "`aws configure list-profiles` shows those there are",
    "NoRegionError": "name one with --region or AWS_REGION",
    "InvalidRegionError": "check --region",
    "ExpiredToken": _LOG_IN,
    "ExpiredTokenException": _LOG_IN,
    "InvalidClientTokenId": _LOG_IN,
    "TokenRetrievalError": _LOG_IN,
    "UnauthorizedSSOTokenError": _LOG_IN,
    "SSOTokenLoadError": _LOG_IN,
    "AccessDenied": _PERMISSION,
    "AccessDeniedException": _PERMISSION,
    "ValidationError": _NAME,
    "ResourceNotFoundException": _NAME,
    "EndpointConnectionError": "check the network and --region",
    "ConnectTimeoutError": "check the network and --region",
}


def aws_remedy(error: BaseException) -> str | None:
    """Say what to do about an error; None when nothing is known to help."""
    code = error.response["Error"].get("Code") if isinstance(error, ClientError) else None
    return _REMEDIES.get(code or "") or _REMEDIES.get(type(error).__name__)
