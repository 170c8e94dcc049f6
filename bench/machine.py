"""What a result depends on besides the code: the machine, the versions, what else was running."""

import os
import platform
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path

from local.emulator_environment import CONSTRAINTS
from local.home import PROJECT
from runs.json_types import Json

_PACKAGES = (
    "aws-durable-execution-sdk-python",
    "bedrock-agentcore",
    "boto3",
    "duckdb",
    "starlette",
    "strands-agents",
    "uvicorn",
)


def facts() -> dict[str, Json]:
    """Describe this machine, without its name or its paths."""
    # Without the builder's own suffix, which says nothing to others.
    release = platform.release().partition("-")[0]
    return {
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "system": f"{platform.system()} {release} {platform.machine()}",
        "file_system": _file_system(PROJECT),
    }


def versions() -> dict[str, Json]:
    """Name the versions that were measured."""
    return {
        "commit": _commit(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: version(name) for name in _PACKAGES},
        "ministack": _emulator_version(),
    }


def load() -> float:
    """Give the load average of the last minute."""
    return round(os.getloadavg()[0], 2)


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _file_system(path: Path) -> str | None:
    """Name the type of the file system a path is on, where the system tells."""
    try:
        lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    mounts = {fields[1]: fields[2] for fields in map(str.split, lines)}
    found = (str(folder) for folder in (path, *path.parents) if str(folder) in mounts)
    return mounts.get(next(found, ""))


def _commit() -> str | None:
    answer = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607 - whichever git the user has
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() or None


def _emulator_version() -> str | None:
    pins = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    found = (pin.partition("==")[2] for pin in pins if pin.startswith("ministack"))
    return next(found, None)
