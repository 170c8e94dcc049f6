"""What the invoker's own code costs: warm against the calls it makes, cold against its clients."""

import json
import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.measure import Row, interleaved, median, percentile, spread
from bench.processes import output_of
from bench.stand_in import standing_in
from bench.warm_invoker import Timing
from infra.bundle import assemble
from local.agentcore import RUNTIME_ARN
from local.assembly import read_assembly
from local.deploy import deploy
from local.emulator import EmulatorSettings, start_emulator, wait_for_emulator
from local.emulator_environment import emulator_environment
from local.environment import without_aws
from local.home import PROJECT, Home
from local.ports import free_port
from local.processes import stop_child
from local.synth import synthesise

_WARM_ROUNDS = 300
_COLD_ROUNDS = 11
_WARM_BAR = 1.3
_COLD_BAR = 1.2
#: Where boto3 is installed.
_INSTALLED = sysconfig.get_path("purelib")
#: Prints the milliseconds that the second of two statements takes.
_TIMED = (
    "import sys; {}; import time; began = time.perf_counter(); {}; "
    "print((time.perf_counter() - began) * 1000)"
)


def measure(folder: Path) -> list[Row]:
    """Measure the handler warm, and its import in a fresh interpreter."""
    with _surroundings(folder) as environ:
        timing = _warm(environ)
        cold = _cold(environ, timing.services, folder=folder)
    calls = " + ".join(timing.operations)
    return [
        _warm_row("p50", timing, percent=50, bar=_WARM_BAR, calls=calls),
        _warm_row("p99", timing, percent=99, bar=None, calls=calls),
        Row(
            what="import of the invoker's handler from its bundle, fresh interpreter, median",
            value=median(cold[0]),
            baseline=median(cold[1]),
            note=f"import boto3 + clients of {' and '.join(timing.services)}",
            bar=_COLD_BAR,
            samples=_COLD_ROUNDS,
            spread=spread(cold[0]),
            baseline_spread=spread(cold[1]),
        ),
    ]


def _warm_row(name: str, timing: Timing, *, percent: int, bar: float | None, calls: str) -> Row:
    return Row(
        what=f"invoker handler, warm, {name}",
        value=percentile(timing.handler_ms, percent),
        baseline=percentile(timing.bare_ms, percent),
        note=f"its calls made bare: {calls}",
        bar=bar,
        samples=_WARM_ROUNDS,
        spread=spread(timing.handler_ms),
        baseline_spread=spread(timing.bare_ms),
    )


def _warm(environ: dict[str, str]) -> Timing:
    command = ["-m", "bench.warm_invoker", str(_WARM_ROUNDS)]
    return Timing(**json.loads(output_of(command, environ=environ)))


def _cold(environ: dict[str, str], services: Sequence[str], *, folder: Path) -> list[list[float]]:
    """Import what is deployed as Lambda does: the bundle, with its byte code, and nothing else.

    Against boto3 as it is installed, with byte code too.
    """
    bundle = assemble(PROJECT, folder / "bundles", python=Path(sys.executable))
    clients = "; ".join(f"boto3.client({service!r})" for service in services)
    works = [
        partial(
            _timed_script, f"sys.path.insert(0, {str(bundle)!r})", "import invoker.start", environ
        ),
        partial(
            _timed_script,
            f"sys.path.insert(0, {_INSTALLED!r})",
            f"import boto3; {clients}",
            environ,
        ),
    ]
    return interleaved(works, rounds=_COLD_ROUNDS)


def _timed_script(before: str, script: str, environ: dict[str, str]) -> float:
    command = ["-I", "-S", "-c", _TIMED.format(before, script)]
    return float(output_of(command, environ=environ))


@contextmanager
def _surroundings(folder: Path) -> Iterator[dict[str, str]]:
    """Give the environment of a deployed function, with an agent that answers at once."""
    settings = EmulatorSettings(
        port=free_port(), state=folder / "emulator", log_file=folder / "emulator.log"
    )
    home = Home.at(folder)
    assembly = read_assembly(synthesise(PROJECT, home.cache, environ=os.environ))
    python = emulator_environment(home.emulator_environment).python()
    child = start_emulator(python, settings, environ=os.environ)
    try:
        wait_for_emulator(child, settings)
        parameters = {
            "RuntimeArn": RUNTIME_ARN,
            "ArtifactsUri": str(folder / "artifacts"),
            "LinkKeysFile": str(home.link_keys),
            "WebhookKeysFile": str(home.webhook_secrets),
            "Endpoint": settings.endpoint,
        }
        outputs = deploy(assembly, endpoint=settings.endpoint, parameters=parameters)
        with standing_in() as agentcore_url:
            yield without_aws(os.environ) | {
                "AWS_ENDPOINT_URL": settings.endpoint,
                "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": agentcore_url,
                "ERRAND_ARTIFACTS": parameters["ArtifactsUri"],
                "ERRAND_APPROVALS_URL": outputs["ApprovalsUrl"],
                "ERRAND_BUS": outputs["BusName"],
                "ERRAND_LINK_KEYS": outputs["LinkKeys"],
                "ERRAND_TOPIC_ARN": outputs["TopicArn"],
                "ERRAND_REDISPATCH_SECONDS": "60",
                "ERRAND_RUNTIME_ARN": RUNTIME_ARN,
                "ERRAND_TABLE": outputs["TableName"],
                "ERRAND_WORKFLOWS": "cost-analysis",
            }
    finally:
        stop_child(child)
