"""TCP ports on this machine."""

import fcntl
import os
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TextIO

from local.errors import PortInUseError

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """Give a port nobody listens on now. Another process may take it at any moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Tell whether a server could listen on a port now."""
    with socket.socket() as probe:
        # As servers do: connections in TIME_WAIT don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return not _is_answering(port)


def choose_port(preferred: int) -> int:
    """Give the preferred port if it is free, else any free one."""
    return preferred if preferred and is_free(preferred) else free_port()


def reserve(port: int) -> TextIO:
    """Keep this user's other stacks from a port, as long as what is returned stays open.

    An agent listens only after a second or two of starting. Two stacks that start at once both
    find the port free, and one would take the other's agent for its own.

    Raises:
        PortInUseError: Another stack has reserved it.
    """
    name = f"errand-{os.getuid()}-port-{port}.lock"
    file = (Path(tempfile.gettempdir()) / name).open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise PortInUseError(port, holder="another local stack") from error
    return file


def holder(port: int) -> str | None:
    """Name the process that listens on a port (`name (pid 123)`), where the system tells."""
    if shutil.which("lsof"):
        return _by_lsof(_run(["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"]))
    if shutil.which("ss"):
        return _by_ss(_run(["ss", "-Hltnp", f"sport = :{port}"]))
    return None


def _is_answering(port: int) -> bool:
    # A server on 0.0.0.0 leaves 127.0.0.1 to be bound on some systems.
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _run(command: list[str]) -> str:
    answer = subprocess.run(  # noqa: S603 - fixed commands
        command, capture_output=True, text=True, check=False, timeout=5
    )
    return answer.stdout


def _by_lsof(output: str) -> str | None:
    pid = re.search(r"^p(\d+)$", output, re.MULTILINE)
    name = re.search(r"^c(.+)$", output, re.MULTILINE)
    return f"{name[1]} (pid {pid[1]})" if pid and name else None


def _by_ss(output: str) -> str | None:
    found = re.search(r'users:\(\("([^"]+)",pid=(\d+)', output)
    return f"{found[1]} (pid {found[2]})" if found else None
