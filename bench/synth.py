"""How long the CDK app takes to write its template, for each target and each artifact.

What it is made from is in place: the agent's wheels are unpacked, and the functions' bundle is
made. That is done once for each state of the code and of what it requires.
"""

import os
from functools import partial
from pathlib import Path

from bench.measure import Row, interleaved, spread, timed_ms
from bench.processes import output_of

_ROUNDS = 3
_BAR_SECONDS = 15
_CASES = tuple(
    (target, artifact) for target in ("local", "aws") for artifact in ("code", "container")
)


def measure(folder: Path) -> list[Row]:
    """Measure whole processes, cdk-nag included where it looks."""
    works = [partial(_synth_seconds, folder, target, artifact) for target, artifact in _CASES]
    measured = interleaved(works, rounds=_ROUNDS, warm_up=1)
    return [
        Row(
            what=f"synthesis for {target}, {artifact}, worst",
            value=max(seconds),
            note="`python -m infra.app`, from its start to its end",
            bar=_BAR_SECONDS,
            unit="s",
            samples=_ROUNDS,
            spread=spread(seconds),
        )
        for (target, artifact), seconds in zip(_CASES, measured, strict=True)
    ]


def _synth_seconds(folder: Path, target: str, artifact: str) -> float:
    output = folder / f"{target}-{artifact}"
    context = ["-c", f"target={target}", "-c", f"artifact={artifact}"]
    arguments = ["-m", "infra.app", *context, "-o", str(output)]
    return timed_ms(lambda: output_of(arguments, environ=os.environ)) / 1000
