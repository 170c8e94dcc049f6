"""Waiting for a process to answer."""

import http.client
import time

from local.errors import ProcessStartError
from local.ports import LOOPBACK
from local.processes import Child, tail

_POLL_SECONDS = 0.03


def answers(port: int, path: str) -> bool:
    """Tell whether a server on this machine answers a GET with 200."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=1)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def wait_until_healthy(
    child: Child, *, port: int, path: str, timeout_seconds: float = 60.0
) -> None:
    """Return when the child answers.

    Raises:
        ProcessStartError: It ended, or did not answer in time.
    """
    deadline = time.monotonic() + timeout_seconds
    while not answers(port, path):
        if child.has_ended:
            raise _failure(child, f"ended with code {child.popen.returncode} while starting")
        if time.monotonic() > deadline:
            raise _failure(child, f"did not answer on port {port} in {timeout_seconds:.0f} s")
        time.sleep(_POLL_SECONDS)


def _failure(child: Child, why: str) -> ProcessStartError:
    return ProcessStartError(child.name, why, log_file=child.log_file, tail=tail(child.log_file))
