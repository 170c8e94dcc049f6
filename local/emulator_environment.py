"""The emulator's own virtual environment.

Its pins and ours can't be had in one environment: a resolver would fall back to an old emulator.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from local.errors import EmulatorInstallError
from local.locks import file_lock

CONSTRAINTS = Path(__file__).with_name("emulator-constraints.txt")
_READY = ".ready"
_OUTPUT_CHARACTERS = 1_500


def emulator_python(folder: Path) -> Path:
    """Make the environment in a folder unless it is there, and give its interpreter.

    Safe to call from many processes at once. A half-made environment, or one made for other
    versions, is made again: the mark that it is whole is written last.

    Raises:
        EmulatorInstallError: The packages could not be installed.
    """
    python = folder / "bin" / "python"
    wanted = _fingerprint()
    if _is_ready(folder, wanted):
        return python
    with file_lock(folder.with_name(f"{folder.name}.lock")):
        if not _is_ready(folder, wanted):
            _make(folder)
            (folder / _READY).write_text(wanted, encoding="ascii")
    return python


def is_installed(folder: Path) -> bool:
    """Tell whether `emulator_python` would have nothing to do."""
    return _is_ready(folder, _fingerprint())


def _fingerprint() -> str:
    made_from = CONSTRAINTS.read_bytes() + sys.version.encode() + sys.base_prefix.encode()
    return hashlib.sha256(made_from).hexdigest()


def _is_ready(folder: Path, wanted: str) -> bool:
    try:
        return (folder / _READY).read_text(encoding="ascii") == wanted
    except OSError:
        return False


def _make(folder: Path) -> None:
    uv = _find_uv()
    if uv and _is_done_with_uv(uv, folder):
        return
    # uv does not read pip's configuration: an index known to pip alone is reached with pip.
    shutil.rmtree(folder, ignore_errors=True)
    _check(folder, [sys.executable, "-m", "venv", str(folder)])
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    _check(folder, [*pip, "install", "--quiet", "--requirement", str(CONSTRAINTS)])


def _find_uv() -> str | None:
    return shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))


def _is_done_with_uv(uv: str, folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    python = str(folder / "bin" / "python")
    install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python]
    steps = (
        [uv, "venv", "--quiet", "--python", sys.executable, str(folder)],
        [*install, "--requirement", str(CONSTRAINTS)],
    )
    return all(_run(step).returncode == 0 for step in steps)


def _check(folder: Path, command: Sequence[str]) -> None:
    answer = _run(command)
    if answer.returncode:
        output = (answer.stderr or answer.stdout).strip()
        raise EmulatorInstallError(folder, output[-_OUTPUT_CHARACTERS:])


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    # The user's environment is inherited whole: it says which index and proxy to use.
    return subprocess.run(  # noqa: S603 - the commands are this module's own
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
