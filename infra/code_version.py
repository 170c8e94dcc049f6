"""What tells whether the functions' code is that of a checkout."""

from pathlib import Path

from infra.assembling import fingerprint, python_files

#: The variable of each function that has the version it was deployed with.
VARIABLE = "ERRAND_CODE"
_PACKAGES = ("invoker", "runs")


def code_version(project: Path) -> str:
    """Give the version of the functions' own code, as it is in a checkout now."""
    return fingerprint(python_files(project, *_PACKAGES))
