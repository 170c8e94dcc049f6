"""The journal, the DynamoDB client and the models of a worker, with a trap in their way."""

import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from agent.models.loaded import LoadedModel
from crash.trap import Trap
from crash.writes import Write, describe

#: The port's methods that change nothing, and the one that comes when it comes: a renewal repeats.
NO_WRITES = frozenset(
    {
        "agent",
        "approval",
        "approvals",
        "artifacts",
        "bookmark",
        "census",
        "events",
        "get",
        "history",
        "list_approvals",
        "list_runs",
        "messages",
        "notices",
        "open_children",
        "operation",
        "operations",
        "renew",
        "tells",
        "tool",
    }
)
#: The calls of the DynamoDB API that change items.
_API_WRITES = frozenset(
    {"batch_write_item", "delete_item", "put_item", "transact_write_items", "update_item"}
)


class WatchedJournal:
    """A journal each write of which is one of the trap's, or is announced to it."""

    def __init__(
        self, journal: object, trap: Trap, *, announced: "Announced | None" = None
    ) -> None:
        self._journal = journal
        self._trap = trap
        self._announced = announced

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the journal's own methods
        method = getattr(self._journal, name)
        return method if name in NO_WRITES else self._watched(name, method)

    def _watched(self, name: str, method: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            write = describe(name, (*args, *kwargs.values()))
            self._trap.come_to(write)
            if self._announced is None:
                return self._trap.write(write, lambda: method(*args, **kwargs))
            self._announced.write = write
            try:
                return method(*args, **kwargs)
            finally:
                self._announced.write = None

        return call


class Announced(threading.local):
    """The write of the port that this thread is in."""

    write: Write | None = None


class WatchedClient:
    """A DynamoDB client each writing call of which is one of the trap's."""

    def __init__(self, client: object, trap: Trap, *, announced: Announced) -> None:
        self._client = client
        self._trap = trap
        self._announced = announced

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the client's own methods
        method = getattr(self._client, name)
        return self._watched(name, method) if name in _API_WRITES else method

    def _watched(self, name: str, method: Callable[..., object]) -> Callable[..., object]:
        def call(**request: object) -> object:
            write = self._announced.write
            # None: a renewal.
            if write is None:
                return method(**request)
            named = replace(write, what=f"{name} of {write.what}")
            return self._trap.write(named, lambda: method(**request))

        return call


def tapped(trap: Trap) -> Callable[[LoadedModel, str], LoadedModel]:
    """Give the tap of a `ModelChoice` that leads every call past a trap."""

    def tap(loaded: LoadedModel, agent: str) -> LoadedModel:
        stream = loaded.model.stream

        async def watched(messages: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:  # noqa: ANN401 - passed on as they are
            at, parts, is_bad = len(messages), 0, True
            number = trap.ask(agent, at)
            try:
                async with aclosing(stream(messages, *args, **kwargs)) as events:  # type: ignore[type-var] # providers write it as a generator
                    async for event in events:
                        parts += 1
                        trap.hear(number, agent, parts=parts)
                        yield event
                is_bad = False
            finally:
                trap.end_call(number, agent, at, parts=parts, is_bad=is_bad)

        # On the object, not in a class of ours: Strands looks at what kind of model it is.
        loaded.model.stream = watched  # type: ignore[method-assign] # see above
        return loaded

    return tap
