"""The peers' interpreter, and what their programs print."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from bench.processes import output_of
from local.home import PROJECT
from local.own_environment import OwnEnvironment

_HERE = Path(__file__).parent
_PINS = _HERE / "requirements.txt"


def peers() -> OwnEnvironment:
    """Name the environment that the peers share."""
    folder = PROJECT / ".build" / "peers"
    folder.parent.mkdir(parents=True, exist_ok=True)
    return OwnEnvironment(
        name="DBOS, LangGraph and the local runner", folder=folder, requirements=_PINS
    )


def program(name: str, *arguments: str) -> list[str]:
    """Give the command line of a peer's program."""
    return [str(peers().python()), str(_HERE / name), *arguments]


def entered(command: Sequence[str]) -> list[float]:
    """Run a program that prints when each step was entered, and give the times, in seconds.

    Raises:
        RuntimeError: It failed; the message ends with what it said on standard error.
    """
    python, *arguments = command
    printed = output_of(arguments, environ=os.environ, python=python)
    return cast("list[float]", json.loads(printed.splitlines()[-1]))
