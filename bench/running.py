"""Workers that are killed: processes on free ports, and what they leave behind."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from local.home import PROJECT
from local.ports import free_port

_POLL_SECONDS = 0.01
_GIVE_UP_SECONDS = 60.0


@contextmanager
def running(
    command: Sequence[str], *, environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker for the block; it is killed at its end if not before."""
    everything = {**os.environ, "PORT": str(free_port()), **(environ or {})}
    worker = subprocess.Popen(  # noqa: S603 - the commands are this package's own
        command, cwd=PROJECT, env=everything, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield worker
    finally:
        if worker.poll() is None:
            worker.send_signal(signal.SIGKILL)
        worker.wait()


def wait_for(condition: Callable[[], bool], *, what: str) -> None:
    """Wait until something has come about.

    Raises:
        RuntimeError: It has not within a minute; the message says what.
    """
    give_up_at = time.monotonic() + _GIVE_UP_SECONDS
    while not condition():
        if time.monotonic() > give_up_at:
            msg = f"{what} did not come about within {_GIVE_UP_SECONDS:g} s"
            raise RuntimeError(msg)
        time.sleep(_POLL_SECONDS)
