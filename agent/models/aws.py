"""Telling whether an AWS account is set up here, without asking anybody.

Looking for credentials the usual way asks the instance metadata service last, which takes seconds
on a machine that has none. The environment and the two configuration files say enough.
"""

import configparser
from collections.abc import Mapping
from pathlib import Path

_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)
_PROFILE_CREDENTIALS = frozenset(
    {
        "aws_access_key_id",
        "credential_process",
        "credential_source",
        "login_session",
        "role_arn",
        "sso_session",
        "sso_start_url",
        "web_identity_token_file",
    }
)
#: A profile or environment that sends calls elsewhere means an emulator, which has no models.
_PROFILE_ENDPOINTS = frozenset({"endpoint_url", "services"})


def has_account(environ: Mapping[str, str]) -> bool:
    """Say whether credentials and a region of the real AWS are set up."""
    profile = _profile(environ)
    if "AWS_ENDPOINT_URL" in environ or _PROFILE_ENDPOINTS & profile.keys():
        return False
    has_region = any(environ.get(name) for name in ("AWS_REGION", "AWS_DEFAULT_REGION"))
    has_credentials = any(environ.get(name) for name in _CREDENTIALS)
    return (has_region or "region" in profile) and (
        has_credentials or bool(_PROFILE_CREDENTIALS & profile.keys())
    )


def _profile(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Read the chosen profile out of both files, as one."""
    name = environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE") or "default"
    config = environ.get("AWS_CONFIG_FILE", "~/.aws/config")
    credentials = environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")
    sections = (
        _section(Path(config), "default" if name == "default" else f"profile {name}"),
        _section(Path(credentials), name),
    )
    return {key: value for section in sections for key, value in section.items()}


def _section(path: Path, name: str) -> Mapping[str, str]:
    # `default_section` is moved away: to this parser, [DEFAULT] would be a part of every section.
    parser = configparser.RawConfigParser(default_section="")
    try:
        parser.read(path.expanduser(), encoding="utf-8")
    except (configparser.Error, OSError, UnicodeDecodeError):
        return {}
    return dict(parser[name]) if parser.has_section(name) else {}
