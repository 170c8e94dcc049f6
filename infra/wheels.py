"""The agent's requirements as files: wheels for Linux on arm64, unpacked by uv."""

import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from infra.elf import machine_code_in
from infra.interpreter import PYTHON

#: AgentCore's code zip and Lambda both run it on Amazon Linux 2023, whose glibc is 2.34.
_PLATFORM = "aarch64-manylinux_2_28"
_GLIBC_MINOR = 34
_ABI = re.compile(r"\.(cpython-\d+|abi3)[.-]")
_OURS = f"cpython-{PYTHON.replace('.', '')}"
_OUTPUT_CHARACTERS = 2_000


class WheelsError(Exception):
    """The requirements can't be had for the deployed platform."""


def install(requirements: Sequence[str], into: Path, *, project: Path) -> None:
    """Unpack what is asked for, and all that needs, into a folder.

    Args:
        requirements: Arguments of `uv pip install` that say what is asked for.
        into: An empty folder.
        project: Where the names of files in `requirements` are relative to.

    Raises:
        WheelsError: There is no uv, no index, or no wheel for the platform; or a wheel holds what
            the platform can't load.
    """
    # Not pip: it would judge the requirements' markers by the Python that runs it.
    command = [
        *(_uv(), "pip", "install", "--quiet", "--target", str(into)),
        *("--python-version", PYTHON, "--python-platform", _PLATFORM),
        *("--only-binary", ":all:", "--no-compile-bytecode", "--link-mode", "copy"),
        *requirements,
    ]
    answer = subprocess.run(  # noqa: S603 - uv, with arguments of our own
        command,
        cwd=project,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        said = answer.stderr.strip()[-_OUTPUT_CHARACTERS:]
        msg = f"uv can't unpack the agent's requirements for {_PLATFORM}, Python {PYTHON}: {said}"
        raise WheelsError(msg)
    check_loadable(into)


def check_loadable(folder: Path) -> None:
    """Check that all machine code in a folder is for the deployed platform and Python.

    Raises:
        WheelsError: Some is not; each such file is named.
    """
    wrong = []
    for found in machine_code_in(folder):
        name = str(found.path.relative_to(folder))
        abi = _ABI.search(found.path.name)
        if not found.is_aarch64:
            wrong.append(f"{name} is not for aarch64")
        elif abi and abi[1] not in (_OURS, "abi3"):
            wrong.append(f"{name} is for {abi[1]}, expected {_OURS} or abi3")
        elif found.glibc_minor > _GLIBC_MINOR:
            wrong.append(f"{name} needs glibc 2.{found.glibc_minor}, expected 2.{_GLIBC_MINOR}")
    if wrong:
        msg = f"machine code that can't be loaded where it is deployed: {'; '.join(wrong)}"
        raise WheelsError(msg)


def _uv() -> str:
    beside = sysconfig.get_path("scripts")
    found = shutil.which("uv", path=os.pathsep.join([beside, os.environ.get("PATH", "")]))
    if found is None:
        msg = f"there is no uv in {beside} nor on the PATH; `make setup` installs it"
        raise WheelsError(msg)
    return found
