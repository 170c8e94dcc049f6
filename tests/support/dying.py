"""A worker that dies in a requirement's workflow: `python -m tests.support.dying FOLDER NUMBER`."""

import sys
from pathlib import Path

from tests.conformance.interrupted import REQUIREMENTS
from tests.support.conformance import LeapingClock, engine_on, workflow_of


def main(folder: Path, number: str) -> None:
    """Make the first attempt at the run that the folder's journal holds."""
    (requirement,) = (each for each in REQUIREMENTS if each.number == number)
    engine = engine_on(folder, clock=LeapingClock())
    engine.registry = workflow_of(requirement)
    engine.look()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
