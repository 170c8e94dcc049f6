"""The invoker's Lambda bundle: `invoker/`, `runs/`, and what pyproject.toml says the invoker needs.

That comes along, so that the version tested is the version that runs, in the cloud and on the
emulator (whose interpreter has none). It is copied from the installed packages, which the
constraints file pins: no index is asked, and equal inputs make equal bundles.

`python -m infra.bundle` makes it and prints how large it is.
"""

import json
import os
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from importlib import metadata
from pathlib import Path, PurePosixPath

import botocore.session

from infra.assembling import copy, fingerprint, made_once, python_files
from infra.clients import services_called
from infra.interpreter import compile_folder, matching_interpreter, tag_of
from infra.settings import PROJECT
from infra.sizes import size_of

#: Our own packages. `runs.journal.sqlite` comes along and is never imported.
PACKAGES = ("invoker", "runs")
#: Where bundles are kept.
BUNDLES = PROJECT / ".build" / "invoker"

#: What no function reads: resources are no clients, examples are for the documentation, the time
#: zones are the system's, and there is no browser.
_SPARE = (
    *("boto3/data/*", "boto3/examples/*", "botocore/data/*/examples-1.json*"),
    *("dateutil/zoneinfo/*.tar.gz", "urllib3/contrib/emscripten/*", "*/py.typed", "*.pyi"),
    "*.dist-info/*",
)
#: What botocore keeps beside the services: end points, partitions, retry and default settings.
_MODELS = ("botocore", "data")
_ENDPOINTS = (*_MODELS, "endpoints.json")
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def assemble(project: Path, folder: Path, *, python: Path | None) -> Path:
    """Give the bundle of the code as it is now, as a folder inside `folder`; made once.

    Safe to call from several processes at once: a bundle appears whole or not at all.

    Args:
        project: Where our own packages and pyproject.toml are.
        folder: Where bundles are kept.
        python: The interpreter that byte code is made by; None makes none, and every cold start
            compiles all that it imports.
    """
    services = services_called(project, *PACKAGES)
    files = {**python_files(project, *PACKAGES), **_vendored_files(project, services)}

    def make(made: Path) -> None:
        copy(files, made)
        _trim_endpoints(made.joinpath(*_ENDPOINTS), services)
        if python:
            compile_folder(made, python=python)

    name = fingerprint({**files, "infra/bundle.py": Path(__file__)}, f"byte code {tag_of(python)}")
    return made_once(folder, name, make)


def _vendored_files(project: Path, services: frozenset[str]) -> dict[str, Path]:
    return {
        name: path
        for distribution in _closure(_requirements(project))
        for name, path in _files_of(distribution)
        if _is_needed(name, services)
    }


def _requirements(project: Path) -> list[str]:
    groups = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    return [_name(line) for line in groups["dependency-groups"]["invoker"]]


def _closure(names: Iterable[str]) -> list[metadata.Distribution]:
    """Find distributions and all they require, extras left out."""
    found: dict[str, metadata.Distribution] = {}
    wanted = [*names]
    while wanted:
        each = wanted.pop()
        if each in found:
            continue
        found[each] = metadata.distribution(each)
        wanted += [_name(line) for line in found[each].requires or () if "extra ==" not in line]
    return [found[each] for each in sorted(found)]


def _name(requirement: str) -> str:
    return _NAME.match(requirement)[0]  # type: ignore[index] # it starts with a name


def _files_of(distribution: metadata.Distribution) -> Iterator[tuple[str, Path]]:
    for file in distribution.files or ():
        # Scripts are installed outside of site-packages, at a path that starts with '..'.
        if ".." not in file.parts and "__pycache__" not in file.parts:
            yield str(file), Path(str(distribution.locate_file(file)))


def _is_needed(name: str, services: frozenset[str]) -> bool:
    if any(fnmatchcase(name, pattern) for pattern in _SPARE):
        return False
    parts = PurePosixPath(name).parts
    is_model = parts[:2] == _MODELS and len(parts) > 3
    # The models of all services take 28 MB.
    return not is_model or parts[2] in services


def _trim_endpoints(file: Path, services: frozenset[str]) -> None:
    """Leave the end points of some services: every cold start reads the file, 1.2 MB of all."""
    session = botocore.session.Session()
    prefixes = {session.get_service_model(each).endpoint_prefix for each in services}
    known = json.loads(file.read_bytes())
    for partition in known["partitions"]:
        found = partition["services"].items()
        partition["services"] = {name: value for name, value in found if name in prefixes}
    file.write_text(json.dumps(known, separators=(",", ":")), encoding="ascii")


def main() -> None:
    """Make the bundle that is deployed and print its size."""
    made = assemble(PROJECT, BUNDLES, python=matching_interpreter(os.environ))
    sys.stdout.write(f"{size_of(made)} {made}\n")


if __name__ == "__main__":
    main()
