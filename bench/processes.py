"""Python processes that do one thing and end."""

import subprocess
import sys
from collections.abc import Mapping, Sequence

from local.home import PROJECT

_GIVE_UP_SECONDS = 600.0


def output_of(arguments: Sequence[str], *, environ: Mapping[str, str]) -> str:
    """Run Python with some arguments, and give what it printed.

    Raises:
        subprocess.CalledProcessError: It failed; it has said why on standard error.
    """
    return subprocess.run(  # noqa: S603 - the commands are this package's own
        [sys.executable, *arguments],
        cwd=PROJECT,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=_GIVE_UP_SECONDS,
        text=True,
        check=True,
    ).stdout
