"""Where a worker is killed: at a write, or in the middle of a call."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from crash.errors import SubjectError


class Where(StrEnum):
    """What the worker is at when it dies."""

    #: A write is about to be made.
    BEFORE = "before"
    #: A write was made; nobody has heard of it.
    AFTER = "after"
    #: A start was written by itself, since work takes a while, and the work goes on.
    START = "start"
    #: The model is answering.
    MODEL = "model"
    #: A tool is at work.
    TOOL = "tool"
    #: Anything: the worker is killed at a random moment.
    RANDOM = "random"


_WRITE = re.compile(r"([1-9]\d*)-(before|after)")
_OTHER = re.compile(r"(start|model|tool)-([1-9]\d*)")


@dataclass(frozen=True, slots=True)
class Point:
    """The n-th write, start or call of a run, counted from 1."""

    where: Where
    number: int

    def __str__(self) -> str:
        """Give the point as it is typed: `17-before`, `17-after`, `start-1`, `model-3`."""
        if _is_write(self):
            return f"{self.number}-{self.where}"
        return f"{self.where}-{self.number}"

    @classmethod
    def parse(cls, text: str) -> "Point":
        """Read a point as it is typed.

        Raises:
            SubjectError: It is none.
        """
        if found := _WRITE.fullmatch(text):
            return cls(Where(found[2]), int(found[1]))
        if found := _OTHER.fullmatch(text):
            return cls(Where(found[1]), int(found[2]))
        such = "17-before, 17-after, start-1, model-3 or tool-2"
        msg = f"point is {text!r}, expected such as {such}"
        raise SubjectError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What an undisturbed run did, in the order it was begun."""

    #: The kind of each write: its parts without names and numbers.
    writes: Sequence[str] = ()
    #: How many starts were written by themselves: as many as took a while this time. They are
    #: counted apart, for the number of a write not to depend on how fast the machine is.
    starts: int = 0
    #: How many parts the answer of each model call streamed.
    model_calls: Sequence[int] = ()
    #: How many seconds each tool call took.
    tool_calls: Sequence[float] = ()

    def points(self, *, has_calls: bool = True) -> list[Point]:
        """Give every point there is."""
        numbers = range(1, len(self.writes) + 1)
        points = [Point(when, n) for n in numbers for when in (Where.BEFORE, Where.AFTER)]
        points += [Point(Where.START, n + 1) for n in range(self.starts)]
        if has_calls:
            points += [Point(Where.MODEL, n + 1) for n in range(len(self.model_calls))]
            points += [Point(Where.TOOL, n + 1) for n in range(len(self.tool_calls))]
        return points

    def has(self, point: Point) -> bool:
        """Say whether the run came to a point."""
        return 1 <= point.number <= len(self._counted(point.where))

    def middle(self, point: Point) -> float:
        """Say how far into a call its middle is: parts of an answer, or seconds of a tool."""
        if point.where is Where.MODEL:
            return max(1, self.model_calls[point.number - 1] // 2)
        if point.where is Where.TOOL:
            return self.tool_calls[point.number - 1] / 2
        return 0

    def _counted(self, where: Where) -> Sequence[object]:
        match where:
            case Where.START:
                return range(self.starts)
            case Where.MODEL:
                return self.model_calls
            case Where.TOOL:
                return self.tool_calls
            case _:
                return self.writes


def sample(counted: Counted, count: int, *, has_calls: bool = True) -> list[Point]:
    """Choose some points: of every kind one, calls and rare writes first, spread over the run.

    The same every time: a failure can be repeated.
    """
    kinds: dict[str, list[Point]] = {}
    for point in counted.points(has_calls=has_calls):
        kinds.setdefault(_kind(counted, point), []).append(point)
    by_rarity = sorted(kinds.values(), key=lambda points: (_is_write(points[0]), len(points)))
    queues = [list(_spread(points)) for points in by_rarity]
    chosen: list[Point] = []
    while len(chosen) < count and any(queues):
        chosen += [queue.pop(0) for queue in queues if queue]
    # In the order of the run, for the eye.
    order = {point: place for place, point in enumerate(counted.points(has_calls=has_calls))}
    return sorted(chosen[:count], key=order.__getitem__)


def _kind(counted: Counted, point: Point) -> str:
    kind = counted.writes[point.number - 1] if _is_write(point) else ""
    return f"{point.where} {kind}"


def _is_write(point: Point) -> bool:
    return point.where in {Where.BEFORE, Where.AFTER}


def _spread(points: Sequence[Point]) -> Iterator[Point]:
    """Give points so that the first few are far apart: by halves, quarters, eighths."""
    seen = set[int]()
    parts = 2
    while len(seen) < len(points):
        for odd in range(1, parts, 2):
            at = len(points) * odd // parts
            if at not in seen:
                seen.add(at)
                yield points[at]
        parts *= 2
