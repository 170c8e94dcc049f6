"""The CDK's command, in the version that package.json pins."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.refused import RefusedError

_NAME = "aws-cdk"


def cdk_command(project: Path, *, environ: Mapping[str, str]) -> Path:
    """Give the `cdk` command of a project, and install it first if it is another version.

    Raises:
        RefusedError: It is not there, and can't be installed.
    """
    modules = project / "node_modules"
    if _installed(modules) != _pinned(project):
        _install(project, environ)
    return modules / ".bin" / "cdk"


def _pinned(project: Path) -> str:
    return str(_read(project / "package.json")["devDependencies"][_NAME])


def _installed(modules: Path) -> str | None:
    file = modules / _NAME / "package.json"
    return str(_read(file)["version"]) if file.is_file() else None


def _install(project: Path, environ: Mapping[str, str]) -> None:
    npm = shutil.which("npm", path=environ.get("PATH"))
    if npm is None:
        msg = "there is no npm, which installs the CDK's command: install Node 22 with npm"
        raise RefusedError(msg)
    # One package without dependencies, in one exact version: a lock file would say nothing more.
    options = ("--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
    done = subprocess.run(  # noqa: S603 - constant but the program's path
        [npm, "install", *options], cwd=project, env=environ, check=False
    )
    if done.returncode:
        msg = "npm could not install the CDK's command; see above"
        raise RefusedError(msg)


def _read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found
