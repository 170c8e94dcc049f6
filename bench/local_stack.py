"""A local stack of a benchmark's own, and runs that are sent through it."""

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from local import stack
from local.clients import local_client
from local.home import Home
from local.state import StackState
from runs.artifacts.folder import FolderStore
from runs.journal.dynamodb import DynamoJournal
from runs.json_types import Json
from runs.run import Run

T = TypeVar("T")

_POLL_SECONDS = 0.1
_GIVE_UP_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class LocalStack:
    """A stack that is up."""

    home: Home
    state: StackState
    journal: DynamoJournal

    def send(self, **detail: Json) -> str:
        """Put a request on the bus, and give its run's id."""
        session_id = str(uuid.uuid4())
        entry = {
            "EventBusName": self.state.outputs["BusName"],
            "Source": "errand",
            "DetailType": "Run Requested",
            "Detail": json.dumps({"session_id": session_id, **detail}),
        }
        answer = local_client("events", self.state.endpoint).put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            msg = f"the bus refused the request: {answer['Entries']}"
            raise RuntimeError(msg)
        return session_id

    def run(self, session_id: str, *, what: str, is_it: Callable[[Run], bool]) -> Run:
        """Wait until a run is as it should be."""

        def look() -> Run | None:
            run = self.journal.get(session_id)
            return run if run is not None and is_it(run) else None

        return until(f"run {session_id!r} to {what}", look)

    def ended(self, session_id: str) -> Run:
        """Wait until a run has ended."""
        return self.run(session_id, what="end", is_it=lambda run: run.status.is_terminal)


@contextmanager
def running_stack(home: Home) -> Iterator[LocalStack]:
    """Run a stack on the offline model for the block."""
    environ: Mapping[str, str] = {**os.environ, "ERRAND_MODEL": "offline"}
    try:
        state = stack.up(home, environ=environ, agent_port=0)
        journal = DynamoJournal(
            local_client("dynamodb", state.endpoint),
            table=state.outputs["TableName"],
            artifacts=FolderStore(home.artifacts),
        )
        yield LocalStack(home, state, journal)
    finally:
        stack.down(home)


def until(what: str, look: Callable[[], T | None]) -> T:
    """Look until there is something to see.

    Raises:
        TimeoutError: There was nothing for two minutes; the message says what was waited for.
    """
    give_up_at = time.monotonic() + _GIVE_UP_SECONDS
    while (seen := look()) is None:
        if time.monotonic() > give_up_at:
            msg = f"waited {_GIVE_UP_SECONDS:.0f} s for {what}"
            raise TimeoutError(msg)
        time.sleep(_POLL_SECONDS)
    return seen
