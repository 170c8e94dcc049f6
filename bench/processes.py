"""Python processes that do one thing and end."""

import subprocess
import sys
from collections.abc import Mapping, Sequence

from local.home import PROJECT

_GIVE_UP_SECONDS = 600.0
#: How much of what a failed process said goes into the error.
_TAIL_CHARACTERS = 2_000


def output_of(
    arguments: Sequence[str], *, environ: Mapping[str, str], python: str = sys.executable
) -> str:
    """Run Python, ours or another, with some arguments, and give what it printed.

    Raises:
        RuntimeError: It failed; the message ends with what it said on standard error.
    """
    ended = subprocess.run(  # noqa: S603 - the commands are this package's own
        [python, *arguments],
        cwd=PROJECT,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_GIVE_UP_SECONDS,
        text=True,
        check=False,
    )
    if ended.returncode:
        said = ended.stderr.strip()[-_TAIL_CHARACTERS:]
        msg = f"python {' '.join(arguments)} ended with code {ended.returncode}: {said}"
        raise RuntimeError(msg)
    return ended.stdout
