"""How long the second `make run` takes: everything is installed and made, the stack is down."""

import os
from collections.abc import Mapping
from pathlib import Path

from bench.measure import Row, spread, timed_ms
from bench.processes import output_of
from local.ports import free_port

_RUNS = 3
_BAR_SECONDS = 30
_REPORT = "report.md"


def measure(folder: Path) -> list[Row]:
    """Run the sample bill from nothing running to the printed report, a few times over."""
    environ = {
        **os.environ,
        "ERRAND_HOME": str(folder),
        "ERRAND_PORT": str(free_port()),
        "ERRAND_MODEL": "offline",
    }
    # The first run may install the emulator and make the template.
    _, *took = [_run_ms(environ) / 1000 for _ in range(1 + _RUNS)]
    return [
        Row(
            what="`make run` after the first time, worst",
            value=max(took),
            note="`errand run` from a stack that is down to the printed report",
            bar=_BAR_SECONDS,
            unit="s",
            samples=_RUNS,
            spread=spread(took),
        )
    ]


def _run_ms(environ: Mapping[str, str]) -> float:
    printed: list[str] = []
    try:
        took = timed_ms(lambda: printed.append(_errand("run", environ=environ)))
    finally:
        _errand("down", environ=environ)
    if _REPORT not in printed[0]:
        msg = f"`errand run` printed no {_REPORT}: {printed[0]}"
        raise RuntimeError(msg)
    return took


def _errand(command: str, *, environ: Mapping[str, str]) -> str:
    return output_of(["-m", "cli", command], environ=environ)
