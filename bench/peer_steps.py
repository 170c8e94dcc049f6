"""What a durable step costs beside what people would use instead, on the same disk.

Each program runs in a process of its own, in turns: a workflow of trivial steps, once to warm up
and once to measure the time from one step to the next.
"""

import sys
import uuid
from collections.abc import Callable
from itertools import chain, pairwise
from pathlib import Path

from bench.measure import Row, interleaved, median, spread
from bench.peers.environment import entered, program

_STEPS = 100
_ROUNDS = 5

#: Each peer with the bar of the ratio, where one is promised.
_PEERS: dict[str, tuple[tuple[str, ...], float | None]] = {
    "DBOS on SQLite": (("dbos_app.py", "steps"), 1 / 5),
    "LangGraph, its SQLite checkpointer": (("langgraph_app.py", "steps"), None),
    "AWS's local runner, its SQLite store": (("runner_app.py", "steps", "sqlite"), 1 / 10),
    "AWS's local runner, in memory": (("runner_app.py", "steps", "memory"), None),
}


def measure(folder: Path) -> list[Row]:
    """Measure Errand and each peer in turns."""

    def peer(name: str, *task: str) -> Callable[[], list[float]]:
        return lambda: _gaps(program(name, *task, str(_fresh(folder)), str(_STEPS)))

    ours = [sys.executable, "-m", "bench.peers.errand_app", "steps"]
    works = [
        lambda: _gaps([*ours, str(_fresh(folder)), str(_STEPS)]),
        *(peer(*command) for command, _ in _PEERS.values()),
    ]
    taken = [
        list(chain.from_iterable(each)) for each in interleaved(works, rounds=_ROUNDS, warm_up=1)
    ]
    value = median(taken[0])
    return [
        Row(
            what=f"durable step on SQLite, p50, beside {name}",
            value=value,
            baseline=median(theirs),
            note=f"{name}: the same workflow of {_STEPS} steps",
            bar=bar,
            samples=len(theirs),
            spread=spread(taken[0]),
            baseline_spread=spread(theirs),
        )
        for (name, (_, bar)), theirs in zip(_PEERS.items(), taken[1:], strict=True)
    ]


def _fresh(folder: Path) -> Path:
    made = folder / uuid.uuid4().hex
    made.mkdir()
    return made


def _gaps(command: list[str]) -> list[float]:
    return [(later - earlier) * 1000 for earlier, later in pairwise(entered(command))]
