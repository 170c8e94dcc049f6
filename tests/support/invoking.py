"""An invoker on an in-memory journal, with an agent that answers as a test says."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

from invoker.actions import Invoker
from invoker.answers import Answer
from invoker.routing import answer
from runs.artifacts.base import ArtifactStore
from runs.journal.sqlite import SqliteJournal
from runs.json_types import Json
from runs.notifying import Notifier
from runs.run import Run
from tests.support.post import ScriptedPost
from tests.support.telemetry import KeptMeter

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SESSION = "0b5d3a52-6a3f-4a7e-9d0f-1f6f1f2f3f4f"
EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:run:first"
WORKFLOWS = frozenset({"cost-analysis", "research-report"})
REDISPATCH = timedelta(seconds=20)
PLENTY_SECONDS = 60.0


@dataclass
class ScriptedAgent:
    """Answers each call with the next of `answers`, and the last one from then on."""

    answers: list[str | Exception] = field(default_factory=lambda: ["STARTED"])
    calls: list[tuple[str, str]] = field(default_factory=list)
    #: What happens while a session is being stopped.
    during_stop: Callable[[], None] = lambda: None

    def send(self, session_id: str, action: str) -> str:
        return self._next(session_id, action)

    def stop(self, session_id: str) -> None:
        self.during_stop()
        self._next(session_id, "stop")

    def _next(self, session_id: str, action: str) -> str:
        self.calls.append((session_id, action))
        given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(given, Exception):
            raise given
        return given


@dataclass
class RecordingSignal:
    """Keeps the tokens it was sent to."""

    tokens: list[str] = field(default_factory=list)

    def send(self, wake_token: str) -> None:
        self.tokens.append(wake_token)


class Desk:
    """An invoker with everything around it, and a clock that stands still until it is moved."""

    def __init__(self, artifacts: ArtifactStore) -> None:
        self.now = NOW
        self.journal = SqliteJournal(":memory:", artifacts=artifacts)
        self.agent = ScriptedAgent()
        self.signal = RecordingSignal()
        self.post = ScriptedPost()
        self.seconds_left = PLENTY_SECONDS
        self.meter = KeptMeter()
        self.invoker = Invoker(
            journal=self.journal,
            agent=self.agent,
            signal=self.signal,
            notifier=Notifier(journal=self.journal, post=self.post, clock=lambda: self.now),
            workflows=WORKFLOWS,
            redispatch=REDISPATCH,
            clock=lambda: self.now,
            meter=self.meter,
        )

    def ask(self, **event: Json) -> Answer:
        """Invoke the function with an event."""
        return answer(self.invoker, event, seconds_left=lambda: self.seconds_left)

    def accept(self, execution: str = EXECUTION, **detail: Json) -> Answer:
        """Accept a run as the state machine does."""
        request = cast("dict[str, Json]", {"prompt": "look at the bill"} | detail)
        return self.ask(action="accept", session_id=SESSION, execution=execution, detail=request)

    def later(self, **duration: float) -> None:
        """Let time pass."""
        self.now += timedelta(**duration)

    def run(self, session_id: str = SESSION) -> Run:
        """Read a run that must be there."""
        run = self.journal.get(session_id)
        assert run is not None
        return run

    def claim(self, token: str = "token", lease_seconds: float = 60) -> None:  # noqa: S107 - a lease's
        """Let a worker take the run."""
        self.journal.claim(
            SESSION, owner="a worker", token=token, now=self.now, lease_seconds=lease_seconds
        )


def open_desk(artifacts: ArtifactStore) -> Iterator[Desk]:
    """Give a desk and close its journal afterwards."""
    desk = Desk(artifacts)
    yield desk
    desk.journal.close()
