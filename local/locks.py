"""A lock between processes: a file, locked as long as its holder lives."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def _silent() -> None:
    return


@contextmanager
def file_lock(path: Path, *, on_wait: Callable[[], None] = _silent) -> Iterator[None]:
    """Hold a lock for the block.

    The kernel lets go when the holder dies, so a crash leaves nothing to clean up.

    Args:
        path: The file; it is made, and stays.
        on_wait: Called once if somebody else has the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
