"""Who gives a command, and from where: what timelines say of people."""

import getpass
import socket

from cli.errors import UsageError


def person_name(given: str | None) -> str:
    """Give the name that was given, else that of this machine's user.

    Raises:
        UsageError: The name is empty, or the user has none.
    """
    name = (_user() if given is None else given).strip()
    if not name:
        msg = f"--by is {given!r}, expected a name"
        raise UsageError(msg)
    return name


def origin() -> str:
    """Say from where a command is given: `cli on ada-laptop`."""
    return f"cli on {socket.gethostname()}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        # A container's user may have no name.
        msg = "your user has no name here; say who you are with --by NAME"
        raise UsageError(msg) from error
