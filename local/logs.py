"""The supervisor's log: JSON lines, as all processes write them."""

import logging
import sys

from runs.telemetry.logs import log_to


def configure() -> None:
    """Send this process's logs to standard error; once per process."""
    log_to(sys.stderr)
    # It has servers for others, whose every start and stop says nothing a person needs.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
