"""What a run was told, on its way into the conversations of its agents.

Each message goes to one agent: to the one it names, else to whichever comes to an edge first. It is
marked as delivered in the write that saves it as words of a conversation, under the lease. So a
worker that dies neither loses it nor says it twice; within a worker its agents share this.
"""

import threading
from collections.abc import Callable, Iterable, Sequence

from runs.told import Tell

#: How many go into one message at once: one write holds each of them, and an event of it.
_MOST = 40


class Inbox:
    """The messages for one run's agents that none of them has; safe to share by threads."""

    def __init__(self, read: Callable[[int], Sequence[Tell]]) -> None:
        #: Reads what came after the message of a number.
        self._read = read
        self._last = 0
        self._waiting: dict[int, Tell] = {}
        self._lock = threading.Lock()

    def take(self, agent: str) -> tuple[Tell, ...]:
        """Take what an agent is to be told now, in the order in which it was said.

        Nobody else is given it, unless it is put back.

        Raises:
            JournalUnavailableError: The journal did not answer; the attempt was told to stop.
        """
        with self._lock:
            for tell in self._read(self._last):
                self._last = tell.number
                if tell.is_waiting:
                    self._waiting[tell.number] = tell
            mine = [self._waiting[n] for n in sorted(self._waiting) if self._is_for(n, agent)]
            for tell in mine[:_MOST]:
                del self._waiting[tell.number]
        return tuple(mine[:_MOST])

    def put_back(self, tells: Iterable[Tell]) -> None:
        """Leave what an agent was not told to whoever asks next."""
        with self._lock:
            self._waiting |= {tell.number: tell for tell in tells}

    def _is_for(self, number: int, agent: str) -> bool:
        return self._waiting[number].is_for(agent)
