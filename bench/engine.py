"""What executes runs in the agent, on a journal in a file."""

import uuid
from collections.abc import MutableMapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python.execution import DurableExecutionInvocationInputWithClient

from agent.attempt import Attempt
from agent.durable.client import JournalClient
from agent.models.select import ModelChoice
from agent.registry import Handler
from agent.services import InvocationContext, Services
from bench.emulated import EmulatedTable
from runs.artifacts.folder import FolderStore
from runs.journal.sqlite import SqliteJournal
from runs.run import Run, Status

#: For workflows without agents, too: they have to be given some model.
OFFLINE = ModelChoice.parse("offline")


class BenchEngine:
    """Attempts at runs of their own, and invocations of handlers in them."""

    def __init__(self, folder: Path, *, table: EmulatedTable | None = None) -> None:
        """Keep the journal in a table if one is given, else in a file in the folder."""
        self.file = folder / "journal.db"
        self._artifacts = FolderStore(folder / "artifacts")
        self._journal = (
            SqliteJournal(self.file, artifacts=self._artifacts)
            if table is None
            else table.journal(self._artifacts)
        )

    def close(self) -> None:
        """Close the journal's file, if it is in one."""
        if isinstance(self._journal, SqliteJournal):
            self._journal.close()

    def attempt(self, prompt: str = "do nothing, many times") -> Attempt:
        """Accept and claim a new run."""
        now = now_utc()
        run = new_run("bench", prompt)
        self._journal.accept(run)
        claim = self._journal.claim(
            run.session_id, owner="bench", token=str(uuid.uuid4()), now=now, lease_seconds=60
        )
        return Attempt(
            journal=self._journal,
            artifacts=self._artifacts,
            run=claim.run,
            lease=claim.lease,
            clock=now_utc,
        )

    def invoke(
        self, handler: Handler, attempt: Attempt, *, model: ModelChoice = OFFLINE
    ) -> MutableMapping[str, Any]:
        """Invoke a handler on what the journal has of the run, and give its answer."""
        return invoke(handler, JournalClient(attempt).open(), attempt, model=model)


def invoke(
    handler: Handler,
    given: DurableExecutionInvocationInputWithClient,
    attempt: Attempt,
    *,
    model: ModelChoice = OFFLINE,
) -> MutableMapping[str, Any]:
    """Invoke a handler on any store's state."""
    services = Services(attempt=attempt, model=model)
    context = InvocationContext(
        aws_request_id=attempt.session_id, services=services, ends_at=attempt.run.deadline_at
    )
    return handler(given, context)


def new_run(workflow: str, prompt: str, *, given: str | None = None) -> Run:
    """Ask for a run, now and under an id of its own."""
    now = now_utc()
    return Run(
        session_id=str(uuid.uuid4()),
        workflow=workflow,
        prompt=prompt,
        input=given,
        source="bench",
        status=Status.QUEUED,
        wake_at=now,
        deadline_at=now + timedelta(hours=1),
        created_at=now,
        updated_at=now,
    )


def now_utc() -> datetime:
    """Read the clock."""
    return datetime.now(UTC)
