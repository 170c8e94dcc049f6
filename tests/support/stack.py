"""The local stack, or its emulator alone, for tests that need the real thing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.clients import Client, local_client
from local.emulator import EmulatorSettings, start_emulator, wait_for_emulator
from local.emulator_environment import emulator_python
from local.home import Home
from local.ports import free_port
from local.processes import stop_child


@dataclass(frozen=True, slots=True)
class RunningEmulator:
    """An emulator for as long as a test needs it."""

    endpoint: str
    pid: int

    def client(self, service: str) -> Client:
        """Make a boto3 client of a service of this emulator."""
        return local_client(service, self.endpoint)


@contextmanager
def running_emulator(
    folder: Path, *, agentcore_url: str | None = None
) -> Iterator[RunningEmulator]:
    """Run an emulator for the block, with its state and log in a folder.

    Its environment is the checkout's own, made on first use and shared by all tests.
    """
    settings = EmulatorSettings(
        port=free_port(),
        state=folder / "emulator-state",
        log_file=folder / "emulator.log",
        agentcore_url=agentcore_url,
    )
    python = emulator_python(Home.at(folder).emulator_environment)
    child = start_emulator(python, settings, environ=os.environ)
    try:
        wait_for_emulator(child, settings)
        yield RunningEmulator(settings.endpoint, child.pid)
    finally:
        stop_child(child)


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """An emulator shared by the session; give what you make in it names of your own."""
    with running_emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running
