"""DuckDB connections that reach named files only, and statements that can be stopped."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from agent.errors import AttemptStoppedError
from agent.workflows.cost.errors import QueryTimeoutError

#: DuckDB streams and spills beyond this, so a bill's size does not decide the process's.
MEMORY_LIMIT = "1GB"
#: How often a running statement looks whether it should stop.
POLL_SECONDS = 0.1


def connect(files: Sequence[Path], *, spill: Path, threads: int) -> duckdb.DuckDBPyConnection:
    """Open an in-memory database that can touch these files and nothing else.

    Nothing is fetched (extensions), nothing outside `files` and `spill` is opened, and no
    statement can change that afterwards.
    """
    connection = duckdb.connect(
        config={
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": str(spill),
            "threads": threads,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET allowed_paths = [{', '.join(literal(file) for file in files)}]")
    connection.execute("SET enable_external_access = false")
    return connection


def lock(connection: duckdb.DuckDBPyConnection) -> None:
    """Refuse every further change of settings."""
    connection.execute("SET lock_configuration = true")


def literal(value: object) -> str:
    """Write a value as an SQL string."""
    escaped = str(value).replace("'", "''")
    return f"'{escaped}'"


@contextmanager
def stoppable(
    connection: duckdb.DuckDBPyConnection,
    *,
    stop: threading.Event,
    seconds: float | None = None,
) -> Iterator[None]:
    """Interrupt what the connection executes when the attempt must stop, or after a time.

    Raises:
        AttemptStoppedError: The attempt must stop.
        QueryTimeoutError: The time is up.
    """
    if stop.is_set():
        why = "a query was not begun"
        raise AttemptStoppedError(why)
    finished = threading.Event()
    expires = None if seconds is None else time.monotonic() + seconds
    is_over = _over(stop, expires)
    watcher = threading.Thread(
        target=_interrupt_when, args=(connection, finished, is_over), daemon=True
    )
    watcher.start()
    try:
        yield
    except duckdb.InterruptException as error:
        if stop.is_set():
            why = "a query was interrupted"
            raise AttemptStoppedError(why) from error
        raise QueryTimeoutError(seconds or 0) from error
    finally:
        finished.set()
        watcher.join()


def _over(stop: threading.Event, expires: float | None) -> Callable[[], bool]:
    return lambda: stop.is_set() or (expires is not None and time.monotonic() >= expires)


def _interrupt_when(
    connection: duckdb.DuckDBPyConnection,
    finished: threading.Event,
    is_over: Callable[[], bool],
) -> None:
    while not finished.wait(POLL_SECONDS):
        if is_over():
            connection.interrupt()
