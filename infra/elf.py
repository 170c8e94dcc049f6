"""What a machine-code file was made for, read from its header."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MAGIC = b"\x7fELF"
_HEADER_BYTES = 20
_64_BIT = 2
_LITTLE_ENDIAN = 1
_AARCH64 = 183
_GLIBC = re.compile(rb"GLIBC_2\.(\d+)\0")


@dataclass(frozen=True, slots=True)
class MachineCode:
    """A shared library, an extension or a program."""

    path: Path
    is_aarch64: bool
    #: The minor version of the newest glibc 2 whose symbols it asks for; 0 if it asks for none.
    glibc_minor: int


def machine_code_in(folder: Path) -> Iterator[MachineCode]:
    """Find the files of machine code in a folder, whatever their names say."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (found := _read(path)):
            yield found


def _read(path: Path) -> MachineCode | None:
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
        if not header.startswith(_MAGIC) or len(header) < _HEADER_BYTES:
            return None
        rest = file.read()
    is_64_little = header[4] == _64_BIT and header[5] == _LITTLE_ENDIAN
    return MachineCode(
        path=path,
        is_aarch64=is_64_little and int.from_bytes(header[18:20], "little") == _AARCH64,
        glibc_minor=max((int(minor) for minor in _GLIBC.findall(rest)), default=0),
    )
