"""Who is told of what a journal wrote, by the process that wrote it."""

from typing import Protocol

from runs.journal.base import Changes
from runs.lifecycle import Change
from runs.run import Lease, Run


class Observer(Protocol):
    """Is told once of a write, after the store has answered it.

    So at most once: not of a write whose answer was lost, or after which the process died. A write
    repeated in another process or attempt changes nothing, and nobody is told of it. Never raises,
    and takes no time worth mentioning: it is called while others wait to write to the same run.
    """

    def accepted(self, run: Run) -> None:
        """Hear of a new run."""
        ...

    def changed(self, before: Run, change: Change) -> None:
        """Hear of a change of a head, with the head as it was."""
        ...

    def committed(self, lease: Lease, changes: Changes) -> None:
        """Hear of what an attempt recorded."""
        ...

    def unanswered(self, session_id: str) -> None:
        """Hear of a write that was not answered; it may have been made."""
        ...


class NoObserver:
    """Nobody is told."""

    def accepted(self, run: Run) -> None:
        """See `Observer.accepted`."""

    def changed(self, before: Run, change: Change) -> None:
        """See `Observer.changed`."""

    def committed(self, lease: Lease, changes: Changes) -> None:
        """See `Observer.committed`."""

    def unanswered(self, session_id: str) -> None:
        """See `Observer.unanswered`."""
