"""Waking the state machine that waits for a run.

A signal is an optimisation: the journal is the truth, and the state machine's own interval finds
what a lost signal would have told it. So it may be sent twice or never, and never fails its caller.
"""

from typing import Protocol


class Signal(Protocol):
    """Tells a waiting state machine to look at the journal now."""

    def send(self, wake_token: str) -> None:
        """End the wait that `wake_token` stands for; does nothing if it has ended. Never raises."""
        ...


class Pulse(Protocol):
    """Tells a waiting state machine that the run's worker lives."""

    def beat(self, wake_token: str) -> None:
        """Have the wait that `wake_token` stands for go on. Never raises; takes seconds at most.

        One that is lost costs a look at the journal.
        """
        ...


class NoSignal:
    """Nobody waits: runs started without a state machine."""

    def send(self, wake_token: str) -> None:
        """See `Signal.send`."""


class NoPulse:
    """Nobody waits for heartbeats."""

    def beat(self, wake_token: str) -> None:
        """See `Pulse.beat`."""
