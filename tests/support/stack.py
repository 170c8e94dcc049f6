"""The local stack, or its emulator alone, for tests that need the real thing."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local import own_emulator
from local.clients import Client, local_client
from local.home import Home
from local.own_emulator import RunningEmulator
from local.processes import ProcessId
from local.stack import down, status, up
from local.state import StackState
from runs.artifacts.folder import FolderStore
from runs.journal.dynamodb import DynamoJournal


def running_emulator(
    folder: Path, *, agentcore_url: str | None = None
) -> AbstractContextManager[RunningEmulator]:
    """Run an emulator for a block, with its state and log in a folder."""
    return own_emulator.running_emulator(folder, environ=os.environ, agentcore_url=agentcore_url)


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """An emulator shared by the session; give what you make in it names of your own."""
    with running_emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@dataclass(frozen=True, slots=True)
class LocalStack:
    """A whole local stack in a folder of its own, on free ports."""

    home: Home

    @property
    def state(self) -> StackState:
        """How the stack is now."""
        found = status(self.home)
        assert found is not None
        return found

    @property
    def endpoint(self) -> str:
        """The emulator."""
        return self.state.endpoint

    @property
    def outputs(self) -> Mapping[str, str]:
        """The outputs of the deployed template."""
        return self.state.outputs

    @property
    def environ(self) -> dict[str, str]:
        """What a CLI subprocess needs to find this stack, and to bring it up again."""
        return {**os.environ, "ERRAND_HOME": str(self.home.root), "ERRAND_PORT": "0"}

    @property
    def journal(self) -> DynamoJournal:
        """The stack's journal, read from outside."""
        store = FolderStore(self.home.artifacts)
        return DynamoJournal(
            self.client("dynamodb"), table=self.outputs["TableName"], artifacts=store
        )

    def client(self, service: str) -> Client:
        """Make a client of a service of this stack's emulator."""
        return local_client(service, self.endpoint)

    def send(self, detail: Mapping[str, Any]) -> None:
        """Put a request on the bus, as an event's sender does."""
        entry = {
            "EventBusName": self.outputs["BusName"],
            "Source": "errand",
            "DetailType": "Run Requested",
            "Detail": json.dumps(detail),
        }
        answer = self.client("events").put_events(Entries=[entry])
        assert answer["FailedEntryCount"] == 0

    def kill(self, name: str) -> ProcessId:
        """Kill the `agent`, the `emulator` or the `supervisor`, and give who it was."""
        process = self.state.processes[name]
        os.kill(process.pid, signal.SIGKILL)
        return process

    def wait_until(self, check: Callable[[StackState], bool], *, seconds: float = 30) -> StackState:
        """Wait until the stack's state is as wanted, and give it."""
        deadline = time.monotonic() + seconds
        while not check(self.state):
            assert time.monotonic() < deadline, f"still {self.state} after {seconds} s"
            time.sleep(0.05)
        return self.state


@contextmanager
def running_stack(folder: Path) -> Iterator[LocalStack]:
    """Run a stack for the block; whatever the block did to it, nothing is left running."""
    home = Home.at(folder)
    try:
        up(home, environ=os.environ, agent_port=0)
        yield LocalStack(home)
    finally:
        down(home)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack shared by the session; a test that breaks it for good runs one of its own."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running
