"""Folders that appear whole or not at all, made once from what they are named for.

Safe to use from several processes at once: the first to finish is kept, and the others take it.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

_MAKING = "making-"
_KEPT = 5


def fingerprint(files: Mapping[str, Path], *facts: str) -> str:
    """Name a folder for the files it is made from, and for what else it depends on."""
    digest = hashlib.sha256()
    for fact in facts:
        digest.update(f"{fact}\n".encode())
    for name in sorted(files):
        content = hashlib.sha256(files[name].read_bytes()).hexdigest()
        digest.update(f"{name}\0{content}\n".encode())
    return digest.hexdigest()[:20]


def made_once(folder: Path, name: str, make: Callable[[Path], None]) -> Path:
    """Give the folder of a name inside `folder`, filled by `make` if it is not there.

    Whatever `make` raises leaves nothing behind. All but the latest few are removed.
    """
    wanted = folder / name
    if wanted.is_dir():
        # The latest is the one that was asked for last: it is not removed while others are made.
        os.utime(wanted)
        return wanted
    folder.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=_MAKING, dir=folder))
    try:
        make(made)
        _publish(made, wanted)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return wanted


def copy(files: Mapping[str, Path], into: Path) -> None:
    """Copy files to their names inside a folder."""
    for name, path in files.items():
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def python_files(project: Path, *packages: str) -> dict[str, Path]:
    """Find the modules of packages, by their paths in the project."""
    return {
        str(path.relative_to(project)): path
        for package in packages
        for path in (project / package).rglob("*.py")
    }


def _publish(made: Path, wanted: Path) -> None:
    made.chmod(0o755)  # mkdtemp makes a folder nobody else can read; Lambda's user must
    try:
        made.replace(wanted)
    except OSError:
        if not wanted.is_dir():
            raise
    _prune(wanted.parent)


def _prune(folder: Path) -> None:
    """Remove all but the latest; another process may be using one of those."""
    whole = [each for each in folder.iterdir() if not each.name.startswith(_MAKING)]
    whole.sort(key=lambda each: each.stat().st_mtime, reverse=True)
    for old in whole[_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
