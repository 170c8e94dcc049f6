"""The agent as AgentCore and Lambda take it: a folder to zip, for Linux on arm64 and Python 3.13.

`python -m infra.agent_code` makes both and prints how large they are.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

from infra.assembling import copy, fingerprint, made_once
from infra.interpreter import NO_BYTE_CODE, compile_folder, matching_interpreter
from infra.settings import PROJECT
from infra.sizes import Size, size_of
from infra.wheels import WheelsError, install

#: What AgentCore starts in the folder. It ends with .py because the service demands it.
ENTRY_POINT = ("opentelemetry-instrument", "agent/main.py")
#: What Lambda calls in the folder made for it.
HANDLER = "agent.lambda_home.handler"
#: Where the folders are kept.
FOLDER = PROJECT / ".build" / "agent"

#: Our own: the code, and what the workflows take when a request names no input.
OWN = ("agent", "runs", "data")
#: What a folder of wheels is made by: another way of making it is another folder.
_MAKERS = ("agent_code.py", "interpreter.py", "wheels.py")
#: Scripts of wheels are for the machine that unpacks them; the service calls this one.
_SCRIPT = Path("bin", "opentelemetry-instrument")
_SHEBANG = "#!/usr/bin/env python3"
#: What wheels bring that nothing needs at work: tests, what compilers and type checkers read, what
#: makes fontTools faster (it has the same in Python), and what the AWS documentation is made from.
_SPARE = (
    *("**/tests", "**/*.a", "**/*.c", "**/*.h", "**/*.pxd", "**/*.pyi", "**/*.pyx"),
    *("fontTools/**/*.so", "botocore/data/*/*/examples-1.json*"),
)
#: What the function imports first, by what it saves; numpy is large and saves little.
_IMPORTED_BY_FUNCTION = (
    *("anyio", "attr", "aws_durable_execution_sdk_python", "bedrock_agentcore/runtime", "boto3"),
    *("botocore", "dateutil", "jsonschema", "matplotlib", "opentelemetry", "packaging", "pydantic"),
    *("pyparsing", "s3transfer", "starlette", "strands", "urllib3", "watchdog", "yaml"),
)


class Home(StrEnum):
    """Where the agent is to run."""

    #: AgentCore Runtime's code zip.
    AGENTCORE = "agentcore"
    #: A Lambda durable function, which may be a third as large.
    LAMBDA = "lambda"


@dataclass(frozen=True, slots=True)
class _Needs:
    """What a home's folder holds beside our own code."""

    #: Arguments of `uv pip install`.
    requirements: tuple[str, ...]
    #: The files these name.
    files: tuple[str, ...]
    limit: Size
    #: What gets byte code, where there is no room for all of it.
    compiled: tuple[str, ...] = (".",)


_NEEDS = {
    Home.AGENTCORE: _Needs(
        requirements=("--requirements", "requirements.txt"),
        files=("requirements.txt",),
        limit=Size(unzipped=750_000_000, zipped=250_000_000),
    ),
    Home.LAMBDA: _Needs(
        requirements=("--group", "function", "--constraints", "constraints.txt"),
        files=("pyproject.toml", "constraints.txt"),
        limit=Size(unzipped=262_144_000, zipped=262_144_000),
        compiled=_IMPORTED_BY_FUNCTION,
    ),
}


def assemble_agent(project: Path, folder: Path, *, home: Home = Home.AGENTCORE) -> Path:
    """Give the agent's code as it is now, as a folder inside `folder`; made once.

    Safe to call from several processes at once: it appears whole or not at all. The wheels are
    unpacked again only when what is required changes; that asks the package index, or uv's cache.

    Raises:
        WheelsError: What is required can't be had for the deployed platform.
    """
    python = matching_interpreter(os.environ)
    own = _own_files(project)
    wheels = _wheels(project, folder / home / "wheels", needs=_NEEDS[home], python=python)
    return made_once(
        folder / home / "code",
        fingerprint(own, wheels.name),
        partial(_fill, own=own, wheels=wheels, python=python),
    )


def limit_of(home: Home) -> Size:
    """What the service takes."""
    return _NEEDS[home].limit


def _own_files(project: Path) -> dict[str, Path]:
    return {
        str(path.relative_to(project)): path
        for name in OWN
        for path in (project / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _wheels(project: Path, folder: Path, *, needs: _Needs, python: Path | None) -> Path:
    def make(made: Path) -> None:
        install(needs.requirements, made, project=project)
        _trim(made)
        if python:
            compile_folder(made, python=python, below=needs.compiled)

    files = {name: project / name for name in needs.files}
    makers = {name: Path(__file__).with_name(name) for name in _MAKERS}
    name = fingerprint({**files, **makers}, f"byte code {python is not None}")
    return made_once(folder, name, make)


def _trim(folder: Path) -> None:
    for path in (folder / "bin").iterdir():
        if path != folder / _SCRIPT:
            path.unlink()
    if (folder / _SCRIPT).is_file():
        _make_portable(folder / _SCRIPT)
    for path in (each for pattern in _SPARE for each in [*folder.glob(pattern)]):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _make_portable(script: Path) -> None:
    _, rest = script.read_text(encoding="utf-8").split("\n", 1)
    script.write_text(f"{_SHEBANG}\n{rest}", encoding="utf-8")


def _fill(made: Path, *, own: dict[str, Path], wheels: Path, python: Path | None) -> None:
    shutil.copytree(wheels, made, copy_function=_link, dirs_exist_ok=True)
    copy(own, made)
    if python:
        compile_folder(made, python=python, below=OWN)


def _link(source: str, target: str) -> None:
    """Share a file that nobody changes, where the file system can."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the folders and print their sizes; end with a message if one can't be made."""
    parser = argparse.ArgumentParser(prog="python -m infra.agent_code", description=__doc__)
    parser.add_argument("home", nargs="*", type=Home, help="agentcore, lambda; by default both")
    homes = parser.parse_args(arguments).home or Home
    if matching_interpreter(os.environ) is None:
        sys.stderr.write(f"infra.agent_code: {NO_BYTE_CODE}\n")
    for home in homes:
        try:
            made = assemble_agent(PROJECT, FOLDER, home=home)
        except WheelsError as error:
            msg = f"infra.agent_code: {error}"
            raise SystemExit(msg) from error
        size = size_of(made)
        limit = limit_of(home)
        sys.stdout.write(f"{home}: {size} (at most {limit}) {made}\n")
        if not size.fits(limit):
            msg = f"infra.agent_code: {home} takes {limit} at most, and this is {size}"
            raise SystemExit(msg)


if __name__ == "__main__":
    main()
