"""Runs, attempts and crashes for tests of agents: a real journal in memory, a clock that is set."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from strands import Agent
from strands.models import Model
from strands.types.content import Message
from strands.types.streaming import StreamEvent

from agent.attempt import Attempt
from agent.converse import converse
from agent.models.conversation import Playbook
from agent.models.loaded import LoadedModel
from agent.models.select import ModelChoice, load_model
from agent.place import Build, Finished, Paused, Task
from agent.questions import Answered
from runs.artifacts.folder import FolderStore
from runs.events import EventType
from runs.journal.base import Changes, Journal, ToolStatus
from runs.journal.sqlite import SqliteJournal
from runs.json_types import Json
from runs.run import Lease, Run, Status

SESSION_ID = "00000000-0000-4000-8000-000000000001"
LEASE_SECONDS = 60.0
OFFLINE = ModelChoice.parse("offline")


class KilledError(BaseException):
    """The worker is dead from here on, as far as the journal can tell."""


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class DyingJournal:
    """A journal whose worker dies right before, or right after, one of its writes."""

    def __init__(self, journal: Journal, *, write: int, is_after: bool) -> None:
        self._journal = journal
        self._left = write
        self._is_after = is_after
        self._lock = threading.Lock()
        self.is_dead = False

    def commit(self, lease: Lease, changes: Changes, *, now: datetime) -> None:
        with self._lock:
            if self.is_dead:
                raise KilledError
            self._left -= 1
            self.is_dead = self._left < 0
            if not self.is_dead or self._is_after:
                self._journal.commit(lease, changes, now=now)
            if self.is_dead:
                raise KilledError

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - everything else is the journal's
        return getattr(self._journal, name)


def in_memory(artifacts: FolderStore) -> Journal:
    """Make the journal of a bench."""
    return SqliteJournal(":memory:", artifacts=artifacts)


@dataclass
class Bench:
    """One run in a journal, and attempts at it."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    #: Before each further call of a model that failed.
    pauses: tuple[float, ...] = (0.0, 0.0)
    open_journal: Callable[[FolderStore], Journal] = in_memory

    def __post_init__(self) -> None:
        self.artifacts = FolderStore(self.folder)
        self.journal = self.open_journal(self.artifacts)
        self.journal.accept(self._run())

    def attempt(self, journal: Callable[[Journal], Any] = lambda journal: journal) -> Attempt:
        """Claim the run, after the time any earlier lease had."""
        self.clock.advance(LEASE_SECONDS + 1)
        now = self.clock()
        token = now.isoformat()
        claim = self.journal.claim(
            SESSION_ID, owner="test", token=token, now=now, lease_seconds=LEASE_SECONDS
        )
        return Attempt(
            journal=journal(self.journal),
            artifacts=self.artifacts,
            run=claim.run,
            lease=claim.lease,
            clock=self.clock,
        )

    def converse(self, task: Task, playbook: Playbook, attempt: Attempt | None = None) -> Json:
        """Bring a task to its end offline, in a new attempt unless one is given."""
        turn = self.turn(task, playbook, attempt)
        assert isinstance(turn, Finished)
        return turn.answer

    def turn(
        self,
        task: Task,
        playbook: Playbook,
        attempt: Attempt | None = None,
        answers: Iterable[Answered] = (),
    ) -> Finished | Paused:
        """Bring a task to its end or to its next questions; see `converse`."""
        loaded = load_model(OFFLINE, agent=task.name, playbook=playbook)
        patient = replace(loaded, pauses=self.pauses)
        return converse(attempt or self.attempt(), patient, task, answers)

    def converse_with(self, task: Task, model: Model, attempt: Attempt | None = None) -> Json:
        """Bring a task to its end with a model of the test's own."""
        loaded = LoadedModel(model=model, rates=None)
        turn = converse(attempt or self.attempt(), loaded, task)
        assert isinstance(turn, Finished)
        return turn.answer

    def events(self, *kinds: EventType) -> list[str | None]:
        """Name what happened, of some kinds."""
        recorded = [entry.event for entry in self.journal.events(SESSION_ID)]
        return [event.name for event in recorded if event.type in kinds]

    def details(self, kind: EventType) -> list[dict[str, Json]]:
        recorded = [entry.event for entry in self.journal.events(SESSION_ID)]
        return [dict(event.details) for event in recorded if event.type is kind]

    def messages(self, agent: str) -> list[Message]:
        """Read a conversation, without what Strands keeps on the side."""
        bodies: list[Any] = [saved.body for saved in self.journal.messages(SESSION_ID, agent)]
        return [
            {"role": body["message"]["role"], "content": body["message"]["content"]}
            for body in bodies
        ]

    def head(self) -> Run:
        run = self.journal.get(SESSION_ID)
        assert run is not None
        return run

    def steal(self) -> None:
        """Let another worker claim the run, as after an expired lease."""
        self.attempt()

    def _run(self) -> Run:
        now = self.clock()
        return Run(
            session_id=SESSION_ID,
            workflow="test",
            prompt="test",
            source="test",
            status=Status.QUEUED,
            wake_at=now,
            deadline_at=now + timedelta(days=7),
            created_at=now,
            updated_at=now,
        )


class Hanging(Model):
    """A model that says one thing and then nothing; or streams without an end."""

    def __init__(self, *, pause_seconds: float, chunks: int) -> None:
        self._pause_seconds = pause_seconds
        self._chunks = chunks
        self.is_streaming = threading.Event()

    def update_config(self, **model_config: object) -> None:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        return {"model_id": "hanging"}

    def structured_output(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - never called
        raise NotImplementedError

    async def stream(
        self,
        *_: Any,  # noqa: ANN401 - the port's arguments
        cancel_signal: threading.Event | None = None,
        **__: Any,  # noqa: ANN401 - the port's arguments
    ) -> AsyncGenerator[StreamEvent, None]:
        yield {"messageStart": {"role": "assistant"}}
        yield {"contentBlockStart": {"start": {}}}
        for _chunk in range(self._chunks):
            yield {"contentBlockDelta": {"delta": {"text": "more and "}}}
            self.is_streaming.set()
            await asyncio.sleep(self._pause_seconds)
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn"}}


def task_for(name: str, build: Build, **more: Any) -> Task:  # noqa: ANN401 - the task's fields
    """Make a task that asks for text."""
    settings = {"prompt": "go", "output": None, "max_turns": 50} | more
    return Task(name=name, build=build, **settings)


def built_with(*tools: object) -> Build:
    """Build agents with some tools."""

    def build(**parts: Any) -> Agent:  # noqa: ANN401 - passed on as they are
        return Agent(tools=list(tools), **parts)

    return build


def assert_valid(messages: list[Message]) -> None:
    """Check what every provider demands: roles alternate, each tool call is answered once."""
    roles = [message["role"] for message in messages]
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"] * (len(roles) % 2)
    asked: list[str] = []
    for message in messages:
        answers = [b["toolResult"]["toolUseId"] for b in message["content"] if "toolResult" in b]
        assert answers == asked
        asked = [b["toolUse"]["toolUseId"] for b in message["content"] if "toolUse" in b]


def in_doubt(journal: Journal, messages: list[Message]) -> int:
    """Count the tool calls of a conversation that were begun and never closed."""
    blocks = [block for message in messages for block in message["content"]]
    ids = [block["toolUse"]["toolUseId"] for block in blocks if "toolUse" in block]
    entries = [journal.tool(SESSION_ID, tool_use_id) for tool_use_id in ids]
    return sum(entry is not None and entry.status is ToolStatus.STARTED for entry in entries)
