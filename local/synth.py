"""Making the local template with the CDK, once for each state of the code it is made from."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from local.errors import SynthesisError
from local.node import require_node

#: What the template and its Lambda bundles are made from, in the project.
_SOURCES = ("infra", "statemachine", "invoker", "runs")
_SOURCE_FILES = ("agent/workflows/registry.toml", "constraints.txt", "pyproject.toml")
_KEPT = 3
_MAKING = "making-"
_OUTPUT_CHARACTERS = 2_000


def fingerprint(project: Path, *, webhooks: Sequence[str] = ()) -> str:
    """Hash all that the template depends on."""
    digest = hashlib.sha256(sys.version.encode())
    digest.update(" ".join(webhooks).encode())
    for path in _source_files(project):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(project)}\0{content}\n".encode())
    return digest.hexdigest()[:20]


def cached(project: Path, cache: Path, *, webhooks: Sequence[str] = ()) -> Path | None:
    """Give the assembly made from the code as it is now; None if it was never made."""
    folder = cache / fingerprint(project, webhooks=webhooks)
    return folder if folder.is_dir() else None


def synthesise(
    project: Path, cache: Path, *, environ: Mapping[str, str], webhooks: Sequence[str] = ()
) -> Path:
    """Give the folder of the local cloud assembly, making it if the code changed.

    Two processes may do it at once: both make one, and the first to finish is kept.

    Args:
        project: Where the code is.
        cache: Where assemblies are kept.
        environ: The environment of the CDK app.
        webhooks: Where events are posted to.

    Raises:
        NodeMissingError: It has to be made, and there is no Node that can.
        SynthesisError: The CDK app failed.
    """
    folder = cache / fingerprint(project, webhooks=webhooks)
    if folder.is_dir():
        return folder
    require_node(environ)
    cache.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=_MAKING, dir=cache))
    try:
        _run_cdk_app(project, made, environ, webhooks=webhooks)
        return _keep(made, folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _source_files(project: Path) -> Iterator[Path]:
    for folder in _SOURCES:
        for path in sorted((project / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path
    for name in _SOURCE_FILES:
        if (project / name).is_file():
            yield project / name


def _run_cdk_app(
    project: Path, output: Path, environ: Mapping[str, str], *, webhooks: Sequence[str]
) -> None:
    context = ["-c", "target=local"]
    if webhooks:
        context += ["-c", f"webhook={','.join(webhooks)}"]
    answer = subprocess.run(  # noqa: S603 - our own app; addresses are arguments, and checked there
        [sys.executable, "-m", "infra.app", *context],
        cwd=project,
        env=_cdk_environment(environ, output),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode or not (output / "manifest.json").is_file():
        said = (answer.stderr or answer.stdout).strip()[-_OUTPUT_CHARACTERS:]
        raise SynthesisError(answer.returncode, said or "it said nothing")


def _cdk_environment(environ: Mapping[str, str], output: Path) -> dict[str, str]:
    return {
        # By default in the user's home folder, which need not be there or writable.
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(output.parent.with_name("jsii")),
        **environ,
        "CDK_OUTDIR": str(output),
        # jsii writes a banner about the end of Node 20 into every error; it still runs there.
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
    }


def _keep(made: Path, folder: Path) -> Path:
    try:
        made.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
    _prune(folder.parent)
    return folder


def _prune(cache: Path) -> None:
    whole = [path for path in cache.iterdir() if not path.name.startswith(_MAKING)]
    whole.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for old in whole[_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
