"""Virtual environments of their own, for programs whose pins and ours can't be had in one."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local.errors import EnvironmentInstallError
from local.locks import file_lock

_READY = ".ready"
_OUTPUT_CHARACTERS = 1_500


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnEnvironment:
    """A folder with an interpreter and the packages that a requirements file names."""

    #: What messages call that which is installed.
    name: str
    folder: Path
    requirements: Path

    def python(self) -> Path:
        """Make the environment unless it is there, and give its interpreter.

        Safe to call from many processes at once. A half-made environment, or one made for other
        versions, is made again: the mark that it is whole is written last.

        Raises:
            EnvironmentInstallError: The packages could not be installed.
        """
        if not self.is_ready():
            with file_lock(self.folder.with_name(f"{self.folder.name}.lock")):
                if not self.is_ready():
                    self._make()
                    (self.folder / _READY).write_text(self._fingerprint(), encoding="ascii")
        return self._interpreter

    def is_ready(self) -> bool:
        """Tell whether `python` would have nothing to do."""
        try:
            return (self.folder / _READY).read_text(encoding="ascii") == self._fingerprint()
        except OSError:
            return False

    @property
    def _interpreter(self) -> Path:
        return self.folder / "bin" / "python"

    def _fingerprint(self) -> str:
        made_from = self.requirements.read_bytes() + sys.version.encode() + sys.base_prefix.encode()
        return hashlib.sha256(made_from).hexdigest()

    def _make(self) -> None:
        uv = _find_uv()
        if uv and self._is_done_with_uv(uv):
            return
        # uv does not read pip's configuration: an index known to pip alone is reached with pip.
        shutil.rmtree(self.folder, ignore_errors=True)
        self._check([sys.executable, "-m", "venv", str(self.folder)])
        pip = [str(self._interpreter), "-m", "pip", "--disable-pip-version-check"]
        self._check([*pip, "install", "--quiet", "--requirement", str(self.requirements)])

    def _is_done_with_uv(self, uv: str) -> bool:
        shutil.rmtree(self.folder, ignore_errors=True)
        python = str(self._interpreter)
        install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python]
        steps = (
            [uv, "venv", "--quiet", "--python", sys.executable, str(self.folder)],
            [*install, "--requirement", str(self.requirements)],
        )
        return all(_run(step).returncode == 0 for step in steps)

    def _check(self, command: Sequence[str]) -> None:
        answer = _run(command)
        if answer.returncode:
            output = (answer.stderr or answer.stdout).strip()
            raise EnvironmentInstallError(self.name, self.folder, output[-_OUTPUT_CHARACTERS:])


def _find_uv() -> str | None:
    return shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    # The user's environment is inherited whole: it says which index and proxy to use.
    return subprocess.run(  # noqa: S603 - the commands are this module's own
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
