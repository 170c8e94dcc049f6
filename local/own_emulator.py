"""An emulator of one's own: for a test, and for as long as that lasts."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.clients import Client, local_client
from local.emulator import EmulatorSettings, start_emulator, wait_for_emulator
from local.emulator_environment import emulator_environment
from local.home import Home
from local.ports import free_port
from local.processes import stop_child


@dataclass(frozen=True, slots=True)
class RunningEmulator:
    """An emulator for as long as a block needs it."""

    endpoint: str
    pid: int

    def client(self, service: str) -> Client:
        """Make a client of a service of this emulator."""
        return local_client(service, self.endpoint)


@contextmanager
def running_emulator(
    folder: Path, *, environ: Mapping[str, str], agentcore_url: str | None = None
) -> Iterator[RunningEmulator]:
    """Run an emulator for the block, on a free port, with its state and log in a folder.

    Its environment is the checkout's own, made on first use and shared by all.

    Raises:
        EnvironmentInstallError: The environment could not be made.
        ProcessStartError: The emulator ended, or did not answer in time.
    """
    settings = EmulatorSettings(
        port=free_port(),
        state=folder / "emulator-state",
        log_file=folder / "emulator.log",
        agentcore_url=agentcore_url,
    )
    python = emulator_environment(Home.at(folder).emulator_environment).python()
    child = start_emulator(python, settings, environ=environ)
    try:
        wait_for_emulator(child, settings)
        yield RunningEmulator(settings.endpoint, child.pid)
    finally:
        stop_child(child)
