"""What a cycle of an agent, a model call and a tool, costs when every message is durable.

The model answers at once and the tool does nothing, so the time from one model call to the next is
all overhead. Most of it is Strands' own, and grows with the conversation: for each call it copies
all messages and writes them down as text.
"""

import json
import os
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from bench.conversations import DurableAgent, in_files
from bench.emulated import emulated_table
from bench.measure import Row, interleaved, mean, median, spread
from bench.processes import output_of
from bench.scripted_model import ScriptedModel

#: The cycles behind what is said of one. Those of the later ones are as many as an invocation has:
#: each is nested as deep as the other's, and one of them begins an invocation.
_WINDOWS: Mapping[int, range] = {
    1: range(1, 2),
    10: range(6, 16),
    100: range(76, 126),
    300: range(276, 326),
}
_LONG = 325
_SHORT = 125
_LONG_ROUNDS = 3
_SHORT_ROUNDS = 2
_BAR = 1.3
_BARRED = 100
#: How many bytes a late cycle may leave, in those of an early one.
_LINEAR_BAR = 1.1
#: What the journal keeps, its indexes left out.
_SIZE = "SELECT sum(length(session_id) + length(key) + length(body)) FROM records"

#: Milliseconds of each cycle, conversation by conversation.
Cycles = Sequence[Sequence[float]]


def measure(folder: Path) -> list[Row]:
    """Measure conversations in turns, each in a process of its own, and then what they leave."""
    long = _in_turns(folder, ["bare", "durable", "files"], cycles=_LONG, rounds=_LONG_ROUNDS)
    with emulated_table(folder) as table:
        kinds = ["bare", "durable", "bare-at-once", f"durable {table.endpoint}"]
        short = _in_turns(folder, kinds, cycles=_SHORT, rounds=_SHORT_ROUNDS)
    sizes = _sizes(folder / "sizes")
    left = _left_in_files(folder / "left")
    return [*_rows(long, short), _whole_row(long), *_size_rows(sizes, left)]


def _in_turns(folder: Path, kinds: Sequence[str], *, cycles: int, rounds: int) -> list[Cycles]:
    works = [partial(_cycle_times, folder, kind, cycles) for kind in kinds]
    return list(interleaved(works, rounds=rounds, warm_up=0))


def _cycle_times(folder: Path, what: str, cycles: int) -> list[float]:
    """Have a conversation in another process, and give the milliseconds of each cycle."""
    kind, *endpoint = what.split()
    place = folder / uuid.uuid4().hex
    command = ["-m", "bench.conversations", kind, str(place), str(cycles), *endpoint]
    times: list[float] = json.loads(output_of(command, environ=os.environ))
    return times


def _rows(long: Sequence[Cycles], short: Sequence[Cycles]) -> list[Row]:
    none, ours, filed = long
    short_none, short_ours, at_once, remote = short
    row = partial(_row, "durable agent on SQLite", theirs="bare Strands: nothing is kept")
    beside = partial(_row, "durable agent on SQLite", theirs="Strands with its FileSessionManager")
    emulated = partial(_row, "durable agent on the DynamoDB API", theirs="bare Strands")
    return [
        *(row(n, ours, none, bar=_BAR if n == _BARRED else None) for n in _WINDOWS),
        _row(
            "the same on SQLite",
            _BARRED,
            short_ours,
            at_once,
            theirs="bare Strands in one invocation: its calls nest ever deeper, as ours do not",
        ),
        *(beside(n, ours, filed) for n in (10, 100, 300)),
        *(emulated(n, remote, short_none) for n in (10, 100)),
    ]


def _around(cycle: int, taken: Cycles) -> list[float]:
    """Give the times that stand for a cycle; the first cycle is number 1."""
    window = _WINDOWS[cycle]
    return [times[number - 1] for times in taken for number in window]


def _row(  # noqa: PLR0913 - what is compared with what
    what: str, cycle: int, ours: Cycles, baseline: Cycles, *, theirs: str, bar: float | None = None
) -> Row:
    value, other = _around(cycle, ours), _around(cycle, baseline)
    return Row(
        what=f"{what}, cycle {cycle}, p50",
        value=median(value),
        baseline=median(other),
        note=f"{theirs}; {median(value) - median(other):+.2f} ms",
        bar=bar,
        samples=len(value),
        spread=spread(value),
        baseline_spread=spread(other),
    )


def _whole_row(long: Sequence[Cycles]) -> Row:
    none, ours = ([mean(times) for times in taken] for taken in long[:2])
    return Row(
        what=f"a conversation of {_LONG} cycles on SQLite, per cycle, mean",
        value=mean(ours),
        baseline=mean(none),
        note=f"bare Strands: nothing is kept; {mean(ours) - mean(none):+.2f} ms",
        samples=len(ours),
        spread=spread(ours),
        baseline_spread=spread(none),
    )


def _sizes(folder: Path) -> dict[int, int]:
    """Give how large the journal was when each model call came, by the call's number."""
    sizes: dict[int, int] = {}
    agent = DurableAgent(folder)
    with (
        closing(agent.engine),
        # The agent's steps have threads of their own.
        closing(sqlite3.connect(agent.engine.file, check_same_thread=False)) as db,
    ):

        def look(number: int) -> None:
            (sizes[number],) = db.execute(_SIZE).fetchone()

        agent.talk(ScriptedModel(_LONG, on_call=look))
    return sizes


def _left_in_files(folder: Path) -> float:
    """Give the bytes that a cycle leaves in the session manager's files."""
    in_files(ScriptedModel(_SHORT), folder)
    return _bytes_in(folder) / _SHORT


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _size_rows(sizes: Mapping[int, int], left: float) -> list[Row]:
    per_cycle = {n: _bytes_around(n, sizes) for n in _WINDOWS}
    late, early = max(_WINDOWS), min(n for n in _WINDOWS if n > 1)
    growth = ", ".join(f"{count:.0f} at cycle {n}" for n, count in per_cycle.items())
    return [
        Row(
            what=f"bytes that cycle {late} leaves in the journal",
            value=per_cycle[late],
            baseline=per_cycle[early],
            note=f"cycle {early} of the same conversation: it grows in a straight line ({growth})",
            bar=_LINEAR_BAR,
            unit="bytes",
            samples=len(_WINDOWS[late]),
        ),
        Row(
            what="the same, its events and the ledger included",
            value=per_cycle[late],
            baseline=left,
            note="the files of Strands' FileSessionManager: messages only",
            unit="bytes",
            samples=len(_WINDOWS[late]),
        ),
    ]


def _bytes_around(cycle: int, sizes: Mapping[int, int]) -> float:
    window = _WINDOWS[cycle]
    return (sizes[window.stop] - sizes[window.start]) / len(window)
