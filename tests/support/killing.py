"""A worker that is killed at a chosen write of its journal: `python -m tests.support.killing`.

    killing WORKFLOW FOLDER INPUT            run undisturbed, and tell how many writes it took
    killing WORKFLOW FOLDER INPUT 7-before   die by SIGKILL before (or after) the 7th, then resume

One process forks a worker for each life, so that what takes long, importing, is done once. The
second worker's clock is later by more than the lease: waiting for it to expire would prove no more.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from agent.registry import Registry
from runs.journal.base import Journal
from tests.support.cost import Plant

PROMPTS = {
    "cost-analysis": "What did we spend, and where can we save?",
    "research-report": "How is a lighthouse lit, and who keeps it?",
}
#: The port's methods that an attempt writes by. Renewals come when they come, and only repeat.
WRITES = frozenset({"accept", "claim", "commit", "settle", "park"})


@dataclass
class KillingJournal:
    """A journal whose worker dies at one of its writes."""

    journal: Journal
    #: Counted from 1; 0 is never.
    write: int = 0
    is_after: bool = False
    writes: int = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the journal's own methods
        method = getattr(self.journal, name)
        return self._counted(method) if name in WRITES else method

    def _counted(self, method: Callable[..., object]) -> Callable[..., object]:
        def write(*args: object, **kwargs: object) -> object:
            self.writes += 1
            is_it = self.writes == self.write
            if is_it and not self.is_after:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = method(*args, **kwargs)
            if is_it:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return write


class LaterClock:
    """The real time, moved on: a lease given before has expired."""

    def __init__(self, later: timedelta) -> None:
        self.later = later
        #: What `Plant` moves; this clock goes by itself.
        self.at = datetime.now(UTC)

    def __call__(self) -> datetime:
        """Tell the time."""
        return datetime.now(UTC) + self.later


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """The run whose workers are killed."""

    workflow: str
    input: str

    def plant(self, folder: Path, *, later: int) -> Plant:
        """Give the place where it runs, at so many minutes from now."""
        clock = cast("Any", LaterClock(timedelta(minutes=later)))
        prompt = PROMPTS[self.workflow]
        return Plant(folder, clock=clock, workflow=self.workflow, prompt=prompt)


def live(
    folder: Path, victim: Victim, *, write: int = 0, is_after: bool = False, later: int = 0
) -> int:
    """Fork a worker that makes one attempt, and give the signal that ended it, 0 for none."""
    child = os.fork()
    if child == 0:
        try:
            plant = victim.plant(folder, later=later)
            journal = KillingJournal(plant.journal, write=write, is_after=is_after)
            plant.attempt(victim.input, journal=cast("Journal", journal))
            (folder / "writes.json").write_text(json.dumps(journal.writes))
        except BaseException:  # noqa: BLE001 - the parent must see it, whatever it is
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def main(arguments: list[str]) -> None:
    """Do as the command line says, one life after the other."""
    workflow, folder = arguments[0], Path(arguments[1])
    victim = Victim(workflow=workflow, input=arguments[2])
    Registry.load()
    for point in arguments[3:] or ["0-before"]:
        write, _, when = point.partition("-")
        place = folder / point
        place.mkdir(parents=True)
        died_of = live(place, victim, write=int(write), is_after=when == "after")
        if int(write):
            live(place, victim, later=5)
        print(json.dumps({"point": point, "died_of": died_of}), flush=True)  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    main(sys.argv[1:])
