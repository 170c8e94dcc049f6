"""The emulator's own environment: resolved together with ours, an old emulator would come of it."""

from pathlib import Path

from local.own_environment import OwnEnvironment

CONSTRAINTS = Path(__file__).with_name("emulator-constraints.txt")


def emulator_environment(folder: Path) -> OwnEnvironment:
    """Name the emulator's environment in a folder."""
    return OwnEnvironment(name="the emulator", folder=folder, requirements=CONSTRAINTS)
