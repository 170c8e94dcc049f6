"""Steering the runs of one place: telling their agents, pausing them, letting them go on."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Protocol

from cli.errors import CliError, UnsteeredError
from runs.errors import SteeringRefusedError
from runs.journal.base import Journal
from runs.json_types import Json
from runs.run import Pause
from runs.told import Tell


class Helm(Protocol):
    """Steers the runs of one place.

    Every method raises `UnsteeredError` if the run is over, and `UnreachableError` when the place
    does not answer.
    """

    def tell(self, session_id: str, message: Tell) -> Tell:
        """Leave a message for an agent of a run; see `Journal.tell`."""
        ...

    def pause(self, session_id: str, *, by: str, origin: str, reason: str) -> None:
        """Have a run wait until it is resumed; see `Journal.pause`."""
        ...

    def resume(self, session_id: str, *, by: str, origin: str) -> None:
        """Let a paused run go on; see `Journal.resume`."""
        ...


class JournalHelm:
    """See `Helm`. All by the journal: workers find a wish there at their next heartbeat."""

    def __init__(
        self,
        journal: Journal,
        *,
        clock: Callable[[], datetime],
        translated: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._translated = translated

    def tell(self, session_id: str, message: Tell) -> Tell:
        """See `Helm.tell`."""
        with self._told():
            return self._journal.tell(session_id, message, now=self._clock())

    def pause(self, session_id: str, *, by: str, origin: str, reason: str) -> None:
        """See `Helm.pause`."""
        now = self._clock()
        with self._told():
            wish = Pause(by=by, origin=origin, reason=reason, at=now)
            self._journal.pause(session_id, wish, now=now)

    def resume(self, session_id: str, *, by: str, origin: str) -> None:
        """See `Helm.resume`."""
        with self._told():
            self._journal.resume(session_id, now=self._clock(), by=by, origin=origin)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            with self._translated():
                yield
        except SteeringRefusedError as error:
            raise UnsteeredError(str(error)) from error


#: Has the invoker do something, and gives its answer.
Ask = Callable[[Mapping[str, Json]], Mapping[str, Json]]


class StackHelm(JournalHelm):
    """See `Helm`. The invoker pauses and resumes: it tells the worker and the state machine."""

    def __init__(
        self,
        journal: Journal,
        *,
        ask: Ask,
        clock: Callable[[], datetime],
        translated: Callable[[], AbstractContextManager[None]],
    ) -> None:
        super().__init__(journal, clock=clock, translated=translated)
        self._ask = ask

    def pause(self, session_id: str, *, by: str, origin: str, reason: str) -> None:
        """See `Helm.pause`."""
        asked = {"action": "pause", "by": by, "from": origin, "reason": reason}
        self._have_done(session_id, asked, outcomes={"PAUSED", "PAUSING"})

    def resume(self, session_id: str, *, by: str, origin: str) -> None:
        """See `Helm.resume`."""
        asked = {"action": "resume", "by": by, "from": origin}
        self._have_done(session_id, asked, outcomes={"RESUMED"})

    def _have_done(self, session_id: str, asked: Mapping[str, Json], *, outcomes: set[str]) -> None:
        said = self._ask({**asked, "session_id": session_id})
        if said["outcome"] in outcomes:
            return
        if said["outcome"] == "REJECTED":
            raise UnsteeredError(str(said.get("message")))
        msg = f"{session_id}: {asked['action']} came to {said['outcome']}, {said.get('message')}"
        raise CliError(msg)
