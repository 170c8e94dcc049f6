"""How fast the agent answers an invocation, against the least an SDK app can do.

Each request is sent when the server is idle: what the last run does in the background is not the
entrypoint's. Back to back that can't be told apart, so those rows are there to be read only.
"""

import json
import time
import uuid
from functools import partial
from pathlib import Path

from bench.keep_alive import KeepAlive, get, post
from bench.measure import Row, interleaved, percentile, spread, timed_ms
from bench.servers import AGENT, serving
from local.agentcore import SESSION_HEADER

_ROUNDS = 400
_BACK_TO_BACK = 100
_BAR = 1.5
_BASELINE = "bench.baseline_app"
#: What is left of a run when its task is complete: a thread that ends.
_SETTLE_SECONDS = 0.005
_PING = get("/ping")


def measure(folder: Path) -> list[Row]:
    """Measure p50 and p99 over one kept connection to each server."""
    with (
        serving(AGENT, folder) as agent_port,
        serving(_BASELINE, folder) as baseline_port,
        KeepAlive(agent_port) as agent,
        KeepAlive(baseline_port) as baseline,
    ):
        servers = (agent, baseline)
        works = [partial(_answer_when_idle, server, folder) for server in servers]
        idle = interleaved(works, rounds=_ROUNDS)
        works = [partial(_answer, server, folder) for server in servers]
        busy = [[work() for _ in range(_BACK_TO_BACK)] for work in works]
        for server in servers:
            wait_until_idle(server)
    return [
        _row("entrypoint over HTTP", idle, percent=50, bar=_BAR),
        _row("entrypoint over HTTP", idle, percent=99, bar=_BAR),
        _row("entrypoint back to back", busy, percent=50, bar=None),
        _row("entrypoint back to back", busy, percent=99, bar=None),
    ]


def _row(what: str, samples: list[list[float]], *, percent: int, bar: float | None) -> Row:
    ours, baseline = samples
    return Row(
        what=f"{what}, p{percent}",
        value=percentile(ours, percent),
        baseline=percentile(baseline, percent),
        note="an SDK app whose entrypoint only registers a task and starts a thread",
        bar=bar,
        samples=len(ours),
        spread=spread(ours),
        baseline_spread=spread(baseline),
    )


def _answer_when_idle(server: KeepAlive, folder: Path) -> float:
    wait_until_idle(server)
    return _answer(server, folder)


def _answer(server: KeepAlive, folder: Path) -> float:
    """Ask for a run, which ends at once because its bill is missing, and time the answer."""
    request = post(
        "/invocations",
        {"prompt": "Where can we save?", "input": str(folder / "missing.csv")},
        headers={SESSION_HEADER: str(uuid.uuid4())},
    )
    return timed_ms(lambda: server.send(request))


def wait_until_idle(server: KeepAlive) -> None:
    """Ping a server until no run is at work in it, and a moment longer."""
    while json.loads(server.send(_PING))["status"] != "Healthy":
        time.sleep(_SETTLE_SECONDS)
    time.sleep(_SETTLE_SECONDS)
