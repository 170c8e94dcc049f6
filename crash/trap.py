"""Counting what a worker does, and killing it at one point of that."""

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from crash.points import Point, Where
from crash.story import Deed, Pen
from crash.writes import Write

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a worker is to die."""

    point: Point
    #: How far into a call: parts of a model's answer, or seconds of a tool's work.
    middle: float = 0.0


class Trap:
    """Sees every write and every call of one worker. Safe to use from several threads."""

    def __init__(self, pen: Pen, target: Target | None = None) -> None:
        self._pen = pen
        self._target = target
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(("writes", "starts", "asked", "entered"), 0)
        #: The tool call to die in.
        self._inside: str | None = None

    def write(self, write: Write, make: Callable[[], T]) -> T:
        """Make a write, or die right before or right after it."""
        if write.is_start:
            return self._write_start(write, make)
        number = self._count("writes")
        self._pen.write(Deed.WRITING, number=number, what=write.what, kind=write.kind)
        if self._is_at(Where.BEFORE, number):
            self._die(f"write {number}, before it was made: {write.what}")
        for deed, facts in write.facts:
            if deed is Deed.ENTERED:
                self._pen.write(Deed.ENTERING, **facts)
        answer = make()
        self._pen.write(Deed.WRITTEN, number=number)
        for deed, facts in write.facts:
            self._pen.write(deed, **facts)
            if deed is Deed.ENTERED:
                self._enter(str(facts["tool_use_id"]), str(facts["tool"]))
        if self._is_at(Where.AFTER, number):
            self._die(f"write {number}, after it was made: {write.what}")
        return answer

    def come_to(self, write: Write) -> None:
        """Hear of a write that is to come: the tool to die in has not taken its time."""
        for deed, facts in write.facts:
            if deed in (Deed.RETURNED, Deed.PAUSED) and facts["tool_use_id"] == self._inside:
                self._die_inside(str(facts["tool"]))

    def ask(self, agent: str, message: int) -> int:
        """Count a model call that begins, and give its number."""
        number = self._count("asked")
        self._pen.write(Deed.ASKED, number=number, agent=agent, message=message)
        return number

    def hear(self, number: int, agent: str, *, parts: int) -> None:
        """Take so many parts of a model's answer, or die."""
        if self._is_at(Where.MODEL, number) and self._target and parts >= self._target.middle:
            self._die(f"model call {number}, after {parts} parts of its answer to {agent}")

    def end_call(self, number: int, agent: str, message: int, *, parts: int, is_bad: bool) -> None:
        """Take the end of a model call."""
        deed = Deed.FAILED if is_bad else Deed.ANSWERED
        self._pen.write(deed, number=number, agent=agent, message=message, parts=parts)

    def _write_start(self, write: Write, make: Callable[[], T]) -> T:
        """Make a write that another machine, or a faster one, would not make."""
        answer = make()
        number = self._count("starts")
        self._pen.write(Deed.BEGUN, number=number, what=write.what)
        if self._is_at(Where.START, number):
            self._die(f"start {number}, after it was written by itself: {write.what}")
        return answer

    def _enter(self, tool_use_id: str, tool: str) -> None:
        if not self._is_at(Where.TOOL, self._count("entered")) or self._target is None:
            return
        self._inside = tool_use_id
        timer = threading.Timer(self._target.middle, self._die_inside, [tool])
        timer.daemon = True
        timer.start()

    def _count(self, what: str) -> int:
        with self._lock:
            self._counts[what] += 1
            return self._counts[what]

    def _is_at(self, where: Where, number: int) -> bool:
        return self._target is not None and self._target.point == Point(where, number)

    def _die_inside(self, tool: str) -> NoReturn:
        self._die(f"a call of the tool {tool}, in the middle of its work")

    def _die(self, what: str) -> NoReturn:
        self._pen.write(Deed.DIED, what=what)
        os.kill(os.getpid(), signal.SIGKILL)
        # The signal is on its way; this thread does nothing more.
        while True:
            signal.pause()
