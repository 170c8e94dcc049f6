"""The invoker's Lambda bundle: `invoker/`, `runs/`, and boto3 and itsdangerous as installed here.

They come along, so that the version tested is the version that runs, in the cloud and on the
emulator (whose interpreter has none). It is copied from the installed packages, which the
constraints file pins: no index is asked, and equal inputs make equal bundles.
"""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

#: Our own packages. `runs.journal.sqlite` comes along and is never imported.
PACKAGES = ("invoker", "runs")
_VENDORED = ("boto3", "itsdangerous")
#: The API models botocore ships take 28 MB; the bundle holds those the functions make clients of.
_SERVICES = frozenset(
    {
        "bedrock-agentcore",
        "dynamodb",
        "events",
        "s3",
        "secretsmanager",
        "sns",
        "sqs",
        "stepfunctions",
        "sts",
    }
)
#: What botocore keeps beside the services: end points, partitions, retry and default settings.
_MODELS = ("botocore", "data")
_MAKING = "making-"
_KEPT = 5
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def assemble(project: Path, folder: Path) -> Path:
    """Give the bundle of the code as it is now, as a folder inside `folder`; made once.

    Safe to call from several processes at once: a bundle appears whole or not at all.
    """
    files = {**_own_files(project), **_vendored_files()}
    bundle = folder / _fingerprint(files)
    if bundle.is_dir():
        return bundle
    folder.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=_MAKING, dir=folder))
    try:
        _copy(files, made)
        _publish(made, bundle)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return bundle


def _own_files(project: Path) -> dict[str, Path]:
    return {
        str(path.relative_to(project)): path
        for package in PACKAGES
        for path in (project / package).rglob("*.py")
    }


def _vendored_files() -> dict[str, Path]:
    return {
        name: path
        for distribution in _closure(*_VENDORED)
        for name, path in _files_of(distribution)
        if _is_needed(name)
    }


def _closure(*names: str) -> list[metadata.Distribution]:
    """Find distributions and all they require, extras left out."""
    found: dict[str, metadata.Distribution] = {}
    wanted = [*names]
    while wanted:
        each = wanted.pop()
        if each in found:
            continue
        found[each] = metadata.distribution(each)
        wanted += [
            _NAME.match(line)[0]  # type: ignore[index] # a requirement starts with a name
            for line in found[each].requires or ()
            if "extra ==" not in line
        ]
    return [found[each] for each in sorted(found)]


def _files_of(distribution: metadata.Distribution) -> Iterator[tuple[str, Path]]:
    for file in distribution.files or ():
        # Scripts are installed outside of site-packages, at a path that starts with '..'.
        if ".." not in file.parts and "__pycache__" not in file.parts:
            yield str(file), Path(str(distribution.locate_file(file)))


def _is_needed(name: str) -> bool:
    parts = Path(name).parts
    if parts[0].endswith(".dist-info"):
        return False
    is_model = parts[:2] == _MODELS and len(parts) > 3
    return not is_model or parts[2] in _SERVICES


def _fingerprint(files: Mapping[str, Path]) -> str:
    digest = hashlib.sha256()
    for name in sorted(files):
        content = hashlib.sha256(files[name].read_bytes()).hexdigest()
        digest.update(f"{name}\0{content}\n".encode())
    return digest.hexdigest()[:20]


def _copy(files: Mapping[str, Path], into: Path) -> None:
    for name, path in files.items():
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _publish(made: Path, bundle: Path) -> None:
    made.chmod(0o755)  # mkdtemp makes a folder nobody else can read; Lambda's user must
    try:
        made.replace(bundle)
    except OSError:
        if not bundle.is_dir():
            raise
    _prune(bundle.parent)


def _prune(folder: Path) -> None:
    """Remove all but the latest bundles; another process may be using one of those."""
    bundles = [each for each in folder.iterdir() if not each.name.startswith(_MAKING)]
    bundles.sort(key=lambda each: each.stat().st_mtime, reverse=True)
    for old in bundles[_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
