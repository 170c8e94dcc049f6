"""Time that passes when nobody has anything to do: processes take turns by the instants they name.

A process is a generator; what it yields is for how many seconds it sleeps.
"""

import heapq
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

#: What simulations begin with: any instant does, and the same one makes them repeatable.
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)

Process = Iterator[float]


class Sleeper:
    """A process that sleeps, and may be woken."""

    def __init__(self, time: "SimulatedTime", process: Process) -> None:
        self._time = time
        self._process = process
        self._sleeps = 0

    def wake(self) -> None:
        """Have it go on now, instead of when it wanted to; one that is over stays so."""
        self.sleep(0)

    def sleep(self, seconds: float) -> None:
        """Have it go on after some seconds, whatever was agreed before."""
        self._sleeps += 1
        self._time.at(seconds, self, turn=self._sleeps)

    def go_on(self, turn: int) -> None:
        """Let it do what it does until it sleeps again; not if it was woken before."""
        if turn != self._sleeps:
            return
        for seconds in self._process:
            self.sleep(seconds)
            return


class SimulatedTime:
    """A clock, and all that is going to happen."""

    def __init__(self) -> None:
        self._now = BEGINNING
        self._agenda: list[tuple[datetime, int, Sleeper, int]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        """Read the clock."""
        return self._now

    def begin(self, process: Process, *, after: float = 0) -> Sleeper:
        """Start a process."""
        sleeper = Sleeper(self, process)
        sleeper.sleep(after)
        return sleeper

    def at(self, seconds: float, sleeper: Sleeper, *, turn: int) -> None:
        """Note when a process goes on: after some seconds, and after what was noted before."""
        due_at = self._now + timedelta(seconds=max(0.0, seconds))
        heapq.heappush(self._agenda, (due_at, next(self._order), sleeper, turn))

    def run(self) -> None:
        """Let everything happen."""
        while self._agenda:
            self._now, _, sleeper, turn = heapq.heappop(self._agenda)
            sleeper.go_on(turn)
