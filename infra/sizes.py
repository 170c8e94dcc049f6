"""How large a folder is, as it is and zipped."""

import zlib
from dataclasses import dataclass
from pathlib import Path

#: What a zip has per file besides its content and, twice, its name.
_ENTRY_BYTES = 30 + 46
#: The fastest: whoever zips for a deployment makes no larger file.
_LEVEL = 1
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of a folder's files, and at most of a zip of it."""

    unzipped: int
    zipped: int

    def fits(self, limit: "Size") -> bool:
        """Whether neither is above the limit's."""
        return self.unzipped <= limit.unzipped and self.zipped <= limit.zipped

    def __str__(self) -> str:
        """In megabytes of a million bytes."""
        unzipped, zipped = (f"{each / _MEGABYTE:.1f} MB" for each in (self.unzipped, self.zipped))
        return f"{unzipped}, zipped {zipped}"


def unzipped_size_of(folder: Path) -> int:
    """Count the bytes of a folder's files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def size_of(folder: Path) -> Size:
    """Measure a folder, and a zip of it. Takes about a second per 50 MB."""
    unzipped = zipped = 0
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            unzipped += len(content)
            name = str(path.relative_to(folder)).encode()
            zipped += _deflated(content) + _ENTRY_BYTES + 2 * len(name)
    return Size(unzipped=unzipped, zipped=zipped)


def _deflated(content: bytes) -> int:
    return min(len(content), len(zlib.compress(content, _LEVEL)))
