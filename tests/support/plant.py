"""Workflows with agents, under the real runner, the durable SDK and a journal on disk."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution

from agent.jobs import Jobs
from agent.registry import Handler, Registry
from agent.runner import Limits, Runner
from agent.settling import Settler
from runs.approvals import Verdict
from runs.artifacts.folder import FolderStore
from runs.asked import Approval, Person
from runs.deciding import Ballot
from runs.events import EventType
from runs.journal.base import Journal
from runs.journal.sqlite import SqliteJournal
from runs.json_types import Json
from runs.run import Run, Status
from runs.signals import NoSignal
from tests.support.agents import OFFLINE, SESSION_ID, Clock

#: A workflow's function, before the SDK wraps it.
Workflow = Callable[[Any, DurableContext], Any]


@dataclass
class Plant:
    """One workflow's runner, journal and clock; each `run` is another process, as it were."""

    folder: Path

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.artifacts = FolderStore(self.folder / "artifacts")
        self.journal = SqliteJournal(self.folder / "journal.db", artifacts=self.artifacts)
        self.jobs = Jobs(self.clock)

    def run(
        self,
        workflow: Workflow,
        journal: Callable[[Journal], Any] = lambda journal: journal,
        **request: Any,  # noqa: ANN401 - the run's fields
    ) -> Run:
        """Make an attempt at the run, accepted the first time."""
        handler: Handler = durable_execution(workflow)
        seen = journal(self.journal)
        runner = Runner(
            journal=seen,
            artifacts=self.artifacts,
            registry=Registry({"test": handler}),
            settler=Settler(journal=seen, signal=NoSignal()),
            limits=Limits(lease_seconds=60, park_after=timedelta(0)),
            model=OFFLINE,
            clock=self.clock,
        )
        self.clock.advance(600)
        job = self.jobs.begin(SESSION_ID)
        assert job is not None
        runner.run(job, accept=replace(self._request(), **request))
        return self.head()

    def head(self) -> Run:
        run = self.journal.get(SESSION_ID)
        assert run is not None
        return run

    def count(self, kind: EventType) -> int:
        recorded = self.journal.events(SESSION_ID)
        return sum(entry.event.type is kind for entry in recorded)

    def steps(self) -> dict[str | None, Json]:
        """Give how each of the run's operations stands, by name."""
        return {each.name: each.status.value for each in self.journal.operations(SESSION_ID)}

    def open_approvals(self) -> list[Approval]:
        return [each for each in self.journal.approvals(SESSION_ID) if not each.votes]

    def decide(
        self,
        approval: Approval,
        verdict: Verdict = Verdict.APPROVED,
        *,
        by: str = "ada",
        comment: str = "",
        content: str | None = None,
    ) -> None:
        """Decide an approval, as a person does."""
        ballot = Ballot(
            verdict=verdict,
            person=Person(name=by),
            hash=approval.hash,
            comment=comment,
            content=content,
        )
        self.journal.decide_approval(approval.callback_id, ballot, now=self.clock())

    def _request(self) -> Run:
        now = self.clock()
        return Run(
            session_id=SESSION_ID,
            workflow="test",
            prompt="go",
            source="test",
            status=Status.QUEUED,
            wake_at=now,
            deadline_at=now + timedelta(days=40),
            created_at=now,
            updated_at=now,
        )
