"""UniTok alone: `python -m local.unitok [--port N] [--data FILE]`."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from local.ports import LOOPBACK
from local.unitok.app import build_app
from local.unitok.store import PostStore

DEFAULT_PORT = 8091


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(prog="python -m local.unitok", description=__doc__)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 is any free one")
    parser.add_argument("--data", type=Path, default=Path(".errand/unitok.db"), metavar="FILE")
    options = parser.parse_args(arguments)
    app = build_app(PostStore(options.data))
    uvicorn.run(app, host=LOOPBACK, port=options.port)


if __name__ == "__main__":
    main()
