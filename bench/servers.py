"""Servers to be measured: processes of their own on free ports, their logs in files."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from local.environment import without_aws
from local.health import wait_until_healthy
from local.home import PROJECT
from local.ports import free_port
from local.processes import Child, spawn, stop_child

#: Starts the agent as the local stack does.
AGENT = "agent.main"


def environment(folder: Path, *, port: int) -> dict[str, str]:
    """Give a server its port, and an embedded journal in a folder of its own."""
    return without_aws(os.environ) | {
        "ERRAND_ARTIFACTS": str(folder / "artifacts"),
        "ERRAND_JOURNAL": f"sqlite:{folder / 'journal.db'}",
        "ERRAND_MODEL": "offline",
        "PORT": str(port),
    }


def start(module: str, folder: Path, *, environ: Mapping[str, str]) -> Child:
    """Start `python -m module`."""
    log_file = folder / f"{module}.log"
    return spawn(
        module, [sys.executable, "-m", module], environ=environ, log_file=log_file, cwd=PROJECT
    )


@contextmanager
def serving(module: str, folder: Path) -> Iterator[int]:
    """Run a server for the block, and give its port."""
    port = free_port()
    child = start(module, folder, environ=environment(folder, port=port))
    try:
        wait_until_healthy(child, port=port, path="/ping")
        yield port
    finally:
        stop_child(child)
