"""A sweep with everything around it, on a journal of a test's own."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from runs.executions import ExecutionState
from runs.ids import new_session_id
from runs.instants import to_iso
from runs.journal.base import Journal
from runs.lifecycle import Ending
from runs.run import Run, Status
from runs.sweeper import Found, Sweeper
from tests.support.journals import NOW, accept, claim, later

PATIENCE = timedelta(minutes=5)
PREFIX = "arn:aws:states:us-east-1:000000000000:execution:errand"


class KilledError(BaseException):
    """The process is gone."""


@dataclass
class Deaths:
    """Kills the process before or after one of its effects, counted from 1."""

    at: int = 0
    is_after: bool = False
    seen: int = 0

    def around(self, effect: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the effect gives
        self.seen += 1
        if self.seen == self.at and not self.is_after:
            raise KilledError
        result = effect()
        if self.seen == self.at:
            raise KilledError
        return result


@dataclass
class KnownExecutions:
    """Executions as a test says; those started run from then on."""

    states: dict[str, ExecutionState] = field(default_factory=dict)
    started: list[tuple[str, str]] = field(default_factory=list)
    deaths: Deaths = field(default_factory=Deaths)
    error: Exception | None = None

    def running(self) -> frozenset[str]:
        if self.error:
            raise self.error
        running = ExecutionState.RUNNING
        return frozenset(arn for arn, state in self.states.items() if state is running)

    def state(self, arn: str) -> ExecutionState:
        return self.states.get(arn, ExecutionState.ABSENT)

    def named(self, name: str) -> str:
        return f"{PREFIX}:{name}"

    def watch(self, arn: str, session_id: str) -> None:
        def start() -> None:
            if arn not in self.states:
                self.states[arn] = ExecutionState.RUNNING
                self.started.append((arn, session_id))

        self.deaths.around(start)


@dataclass
class KnownSessions:
    """Sessions that are stopped as the invoker stops them."""

    journal: Journal
    clock: Callable[[], datetime]
    stopped: list[str] = field(default_factory=list)
    deaths: Deaths = field(default_factory=Deaths)

    def stop(self, session_id: str) -> bool:
        now = self.clock()
        run = self.journal.begin_stop(session_id, now=now, until=now + timedelta(minutes=1))
        if run is None:
            return False
        self.deaths.around(lambda: self.stopped.append(session_id))
        self.journal.end_stop(session_id, hand_overs=run.hand_overs, is_stopped=True, now=now)
        return True


@dataclass
class KnownSignals:
    """Signals that were sent."""

    tokens: list[str] = field(default_factory=list)
    deaths: Deaths = field(default_factory=Deaths)

    def send(self, wake_token: str) -> None:
        self.deaths.around(lambda: self.tokens.append(wake_token))


class DyingJournal:
    """A journal whose writes are a process's effects, too."""

    _WRITES = frozenset({"expire", "note_repair", "keep_bookmark", "begin_stop", "end_stop"})

    def __init__(self, journal: Journal, deaths: Deaths) -> None:
        self._journal = journal
        self._deaths = deaths

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the journal's own methods
        method = getattr(self._journal, name)
        if name not in self._WRITES:
            return method
        return lambda *given, **named: self._deaths.around(lambda: method(*given, **named))


class Yard:
    """A sweeper and what it sweeps; the clock stands still until it is moved."""

    def __init__(self, journal: Journal) -> None:
        self.now = NOW
        self.deaths = Deaths()
        self.journal = journal
        self.executions = KnownExecutions(deaths=self.deaths)
        self.signals = KnownSignals(deaths=self.deaths)
        mortal: Any = DyingJournal(journal, self.deaths)
        self.sessions = KnownSessions(mortal, clock=lambda: self.now, deaths=self.deaths)
        self.sweeper = Sweeper(
            journal=mortal,
            signal=self.signals,
            clock=lambda: self.now,
            patience=PATIENCE,
            executions=self.executions,
            stopper=self.sessions,
        )

    def later(self, **duration: float) -> None:
        """Let time pass."""
        self.now += timedelta(**duration)

    def run(self, session_id: str) -> Run:
        """Read a run that must be there."""
        run = self.journal.get(session_id)
        assert run is not None
        return run

    def found(self) -> list[Found]:
        """Look at everything, and mend nothing."""
        return list(self.sweeper.sweep(is_dry=True).found)

    def watched(self, name: str = "first", **changes: Any) -> Run:  # noqa: ANN401 - any field of a run
        """Accept a run that an execution of this name watches."""
        arn = self.executions.named(name)
        self.executions.states[arn] = ExecutionState.RUNNING
        return accept(self.journal, **{"execution": arn, "hand_overs": 1, **changes})

    def unwatched(self, **changes: Any) -> Run:  # noqa: ANN401 - as above
        """Accept a run whose execution somebody has stopped."""
        name = new_session_id()
        run = self.watched(name, **changes)
        self.executions.states[self.executions.named(name)] = ExecutionState.ENDED
        return run

    def parked(self, run: Run, *, wake_at: datetime | None = None) -> Run:
        """Park a run after an attempt."""
        lease = claim(self.journal, run.session_id).lease
        return self.journal.park(lease, wake_at=wake_at, waiting_for="a test", now=NOW)

    def ended(self, run: Run, status: Status = Status.COMPLETED) -> Run:
        """End a run after an attempt."""
        lease = claim(self.journal, run.session_id).lease
        return self.journal.settle(lease, Ending(status=status), now=NOW)


def in_iso(seconds: float) -> str:
    """Write an instant some time after `NOW`."""
    return to_iso(later(seconds))
