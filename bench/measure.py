"""Samples, and rows that compare them."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

#: Rounds that nobody measures: caches fill, connections open, code compiles.
WARM_UP = 3

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spread:
    """Between what most samples lie: a tenth of them is below, and a tenth is above."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measure, the baseline taken in the same run, and what is promised of the two."""

    what: str
    value: float
    baseline: float | None = None
    #: What the baseline is, or how the value was taken when there is none.
    note: str
    #: What the ratio may be at most, or what the value must stay below where there is no baseline.
    #: None: nothing is promised, the row is there to be read.
    bar: float | None = None
    unit: str = "ms"
    samples: int
    #: Of the samples behind the value, and of those behind the baseline; None where there is one.
    spread: Spread | None = None
    baseline_spread: Spread | None = None

    @property
    def ratio(self) -> float | None:
        """Give the value in units of its baseline."""
        return None if self.baseline is None else self.value / self.baseline

    @property
    def is_met(self) -> bool:
        """Say whether what is promised holds."""
        if self.bar is None:
            return True
        return self.value < self.bar if self.ratio is None else self.ratio <= self.bar


def percentile(samples: Sequence[float], percent: float) -> float:
    """Give the smallest sample that at least `percent` of the samples do not exceed."""
    ordered = sorted(samples)
    rank = -int(-len(ordered) * percent // 100)
    return ordered[max(rank, 1) - 1]


def spread(samples: Sequence[float]) -> Spread | None:
    """Give between what most samples lie; None where one sample says nothing of it."""
    if len(samples) < 2:
        return None
    return Spread(percentile(samples, 10), percentile(samples, 90))


def median(samples: Sequence[float]) -> float:
    """Give the middle sample."""
    return statistics.median(samples)


def mean(samples: Sequence[float]) -> float:
    """Give the average sample."""
    return statistics.fmean(samples)


def timed_ms(work: Callable[[], object]) -> float:
    """Give the milliseconds that `work` takes."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def interleaved(
    works: Sequence[Callable[[], T]], *, rounds: int, warm_up: int = WARM_UP
) -> list[list[T]]:
    """Measure several works in turns, so that what the machine does meanwhile hits all alike.

    Args:
        works: Each does its work once and gives what it measured.
        rounds: How many times each is done and kept.
        warm_up: How many rounds come before those.

    Returns:
        For each work what it measured.
    """
    measured: list[list[T]] = [[] for _ in works]
    for turn in range(rounds + warm_up):
        # Who begins changes, so that none always comes after the most expensive other.
        for offset in range(len(works)):
            index = (turn + offset) % len(works)
            sample = works[index]()
            if turn >= warm_up:
                measured[index].append(sample)
    return measured
