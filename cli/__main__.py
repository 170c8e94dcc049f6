"""`errand`, and `python -m cli`."""

import os
import sys
from io import TextIOWrapper

from cli.app import app


def main() -> None:
    """Run the command line; end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A name that the terminal can't write must not end a command.
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="errand")
    finally:
        _flush()


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # `errand list | head`: the reader has gone. Python would complain at exit otherwise.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
