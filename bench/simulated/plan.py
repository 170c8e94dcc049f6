"""What happens in a simulated run: what its attempts do, and when somebody decides."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from agent.attempt import Attempt
from agent.outcomes import Outcome, completed

#: Does the work of an attempt that completes, in no time.
Work = Callable[[Attempt], Outcome]


def nothing(_attempt: Attempt) -> Outcome:
    """Complete without having done anything."""
    return completed({"ok": True})


class End(StrEnum):
    """How an attempt ends."""

    #: It settles the run.
    COMPLETES = "completes"
    #: It asks a person, and parks the run until they have decided.
    ASKS = "asks"
    #: Its machine is gone, without a word.
    DIES = "dies"


@dataclass(frozen=True, slots=True)
class Stretch:
    """One attempt: how many seconds it works, and how it ends."""

    seconds: float
    end: End = End.COMPLETES


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A whole run."""

    #: One for each attempt.
    stretches: tuple[Stretch, ...]
    #: After how long a person decides what was asked.
    decides_after: float = 0.0
    #: Whether signals reach the state machine.
    are_signals_lost: bool = False
    #: What there is to do in the stretch that completes.
    work: Work = nothing

    def stretch(self, attempt: int) -> Stretch:
        """Give what an attempt does, counted from 1.

        Raises:
            ValueError: Nothing is planned for it.
        """
        if attempt > len(self.stretches):
            msg = f"attempt {attempt} begins, expected at most the {len(self.stretches)} planned"
            raise ValueError(msg)
        return self.stretches[attempt - 1]

    @classmethod
    def of(cls, seconds: float, *, work: Work = nothing) -> "Plan":
        """Plan a run that works and completes."""
        return cls(stretches=(Stretch(seconds),), work=work)
