"""What the process's environment says about stacks."""

import os
from pathlib import Path

from cli.errors import UsageError
from local.home import Home

#: Where the agent listens unless the environment or an option says otherwise.
DEFAULT_PORT = 8080
_HIGHEST_PORT = 65_535


def home() -> Home:
    """Name the local stack's folder: `ERRAND_HOME`, else `.errand` here."""
    return Home.at(Path(os.environ.get("ERRAND_HOME") or ".errand").expanduser())


def for_stack() -> dict[str, str]:
    """Give the environment for the stack's processes, which have another working folder."""
    environ = dict(os.environ)
    if prices := environ.get("ERRAND_PRICES"):
        environ["ERRAND_PRICES"] = str(Path(prices).expanduser().absolute())
    return environ


def aws_region(given: str | None) -> str | None:
    """Choose the region as the AWS CLI does: an SDK for Python does not know `AWS_REGION`."""
    return given or os.environ.get("AWS_REGION") or None


def agent_port(given: int | None) -> int:
    """Choose the agent's port: the one given, else `ERRAND_PORT`, else 8080.

    Raises:
        UsageError: It is no port.
    """
    text = str(given) if given is not None else os.environ.get("ERRAND_PORT") or str(DEFAULT_PORT)
    name = "--port" if given is not None else "ERRAND_PORT"
    if not text.isascii() or not text.isdigit() or int(text) > _HIGHEST_PORT:
        msg = f"{name} is {text!r}, expected a number from 0 to {_HIGHEST_PORT} (0: any free port)"
        raise UsageError(msg)
    return int(text)
