"""How a run's length tells: replay of finished steps, and a step's cost early and late in a run."""

import json
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import Duration

from bench.engine import BenchEngine
from bench.measure import Row, median, spread

_REPLAYED = 1_000
_LONG = 3_000
#: Steps at each end of the long run that are compared.
_END = 300
_ROUNDS = 5
_REPLAY_BAR_SECONDS = 1.0
_GROWTH_BAR = 1.5


@durable_execution
def _replayed(event: dict[str, Any], context: DurableContext) -> float:
    """Do steps, wait, and say when the next attempt came to the first new step."""
    for number in range(int(event["prompt"])):
        context.step(lambda _: "done", name=f"s{number}")
    context.wait(Duration.from_seconds(1), name="pause")
    return context.step(lambda _: time.perf_counter(), name="after")


@durable_execution
def _long(event: dict[str, Any], context: DurableContext) -> list[float]:
    """Do steps and say when each was entered."""
    return [
        context.step(lambda _: time.perf_counter(), name=f"s{number}")
        for number in range(int(event["prompt"]))
    ]


def measure(folder: Path) -> list[Row]:
    """Measure both on the journal in a file."""
    engine = BenchEngine(folder)
    try:
        replays = [_replay_seconds(engine) for _ in range(_ROUNDS)]
        early, late = _ends(engine)
    finally:
        engine.close()
    return [
        Row(
            what=f"replay of {_REPLAYED:,} finished steps, worst",
            value=max(replays),
            note="from reading the journal to the first new step, by another attempt",
            bar=_REPLAY_BAR_SECONDS,
            unit="s",
            samples=len(replays),
            spread=spread(replays),
        ),
        Row(
            what=f"step at the end of a run of {_LONG:,}, p50",
            value=median(late),
            baseline=median(early),
            note=f"the first {_END} steps of the same run against the last {_END}",
            bar=_GROWTH_BAR,
            samples=len(late),
            spread=spread(late),
            baseline_spread=spread(early),
        ),
    ]


def _replay_seconds(engine: BenchEngine) -> float:
    attempt = engine.attempt(prompt=str(_REPLAYED))
    suspended = engine.invoke(_replayed, attempt)
    if suspended["Status"] != "PENDING":
        msg = f"the workflow answered {suspended!r}, expected it to wait"
        raise RuntimeError(msg)
    # The wait's time: another attempt comes when it is over, and replays everything before it.
    time.sleep(1.1)
    began = time.perf_counter()
    return float(json.loads(engine.invoke(_replayed, attempt)["Result"])) - began


def _ends(engine: BenchEngine) -> tuple[Sequence[float], Sequence[float]]:
    """Give milliseconds per step at the start and at the end of a long run."""
    attempt = engine.attempt(prompt=str(_LONG))
    entered = json.loads(engine.invoke(_long, attempt)["Result"])
    gaps = [(later - earlier) * 1000 for earlier, later in pairwise(entered)]
    return gaps[:_END], gaps[-_END:]
