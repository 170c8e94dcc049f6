"""The Python that runs what is deployed, and byte code for it.

Byte code is of use to one minor version only, and neither AgentCore's code zip nor a Lambda
function can keep what it compiles: without it every cold start compiles all that it imports.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

#: The one version of the container image, of the code zip and of the Lambda functions.
PYTHON = "3.13"
#: Why a deployment may start slowly.
NO_BYTE_CODE = (
    f"there is no python{PYTHON} here (on the PATH, or of pyenv): what is deployed has no byte "
    "code, and each cold start compiles all that it imports"
)
_NAME = f"python{PYTHON}"
_SAYS_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def matching_interpreter(environ: Mapping[str, str]) -> Path | None:
    """Find an interpreter of the deployed version: this one, on the PATH, or one of pyenv's.

    None where there is none: packages are then made without byte code.
    """
    if "{}.{}".format(*sys.version_info[:2]) == PYTHON:
        return Path(sys.executable)
    return next((path for path in _candidates(environ) if _is_it(path)), None)


def compile_folder(folder: Path, *, python: Path, below: Sequence[str] = (".",)) -> None:
    """Compile what is `below` a folder for the interpreter `python`.

    The byte code is never compared with its source, whose time stamps a zip does not keep. Equal
    sources make equal byte code, wherever they lie.
    """
    subprocess.run(  # noqa: S603 - an interpreter found above, on our own folder
        [
            *(str(python), "-I", "-m", "compileall", "-q", "-j", "0"),
            *("--invalidation-mode", "unchecked-hash", "-s", ".", "-p", "/"),
            *below,
        ],
        cwd=folder,
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )


def tag_of(python: Path | None) -> str | None:
    """Give the mark of an interpreter's byte code, such as `cpython-313`."""
    return _answer(python, "import sys; print(sys.implementation.cache_tag)") if python else None


def _candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    for folder in environ.get("PATH", "").split(os.pathsep):
        if folder:
            yield Path(folder) / _NAME
    # A shim of pyenv's only runs what is chosen for the folder.
    root = Path(environ.get("PYENV_ROOT") or Path("~/.pyenv").expanduser())
    yield from sorted(root.glob(f"versions/{PYTHON}*/bin/{_NAME}"), reverse=True)


def _is_it(path: Path) -> bool:
    return path.is_file() and _answer(path, _SAYS_VERSION) == PYTHON


def _answer(python: Path, script: str) -> str | None:
    try:
        answer = subprocess.run(  # noqa: S603 - a Python of the user's
            [str(python), "-I", "-c", script],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return answer.stdout.strip() if not answer.returncode else None
