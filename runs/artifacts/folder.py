"""An artifact store in a folder: the laptop's, with no server."""

import hashlib
import os
import uuid
from pathlib import Path

from runs.errors import PayloadMissingError

#: What file systems take, in bytes. A session id may have one more.
_LONGEST_NAME = 255


class FolderStore:
    """See `runs.artifacts.base.ArtifactStore`. A key is a path below the root."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    def put(self, key: str, data: bytes, *, media_type: str) -> str:
        """See `ArtifactStore.put`. The bytes have reached the disk when it returns."""
        path = self._path(key)
        _make_folder(path.parent)
        # Beside the target, so that the rename is within one file system and therefore atomic.
        draft = path.parent / f".{uuid.uuid4().hex}.draft"
        try:
            _write_through(draft, data)
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
        return path.as_uri()

    def get(self, key: str) -> bytes:
        """See `ArtifactStore.get`."""
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise PayloadMissingError(key) from error

    def uri(self, key: str) -> str:
        """See `ArtifactStore.uri`."""
        return self._path(key).as_uri()

    def _path(self, key: str) -> Path:
        """Give the file of a key.

        Raises:
            ValueError: The key leads out of the root, or is not a plain relative path.
        """
        parts = key.split("/")
        if any(part in {"", ".", ".."} for part in parts) or "\\" in key or "\0" in key:
            msg = f"key {key!r} is not a plain relative path such as 'runs/<id>/report.md'"
            raise ValueError(msg)
        path = self._root.joinpath(*map(_file_name, parts))
        # A link inside the root could still lead out of it.
        if not path.resolve().is_relative_to(self._root.resolve()):
            msg = f"key {key!r} leads out of the folder {str(self._root)!r}"
            raise ValueError(msg)
        return path


def _file_name(part: str) -> str:
    """Give the file or folder of one part of a key: its own name, unless that is too long."""
    data = part.encode("utf-8", "surrogateescape")
    if len(data) <= _LONGEST_NAME:
        return part
    return f"{part[:40]}-{hashlib.sha256(data).hexdigest()}"


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _write_through(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make a folder's own entries, and with them a rename inside it, survive a power loss."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
