"""How much memory a process has, as the system tells."""

import re
from collections.abc import Sequence
from pathlib import Path

_LINE = re.compile(r"^(Rss|Pss): +(\d+) kB$", re.MULTILINE)


def memory_of(pid: int) -> tuple[float, float]:
    """Give what a process has in memory, and its share of that where others have it too, in MB.

    Raises:
        OSError: There is no such process, or the system does not tell (only Linux does).
    """
    return in_megabytes(Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii"))


def in_megabytes(text: str) -> tuple[float, float]:
    """Read the two from a `smaps_rollup`."""
    kilobytes = {name: int(number) for name, number in _LINE.findall(text)}
    return kilobytes["Rss"] / 1024, kilobytes["Pss"] / 1024


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Give by how much the second number grows with the first, by least squares."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    above = sum((x - mean_x) * (y - mean_y) for x, y in points)
    return above / sum((x - mean_x) ** 2 for x, _ in points)
