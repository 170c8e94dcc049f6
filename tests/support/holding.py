"""Points at which the threads of one worker are held until its process is stopped and goes on.

To hold a thread right where it is and then to stop its process is to pause it there. A worker that
is told of no folder to look into holds nothing.
"""

import os
import signal
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

from agent.models.loaded import LoadedModel
from runs.artifacts.base import ArtifactStore
from runs.journal.base import Changes, Journal
from runs.run import Lease, Run

FOLDER = "TEST_HOLDING"
#: Files in it: asks the worker to stop itself, and lets all go on that are held.
STOP, GO = "stop", "go"
_LOOK_SECONDS = 0.01

#: Whoever writes to the journal's file has it. A process that is stopped in the middle of a write
#: keeps the file from everybody, as SQLite's locks are; here it is to lose its leases.
_writing = threading.RLock()


def hold(session_id: str, point: str) -> None:
    """Hold this thread, once and until told to go, if it is to be held there."""
    folder = os.environ.get(FOLDER)
    if folder is None:
        return
    order = Path(folder) / session_id
    if not order.exists() or order.read_text(encoding="utf-8") != point:
        return
    order.rename(order.with_suffix(".held"))
    while not (Path(folder) / GO).exists():
        time.sleep(_LOOK_SECONDS)


def stop_when_asked(folder: Path) -> None:
    """Stop this process whenever it is asked to, while it writes nothing."""
    while True:
        if (folder / STOP).exists():
            with _writing:
                (folder / STOP).unlink()
                os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(_LOOK_SECONDS)


class HoldingJournal:
    """A journal before each write of which a thread may be held."""

    _WRITES = frozenset({"accept", "claim", "commit", "park", "release", "renew", "settle"})

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the journal's own methods
        method = getattr(self._journal, name)
        is_write = name in self._WRITES or name == "time_out_callback"
        return self._held(name, method) if is_write else method

    def _held(self, name: str, method: Callable[..., object]) -> Callable[..., object]:
        def call(first: Lease | Run | str, *args: object, **kwargs: object) -> object:
            hold(*_place(name, first, args))
            with _writing:
                return method(first, *args, **kwargs)

        return call


class HoldingStore:
    """An artifact store before each file of which a thread may be held."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store
        self.get, self.uri = store.get, store.uri

    def put(self, key: str, data: bytes, *, media_type: str) -> str:
        """See `ArtifactStore.put`."""
        kind, session_id, *_ = [*key.split("/"), ""]
        if kind == "runs":
            hold(session_id, "put")
        return self._store.put(key, data, media_type=media_type)


def held_model(loaded: LoadedModel, agent: str) -> LoadedModel:
    """Hold an agent, which has its run's name, in the middle of an answer of its model."""
    stream = loaded.model.stream

    async def held(messages: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:  # noqa: ANN401 - passed on as they are
        async with aclosing(stream(messages, *args, **kwargs)) as events:  # type: ignore[type-var] # providers write it as a generator
            async for event in events:
                yield event
                hold(agent, "model")

    loaded.model.stream = held  # type: ignore[method-assign] # Strands looks at the model's class
    return loaded


def _place(name: str, first: Lease | Run | str, args: tuple[object, ...]) -> tuple[str, str]:
    """Give the run a write is made for, and its name; of a commit also what it tells last."""
    match first, args:
        case Run(parent_session_id=str(parent)), _:
            return parent, f"{name} a child"
        case _, (Changes(events=(*_, event)), *_):
            return _session_of(first), f"{name} {event.type}"
        case _:
            return _session_of(first), name


def _session_of(first: Lease | Run | str) -> str:
    return first if isinstance(first, str) else first.session_id
