"""How long the agent takes from its start to its first healthy ping, against its imports alone.

Nobody can start faster than the libraries are imported; what comes on top is ours. Which libraries
these are is asked of a running server, so that the baseline follows the code.
"""

import contextlib
import json
import os
import socket
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

from bench.keep_alive import KeepAlive, get
from bench.measure import Row, interleaved, median, spread
from bench.processes import output_of
from bench.servers import AGENT, environment, start
from local.environment import without_aws
from local.ports import LOOPBACK, free_port
from local.processes import Child, stop_child, tail

#: The interpreter is told nothing.
NO_CHANGE: Mapping[str, str] = MappingProxyType({})

_ROUNDS = 9
_BAR = 1.2
_POLL_SECONDS = 0.002
_GIVE_UP_SECONDS = 60.0
#: Imports the modules named by the JSON array in a file, then says so.
_IMPORT_ALL = """
import importlib, json, sys
for name in json.load(open(sys.argv[1])):
    importlib.import_module(name)
print("imported", flush=True)
"""


def measure(folder: Path) -> list[Row]:
    """Measure medians over interleaved starts."""
    modules = loaded_modules(folder)
    packages = sorted({name.partition(".")[0] for name in modules})
    works = (
        partial(server_ms, folder),
        partial(import_ms, listed(folder / "modules.json", modules)),
        partial(import_ms, listed(folder / "packages.json", packages)),
    )
    server, all_modules, top_level = interleaved(works, rounds=_ROUNDS, warm_up=1)
    libraries = f"a process that only imports the same {len(modules)} modules"
    return [
        Row(
            what="process start to first healthy ping, median",
            value=median(server),
            baseline=median(all_modules),
            note=f"{libraries} of {len(packages)} libraries",
            bar=_BAR,
            samples=_ROUNDS,
            spread=spread(server),
            baseline_spread=spread(all_modules),
        ),
        Row(
            what="the same, against the libraries' top-level packages",
            value=median(server),
            baseline=median(top_level),
            note=f"a process that only imports these {len(packages)} packages",
            samples=_ROUNDS,
            spread=spread(server),
            baseline_spread=spread(top_level),
        ),
    ]


def listed(file: Path, modules: Sequence[str]) -> Path:
    """Write the names of modules to a file, and give it."""
    file.write_text(json.dumps(modules), encoding="utf-8")
    return file


def loaded_modules(folder: Path) -> list[str]:
    """Name the library modules that the agent's process has loaded at its first ping."""
    environ = environment(folder, port=free_port())
    answer = output_of(["-m", "bench.loaded_modules", AGENT], environ=environ)
    modules: list[str] = json.loads(answer)
    return modules


def import_ms(names: Path, *, python: Mapping[str, str] = NO_CHANGE) -> float:
    """Give the milliseconds of a process that imports the modules a file names.

    Args:
        names: The file.
        python: What the interpreter is told besides, by its environment.
    """
    began = time.perf_counter()
    output_of(["-c", _IMPORT_ALL, str(names)], environ={**without_aws(os.environ), **python})
    return (time.perf_counter() - began) * 1000


def server_ms(folder: Path, *, python: Mapping[str, str] = NO_CHANGE) -> float:
    """Give the milliseconds from the start of an agent to its first ping.

    Args:
        folder: Where it keeps its journal.
        python: What the interpreter is told besides, by its environment.
    """
    port = free_port()
    environ = {**environment(folder, port=port), **python}
    began = time.perf_counter()
    child = start(AGENT, folder, environ=environ)
    try:
        _wait_until_pinged(child, port)
        return (time.perf_counter() - began) * 1000
    finally:
        stop_child(child)


def _wait_until_pinged(child: Child, port: int) -> None:
    # Closer together than the local stack's own health checks, and cheaper.
    give_up_at = time.monotonic() + _GIVE_UP_SECONDS
    while not _listens(port):
        if child.has_ended or time.monotonic() > give_up_at:
            msg = f"{child.name} did not start: {tail(child.log_file)}"
            raise RuntimeError(msg)
        time.sleep(_POLL_SECONDS)
    with KeepAlive(port) as connection:
        connection.send(get("/ping"))


def _listens(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0
