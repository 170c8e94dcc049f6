"""Having somebody hand a run to workers until it ends, for runs that no event started."""

from typing import Protocol

from runs.errors import UnwatchedRunError


class Watcher(Protocol):
    """Sees that a run in the journal comes to its end."""

    def watch(self, session_id: str, *, retry: int = 0) -> None:
        """Begin to watch a run; once is enough, and more often does no harm.

        Args:
            session_id: The run.
            retry: How often it was retried: whoever watched it before has seen it end.

        Raises:
            JournalUnavailableError: It is not known whether anybody watches; try again.
            UnwatchedRunError: Nobody will.
        """
        ...


class PolledJournal:
    """Every process with this journal polls it for runs that are due: nothing is to be begun."""

    def watch(self, session_id: str, *, retry: int = 0) -> None:
        """See `Watcher.watch`."""


class NobodyWatches:
    """There is nothing that would hand a run to workers, and nobody polls the journal."""

    def __init__(self, why: str) -> None:
        self._why = why

    def watch(self, session_id: str, *, retry: int = 0) -> None:
        """See `Watcher.watch`."""
        raise UnwatchedRunError(session_id, self._why)
