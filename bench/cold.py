"""What byte code saves where everything is new: an agent's first start, and a function's.

A package without byte code is compiled at each start on a platform that keeps nothing of it. What
has byte code is measured in turns with what has none, each against its imports alone.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from bench.measure import Row, interleaved, median, spread
from bench.processes import output_of
from bench.startup import import_ms, listed, loaded_modules, server_ms
from infra.bundle import assemble
from local.agentcore import RUNTIME_ARN
from local.environment import without_aws
from local.home import PROJECT

_STARTS = 3
_IMPORTS = 9
_BAR = 1.2
#: The clients that the handler makes when it is loaded.
_SERVICES = ("dynamodb", "bedrock-agentcore")
_HANDLER = "import invoker.start"
#: Prints the milliseconds of a statement; nothing but the bundle and the standard library is there.
_TIMED = (
    "import sys, time; sys.path.insert(0, sys.argv[1]); began = time.perf_counter(); {}; "
    "print((time.perf_counter() - began) * 1000)"
)


def measure(folder: Path) -> list[Row]:
    """Measure the agent's start and the invoker's import, with byte code and without."""
    return [*_agent_rows(folder), *_invoker_rows(folder)]


def _agent_rows(folder: Path) -> list[Row]:
    names = listed(folder / "modules.json", loaded_modules(folder))
    # An empty folder in place of all that was compiled, the interpreter's own library included.
    none = {"PYTHONPYCACHEPREFIX": str(folder / "none"), "PYTHONDONTWRITEBYTECODE": "1"}
    works = [
        partial(server_ms, folder),
        partial(import_ms, names),
        partial(server_ms, folder, python=none),
        partial(import_ms, names, python=none),
    ]
    ours, alone, ours_compiled, alone_compiled = interleaved(works, rounds=_STARTS, warm_up=1)
    what = "process start to first healthy ping"
    note = "a process that only imports the same library modules"
    return [
        _row(f"{what}, with byte code", ours, alone, note=note),
        _row(f"{what}, without", ours_compiled, alone_compiled, note=f"{note}, without too"),
    ]


def _invoker_rows(folder: Path) -> list[Row]:
    compiled = assemble(PROJECT, folder / "bundles", python=Path(sys.executable))
    plain = assemble(PROJECT, folder / "bundles", python=None)
    clients = "; ".join(f"boto3.client({service!r})" for service in _SERVICES)
    bare = f"import boto3; {clients}"
    works = [
        partial(_import_ms, bundle, statement)
        for bundle in (compiled, plain)
        for statement in (_HANDLER, bare)
    ]
    ours, boto3, ours_compiled, boto3_compiled = interleaved(works, rounds=_IMPORTS, warm_up=1)
    what = "import of the invoker's handler from its bundle"
    note = f"import boto3 + clients of {' and '.join(_SERVICES)}, from the same bundle"
    return [
        _row(f"{what}, with byte code", ours, boto3, note=note, bar=_BAR),
        _row(f"{what}, without", ours_compiled, boto3_compiled, note=note),
    ]


def _import_ms(bundle: Path, statement: str) -> float:
    # -B: what is compiled now must not be there the next time.
    command = ["-B", "-I", "-S", "-c", _TIMED.format(statement), str(bundle)]
    return float(output_of(command, environ=_function_environment()))


def _function_environment() -> Mapping[str, str]:
    """Give the environment of a function that is loaded and never called."""
    return without_aws(os.environ) | {
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_SECRET_ACCESS_KEY": "none",
        "ERRAND_APPROVALS_URL": "https://approvals.example",
        "ERRAND_ARTIFACTS": "s3://artifacts/runs",
        "ERRAND_BUS": "errand",
        "ERRAND_LINK_KEYS": "link-keys",
        "ERRAND_REDISPATCH_SECONDS": "60",
        "ERRAND_RUNTIME_ARN": RUNTIME_ARN,
        "ERRAND_TABLE": "errand",
        "ERRAND_TOPIC_ARN": "arn:aws:sns:eu-central-1:000000000000:errand",
        "ERRAND_WORKFLOWS": "cost-analysis",
    }


def _row(
    what: str,
    samples: Sequence[float],
    baseline: Sequence[float],
    *,
    note: str,
    bar: float | None = None,
) -> Row:
    return Row(
        what=f"{what}, median",
        value=median(samples),
        baseline=median(baseline),
        note=note,
        bar=bar,
        samples=len(samples),
        spread=spread(samples),
        baseline_spread=spread(baseline),
    )
