"""The peers' interpreter, and what their programs print."""

import json
import subprocess
from pathlib import Path
from typing import cast

from local.home import PROJECT
from local.own_environment import OwnEnvironment

_HERE = Path(__file__).parent
_PINS = _HERE / "requirements.txt"
_GIVE_UP_SECONDS = 300.0
_TAIL_CHARACTERS = 2_000


def peers() -> OwnEnvironment:
    """Name the environment that the peers share."""
    folder = PROJECT / ".build" / "peers"
    folder.parent.mkdir(parents=True, exist_ok=True)
    return OwnEnvironment(name="DBOS and the local runner", folder=folder, requirements=_PINS)


def program(name: str, *arguments: str) -> list[str]:
    """Give the command line of a peer's program."""
    return [str(peers().python()), str(_HERE / name), *arguments]


def entered(command: list[str]) -> list[float]:
    """Run a program that prints when each step was entered, and give the times, in seconds.

    Raises:
        RuntimeError: It failed; the message ends with what it said on standard error.
    """
    ended = subprocess.run(  # noqa: S603 - the commands are this package's own
        command,
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_GIVE_UP_SECONDS,
        text=True,
        check=False,
    )
    if ended.returncode:
        said = ended.stderr.strip()[-_TAIL_CHARACTERS:]
        msg = f"{' '.join(command[1:])} ended with code {ended.returncode}: {said}"
        raise RuntimeError(msg)
    return cast("list[float]", json.loads(ended.stdout.splitlines()[-1]))
