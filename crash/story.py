"""What the lives of a run's workers were: one line for each thing that happened, in one file.

A line is written when the thing has happened or is about to, by the worker itself, and survives its
death. It is the kit's own; nothing a workflow sees depends on it.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from crash.points import Counted
from runs.json_types import Json


class Deed(StrEnum):
    """What a worker did."""

    #: A worker's life began; `life` counts from 1.
    BORN = "born"
    #: A write is about to be made: `number`, `what`, `kind`.
    WRITING = "writing"
    #: It was made.
    WRITTEN = "written"
    #: A start was written by itself: `number`, `what`.
    BEGUN = "begun"
    #: A model is asked: `agent`, and at which message of its conversation.
    ASKED = "asked"
    #: It has answered, in so many `parts`.
    ANSWERED = "answered"
    #: It has failed.
    FAILED = "failed"
    #: An answer of a model is in the journal: `agent`, `message`.
    SAVED = "saved"
    #: A tool call is on its way into the ledger: `tool_use_id`, `tool`.
    ENTERING = "entering"
    #: A tool call is in the ledger: `tool_use_id`, `tool`.
    ENTERED = "entered"
    #: Its result is.
    RETURNED = "returned"
    #: The tool was left to wait for an answer, and is entered again when there is one.
    PAUSED = "paused"
    #: The worker kills itself: `what` it was at.
    DIED = "died"
    #: The run will never end: `what` it waits for.
    STUCK = "stuck"
    #: The worker has nothing left to do.
    DONE = "done"


#: How a worker enters a tool. One that is killed in between by another thread, or from outside,
#: leaves it to the journal whether the call was entered.
_ENTERED = frozenset({Deed.ENTERING, Deed.ENTERED})
#: How a worker leaves a tool.
_LEFT = frozenset({Deed.RETURNED, Deed.PAUSED})


class Pen:
    """Writes the story. Safe to use from several threads."""

    def __init__(self, path: Path, *, life: int) -> None:
        # Appended by one system call: whole lines, whatever other threads write and die.
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._life = life

    def write(self, deed: Deed, **facts: Json) -> None:
        """Write a line."""
        line = {"life": self._life, "at": time.monotonic(), "deed": deed.value, **facts}
        os.write(self._file, json.dumps(line).encode() + b"\n")


@dataclass(frozen=True, slots=True)
class Story:
    """What happened to a run, as its workers wrote it."""

    lines: tuple[Mapping[str, Any], ...] = field(default=())

    @classmethod
    def read(cls, path: Path) -> "Story":
        """Read a story; without a file nothing has happened."""
        if not path.exists():
            return cls()
        return cls(tuple(json.loads(line) for line in path.read_text().splitlines()))

    @property
    def lives(self) -> int:
        """Count the workers."""
        return sum(line["deed"] == Deed.BORN for line in self.lines)

    @property
    def seconds(self) -> float:
        """Say how long the workers lived, where the last came to its end."""
        times = [line["at"] for line in self.lines]
        return max(times, default=0.0) - min(times, default=0.0)

    @property
    def last_words(self) -> str:
        """Say what the first worker that died by itself was at; empty if none did."""
        return next((line["what"] for line in self.of(Deed.DIED)), "")

    @property
    def stuck(self) -> str:
        """Say what the run waits for that will not come; empty if it does not."""
        return next((line["what"] for line in self.of(Deed.STUCK)), "")

    def of(self, deed: Deed) -> Iterator[Mapping[str, Any]]:
        """Give the lines of one kind."""
        return (line for line in self.lines if line["deed"] == deed)

    def counted(self) -> Counted:
        """Count what one worker did."""
        return Counted(
            writes=tuple(line["kind"] for line in self.of(Deed.WRITING)),
            starts=sum(1 for _ in self.of(Deed.BEGUN)),
            model_calls=tuple(self._parts()),
            tool_calls=tuple(self._seconds_in_tools()),
        )

    def calls(self) -> "Calls":
        """Tell what became of the model calls."""
        calls = Calls()
        for line in self.lines:
            calls.add(line)
        return calls

    def entered(self) -> Iterator[Mapping[str, Any]]:
        """Give the tool calls that were entered, as often as they were."""
        return self.of(Deed.ENTERED)

    def paused_tools(self) -> dict[str, int]:
        """Count, by tool call, how often it was left to wait for an answer."""
        return dict(Counter(line["tool_use_id"] for line in self.of(Deed.PAUSED)))

    def cut_tools(self) -> dict[str, int]:
        """Count, by tool call, how often a worker died in it, or while it was being entered."""
        inside: set[str] = set()
        cut: dict[str, int] = {}
        for line in self.lines:
            if line["deed"] == Deed.BORN:
                cut |= {use: cut.get(use, 0) + 1 for use in inside}
                inside = set()
            elif line["deed"] in _ENTERED:
                inside.add(line["tool_use_id"])
            elif line["deed"] in _LEFT:
                inside.discard(line["tool_use_id"])
        return cut

    def _seconds_in_tools(self) -> list[float]:
        """Give how long tools were at work, in the order in which they were entered."""
        seconds: list[float] = []
        inside: dict[str, tuple[int, float]] = {}
        for line in self.lines:
            if line["deed"] == Deed.ENTERED:
                inside[line["tool_use_id"]] = len(seconds), line["at"]
                seconds.append(0.0)
            elif line["deed"] in _LEFT and line["tool_use_id"] in inside:
                place, since = inside.pop(line["tool_use_id"])
                seconds[place] = line["at"] - since
        return seconds

    def _parts(self) -> Iterator[int]:
        answered = {line["number"]: line["parts"] for line in self.of(Deed.ANSWERED)}
        for line in self.of(Deed.ASKED):
            yield answered.get(line["number"], 1)


@dataclass(slots=True)
class Calls:
    """The model calls of a run, over all its workers' lives."""

    #: Calls that were made, apart from those that failed by themselves.
    made: int = 0
    #: Of these, calls that a worker died in, or before their answer was in the journal.
    cut: int = 0
    #: Calls made though the answer was in the journal: paid for twice.
    repeated: list[str] = field(default_factory=list)
    _open: set[str] = field(default_factory=set)
    _saved: set[str] = field(default_factory=set)

    def add(self, line: Mapping[str, Any]) -> None:
        """Take the next line of the story."""
        deed = line["deed"]
        if deed == Deed.BORN:
            self.cut += len(self._open)
            self._open = set()
        elif deed == Deed.ASKED:
            self._ask(_name(line))
        elif deed == Deed.FAILED:
            self.made -= 1
            self._open.discard(_name(line))
        elif deed == Deed.SAVED:
            self._saved.add(_name(line))
            self._open.discard(_name(line))

    def _ask(self, name: str) -> None:
        self.made += 1
        if name in self._saved:
            self.repeated.append(name)
        self._open.add(name)


def _name(line: Mapping[str, Any]) -> str:
    return f"message {line['message']} of {line['agent']}"
