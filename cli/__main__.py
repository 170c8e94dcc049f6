"""`errand`, and `python -m cli`."""

import gc
import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from cli.app import app
from cli.errors import ExitCode

#: How many more objects there are when Python looks for circles among them. Importing makes a few
#: hundred thousand that stay: looking through them, again and again, is a third of a command's
#: time. One that watches for hours still looks now and then.
_COLLECT_AFTER = 500_000


def main() -> None:
    """Run the command line; end the process with its exit code."""
    gc.set_threshold(_COLLECT_AFTER, 10, 10)
    _prepare_streams()
    try:
        app(prog_name="errand")
    finally:
        _flush()
        # Nor once more at the end, for memory that goes back to the system as a whole.
        gc.freeze()


def _prepare_streams() -> None:
    # `errand … >&-`: Python has no stream at all then.
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A name that the terminal can't write must not end a command.
            stream.reconfigure(errors="replace")


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


def _flush() -> None:
    """Write what is left; Python would end with a complaint of its own if it can't be written."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # `errand list | head`: the reader has gone, and knows why.
        if not isinstance(error, BrokenPipeError):
            sys.stderr.write(f"errand: what was asked for can't be written: {error}\n")
            sys.exit(ExitCode.UNREACHABLE)


if __name__ == "__main__":
    main()
