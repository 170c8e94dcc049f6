"""A lock between processes: a file, locked as long as its holder lives."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def file_lock(path: Path) -> Iterator[float]:
    """Hold a lock for the block, and give the seconds it took to get it.

    The kernel lets go when the holder dies, so a crash leaves nothing to clean up.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield time.monotonic() - begun
