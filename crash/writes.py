"""What a journal write holds, in words."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from crash.story import Deed
from runs.events import EventType
from runs.journal.base import Changes, ToolStatus
from runs.json_types import Json
from runs.lifecycle import Ending


@dataclass(frozen=True, slots=True)
class Write:
    """One write that is about to be made."""

    #: For people: `commit: StepSucceeded load, message 3 of analyst`.
    what: str
    #: The same without names and numbers: writes of one kind fail alike.
    kind: str
    #: What is true once it is made.
    facts: tuple[tuple[Deed, Mapping[str, Json]], ...] = ()
    #: It says that work began, and nothing else. Nobody waits for such a write: it is made if the
    #: work takes a while, else the start goes along with the next one.
    is_start: bool = False


def describe(method: str, arguments: Iterable[object]) -> Write:
    """Describe a call of a method of the journal's port."""
    for argument in arguments:
        if isinstance(argument, Changes):
            parts = list(_parts(argument))
            return Write(
                what=f"{method}: {', '.join(' '.join(filter(None, part)) for part in parts)}",
                kind=f"{method}: {_kinds(part[0] for part in parts)}",
                facts=tuple(_facts(argument)),
                is_start=_is_start(argument),
            )
        if isinstance(argument, Ending):
            return Write(f"{method}: {argument.status}", f"{method}: {argument.status}")
    return Write(method, method)


def _parts(changes: Changes) -> Iterator[tuple[str, ...]]:
    """Give what the changes hold: a kind each, and a name where there is one."""
    yield from ((event.type.value, event.name or "") for event in changes.events)
    yield from (("message", f"{each.index} of {each.agent}") for each in changes.messages)
    yield from (("record", f"of {each.agent}") for each in changes.agents)
    yield from ((f"tool {each.status}", each.tool) for each in changes.tools)
    yield from (("file", each.name) for each in changes.artifacts)
    if not changes.events:
        for operation in changes.operations:
            yield f"{operation.type} {operation.status}", operation.name or ""
    if not len(changes) and not changes.artifacts:
        yield ("renewal",)


_STARTS = frozenset({EventType.STEP_STARTED, EventType.CONTEXT_STARTED})


def _is_start(changes: Changes) -> bool:
    types = {event.type for event in changes.events}
    others = (changes.messages, changes.agents, changes.tools, changes.tells, changes.artifacts)
    return bool(types) and types <= _STARTS and not any(others)


_DEEDS = {
    ToolStatus.STARTED: Deed.ENTERED,
    ToolStatus.PAUSED: Deed.PAUSED,
    ToolStatus.DONE: Deed.RETURNED,
}


def _kinds(kinds: Iterable[str]) -> str:
    counted = Counter(kinds)
    return ", ".join(f"{kind}s" if many > 1 else kind for kind, many in sorted(counted.items()))


def _facts(changes: Changes) -> Iterator[tuple[Deed, Mapping[str, Json]]]:
    for message in changes.messages:
        body = cast("Mapping[str, Any]", message.body)
        # No reason to stop: no model wrote it.
        if body.get("stop_reason") is not None:
            yield Deed.SAVED, {"agent": message.agent, "message": message.index}
    for entry in changes.tools:
        # Without its result the entry is written once more, with the message that has it.
        if entry.status is not ToolStatus.DONE or entry.result is not None:
            yield _DEEDS[entry.status], {"tool_use_id": entry.tool_use_id, "tool": entry.tool}
