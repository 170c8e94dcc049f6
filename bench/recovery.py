"""From SIGKILL to the first work of whoever goes on, beside what people would use instead.

A worker is killed in the second of three steps and started again at once, as a supervisor does.
AWS's local runner is not here: an execution whose process died is not taken up by the next one.
"""

import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from bench.measure import Row, interleaved, median, spread
from bench.peers.environment import program
from bench.peers.errand_app import LEASE_SECONDS, NOTES
from bench.running import running, wait_for

_ROUNDS = 3
#: What may come on top of the lease.
_MARGIN_SECONDS = 1.0


def measure(folder: Path) -> list[Row]:
    """Kill Errand's worker and DBOS's in turns."""
    ours, theirs = interleaved(
        (
            lambda: _recovery([sys.executable, "-m", "bench.peers.errand_app", "recovery"], folder),
            lambda: _recovery(program("dbos_app.py", "recovery"), folder),
        ),
        rounds=_ROUNDS,
        warm_up=0,
    )
    return [
        Row(
            what="SIGKILL to the first resumed step, worst",
            value=max(ours),
            note=f"the agent started again at once; the lease is {LEASE_SECONDS:g} s",
            bar=LEASE_SECONDS + _MARGIN_SECONDS,
            unit="s",
            samples=_ROUNDS,
            spread=spread(ours),
        ),
        Row(
            what="SIGKILL to the first resumed step, p50, beside DBOS on SQLite",
            value=median(ours),
            baseline=median(theirs),
            note="DBOS has no lease: the process that is started again takes up its workflows",
            unit="s",
            samples=_ROUNDS,
            spread=spread(ours),
            baseline_spread=spread(theirs),
        ),
    ]


def _recovery(command: Sequence[str], folder: Path) -> float:
    place = folder / uuid.uuid4().hex
    place.mkdir()
    with running([*command, str(place)]) as worker:
        _entry(place, "step 2", times=1)
        worker.kill()
        killed_at = time.time()
        worker.wait()
    with running([*command, str(place)]):
        return _entry(place, "step 2", times=2) - killed_at


def _entry(place: Path, step: str, *, times: int) -> float:
    """Wait until a step was entered so many times, and give when it last was."""
    notes = place / NOTES

    def entries() -> list[str]:
        lines = notes.read_text().splitlines() if notes.exists() else []
        return [line for line in lines if line.startswith(step)]

    wait_for(lambda: len(entries()) >= times, what=f"entry {times} of {step}")
    return float(entries()[-1].split()[-1])
