"""Measure what docs/performance.md promises: `python -m bench [NAME …]`.

Without names everything is measured, the results are kept and the page is brought up to date.
"""

import argparse
import importlib
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from bench import machine
from bench.measure import Row
from bench.report import Report, keep, publish, show
from local.home import PROJECT

#: Measures all its rows in a folder of its own.
Benchmark = Callable[[Path], list[Row]]

#: Modules of this package, the quiet ones first: a stack that ends leaves the disk busy.
NAMES = (
    "entrypoint",
    "startup",
    "cold",
    "start",
    "capacity",
    "durable_step",
    "emulated_step",
    "map_branches",
    "agent_loop",
    "growth",
    "peer_steps",
    "recovery",
    "retry_cost",
    "long_runs",
    "run_cost",
    "invoker",
    "synth",
    "accepting",
    "completion",
    "approve",
    "make_run",
)


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and say by the exit code whether all was measured and every bar holds."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    names = parser.parse_args(arguments).names
    if unknown := set(names) - set(NAMES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(NAMES)}")
    before = machine.load()
    rows, failed = _measure(names or NAMES)
    show(rows)
    if failed:
        print(f"not measured: {', '.join(failed)}; nothing is kept")
        return 1
    report = _report(rows, load_before=before)
    if not names:
        print(f"kept in {keep(report).relative_to(PROJECT)}")
        publish(report)
    return 0 if report.is_met else 1


def _measure(names: Sequence[str]) -> tuple[list[Row], list[str]]:
    """Give the rows of all benchmarks that could be run, and the names of the others."""
    rows: list[Row] = []
    failed: list[str] = []
    for name in names:
        try:
            rows += _run(name)
        except Exception as error:  # noqa: BLE001 - one that fails must not cost the others' minutes
            print(f"{name} failed: {type(error).__name__} {error}", flush=True)
            failed.append(name)
    return rows, failed


def _report(rows: Sequence[Row], *, load_before: float) -> Report:
    return Report(
        date=datetime.now(UTC).date().isoformat(),
        machine=machine.facts(),
        versions=machine.versions(),
        load=(load_before, machine.load()),
        rows=rows,
    )


def _run(name: str) -> list[Row]:
    print(f"measuring {name} (load average {machine.load()}) …", flush=True)
    benchmark = cast("Benchmark", importlib.import_module(f"bench.{name}").measure)
    # Not in the system's folder for such things: that one may be in memory, and syncs cost nothing.
    place = PROJECT / ".build" / "bench"
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place, prefix=f"{name}-") as folder:
        return benchmark(Path(folder))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
