"""What a map of many branches costs, against the durable SDK's own time and beside other engines.

Each branch is a child context with one trivial step, and all are at work at once: what is measured
is the whole map. In LangGraph a branch is a node that is sent to, in DBOS a workflow of one step.
"""

import json
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python import BatchResult, DurableContext, durable_execution

from agent.registry import Handler
from bench.emulated import emulated_table
from bench.engine import BenchEngine, invoke
from bench.idle_store import FittedStore, IdleStore
from bench.measure import Row, interleaved, median, spread
from bench.peers.environment import entered, program

_BRANCHES = 100
_ROUNDS = 7
_PEER_ROUNDS = 3

_PEERS: Mapping[str, Sequence[str]] = {
    "DBOS on SQLite": ("dbos_app.py", "map"),
    "LangGraph, its SQLite checkpointer": ("langgraph_app.py", "map"),
    "AWS's local runner, its SQLite store": ("runner_app.py", "map", "sqlite"),
    "AWS's local runner, in memory": ("runner_app.py", "map", "memory"),
}


def measure(folder: Path) -> list[Row]:
    """Measure in this process, and then each program in its own, in turns."""
    return _engine_rows(folder) + _peer_rows(folder)


@durable_execution
def _workflow(_event: Any, context: DurableContext) -> float:  # noqa: ANN401 - the SDK's
    """Map, and give the milliseconds that took."""
    began = time.perf_counter()
    batch: BatchResult[int] = context.map(range(_BRANCHES), _branch, name="branches")
    took = time.perf_counter() - began
    if batch.success_count != _BRANCHES:
        msg = f"{batch.success_count} branches succeeded, expected {_BRANCHES}"
        raise RuntimeError(msg)
    return took * 1000


def _branch(context: DurableContext, item: int, _index: int, _items: Sequence[int]) -> int:
    return context.step(lambda _: item, name="work")


#: The runner knows handlers by this type: the context it passes is not quite Lambda's.
_HANDLER: Handler = _workflow


def _engine_rows(folder: Path) -> list[Row]:
    local = BenchEngine(folder / "local")
    unused = local.attempt()
    try:
        with emulated_table(folder) as table:
            remote = BenchEngine(folder / "remote", table=table)
            works = (
                lambda: _took(local.invoke(_HANDLER, local.attempt())),
                lambda: _took(remote.invoke(_HANDLER, remote.attempt())),
                lambda: _took(invoke(_HANDLER, IdleStore().open(), unused)),
                lambda: _took(invoke(_HANDLER, FittedStore().open(), unused)),
            )
            sqlite, dynamo, idle, fitted = interleaved(works, rounds=_ROUNDS, warm_up=1)
    finally:
        local.close()
    note = "the SDK on a store that does nothing"
    return [
        _row(f"map of {_BRANCHES} branches on SQLite", sqlite, idle, note),
        _row("the same", sqlite, fitted, f"{note}, fitted as ours is"),
        _row(f"map of {_BRANCHES} branches on the DynamoDB API", dynamo, idle, note),
    ]


def _peer_rows(folder: Path) -> list[Row]:
    def peer(name: str, *task: str) -> Callable[[], float]:
        return lambda: _between(program(name, *task, str(_fresh(folder)), str(_BRANCHES)))

    ours = [sys.executable, "-m", "bench.peers.errand_app", "map"]
    works = [
        lambda: _between([*ours, str(_fresh(folder)), str(_BRANCHES)]),
        *(peer(*command) for command in _PEERS.values()),
    ]
    taken, *others = interleaved(works, rounds=_PEER_ROUNDS, warm_up=0)
    return [
        _row(f"map of {_BRANCHES} branches on SQLite, beside {name}", taken, theirs, name)
        for name, theirs in zip(_PEERS, others, strict=True)
    ]


def _row(what: str, ours: Sequence[float], theirs: Sequence[float], note: str) -> Row:
    return Row(
        what=f"{what}, p50",
        value=median(ours),
        baseline=median(theirs),
        note=note,
        samples=len(ours),
        spread=spread(ours),
        baseline_spread=spread(theirs),
    )


def _took(answer: Mapping[str, Any]) -> float:
    return float(json.loads(answer["Result"]))


def _between(command: Sequence[str]) -> float:
    """Run a program that prints when its map began and when it was over; give the milliseconds."""
    began, ended = entered(command)
    return (ended - began) * 1000


def _fresh(folder: Path) -> Path:
    made = folder / uuid.uuid4().hex
    made.mkdir(parents=True)
    return made
