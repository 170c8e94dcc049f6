"""A bill's file: checked, unpacked and known as CSV or Parquet before anything reads it."""

import csv
import gzip
import hashlib
import io
import threading
import zlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from agent.errors import AttemptStoppedError
from agent.workflows.cost.errors import (
    BillNotFoundError,
    BillTooLargeError,
    BillUnreadableError,
    CorruptBillError,
    EmptyBillError,
    UnsupportedBillError,
)

#: Names of files that are read end in one of these.
ENDINGS = (".csv", ".csv.gz", ".parquet")
#: Unpacked. DuckDB streams, so this bounds time and disk, not memory.
MAX_BYTES = 16 * 2**30
#: A header is the first line; longer than this it is none.
MAX_HEADER = 2**20
CHUNK = 2**20

_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Layout(StrEnum):
    """How a table is written in a file."""

    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A file that holds a table, unpacked."""

    #: What the bill was called where it came from.
    where: str
    path: Path
    layout: Layout
    #: Of the file as it was given, before unpacking.
    sha256: str


def open_table(where: str, path: Path, *, work: Path, stop: threading.Event) -> Table:
    """Check a file and unpack it into a folder.

    Content decides over the name: a gzip called `.csv` is unpacked, a Parquet file is read as one.

    Raises:
        BillError: It can't be used; each reason has its own class and message.
        AttemptStoppedError: The attempt must stop.
    """
    _check(where, path)
    try:
        digest = _sha256(path, stop)
        start = _start(path)
        # A name of our own: in DuckDB's paths `*`, `?` and `[` are patterns.
        given = work / "given"
        given.unlink(missing_ok=True)
        given.symlink_to(path.absolute())
        unpacked = given
        if start.startswith(_GZIP):
            unpacked = work / "unpacked"
            _unpack(where, path, unpacked, stop)
            start = _start(unpacked)
    except OSError as error:
        raise BillUnreadableError(where, f"can't be read: {error.strerror or error}") from error
    if not start:
        raise EmptyBillError(where, "is empty")
    layout = Layout.PARQUET if start.startswith(_PARQUET) else Layout.CSV
    return Table(where=where, path=unpacked, layout=layout, sha256=digest)


def check_ending(where: str) -> None:
    """Refuse a name that does not end as the files do that are read.

    Raises:
        UnsupportedBillError: It does not.
    """
    if not where.lower().endswith(ENDINGS):
        raise UnsupportedBillError(where, ending=Path(where).suffix, supported=ENDINGS)


def read_header(table: Table) -> tuple[list[str], str]:
    """Give a CSV file's column names and its delimiter.

    Names that come twice get a number, so that each can be asked for.

    Raises:
        CorruptBillError: It is not UTF-8 text, or its first line is no header.
        EmptyBillError: It is blank.
    """
    with table.path.open("rb") as file:
        start = file.read(MAX_HEADER)
    line = _decoded(table.where, start).lstrip("\r\n").split("\n", 1)[0].rstrip("\r")
    if not line.strip():
        raise EmptyBillError(table.where, "holds nothing but white space")
    delimiter = max(",;\t|", key=line.count)
    try:
        names = next(csv.reader(io.StringIO(line), delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        why = f"has a first line that is no CSV header: {error}"
        raise CorruptBillError(table.where, why) from error
    return _distinct([name.strip() for name in names]), delimiter


def _check(where: str, path: Path) -> None:
    try:
        if path.is_dir():
            raise BillUnreadableError(where, "is a directory, expected one file")
        if not path.exists():
            raise BillNotFoundError(where)
        if not path.is_file():
            raise BillUnreadableError(where, "is a device or a pipe, expected a file")
        size = path.stat().st_size
    except OSError as error:
        raise BillUnreadableError(where, f"can't be read: {error.strerror or error}") from error
    check_ending(where)
    if size > MAX_BYTES:
        raise BillTooLargeError(where, size=f"{size:,} bytes", limit=f"{MAX_BYTES:,}")


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def _sha256(path: Path, stop: threading.Event) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            _stop_if_asked(stop)
            digest.update(chunk)
    return digest.hexdigest()


def _unpack(where: str, path: Path, to: Path, stop: threading.Event) -> None:
    """Unpack in Python, not in DuckDB: this checks the checksum, and bounds what comes out."""
    size = 0
    try:
        with gzip.open(path) as packed, to.open("wb") as unpacked:
            while chunk := packed.read(CHUNK):
                _stop_if_asked(stop)
                size += len(chunk)
                if size > MAX_BYTES:
                    limit = f"{MAX_BYTES:,}"
                    raise BillTooLargeError(where, size=f"over {limit} bytes", limit=limit)
                unpacked.write(chunk)
    except EOFError as error:
        why = "is a truncated gzip file: it ends before its end marker; copy or export it again"
        raise CorruptBillError(where, why) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise CorruptBillError(where, f"is a damaged gzip file: {error}") from error


def _decoded(where: str, start: bytes) -> str:
    if start.startswith(_UTF16):
        raise CorruptBillError(where, "is UTF-16 text, expected UTF-8")
    if b"\0" in start:
        raise CorruptBillError(where, "is not text, expected CSV in UTF-8")
    try:
        return start.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The last character may have been cut in two by reading a part of the file.
        if error.start >= len(start) - 4 and len(start) == MAX_HEADER:
            return start[: error.start].decode("utf-8-sig")
        why = f"is not UTF-8 text: byte 0x{start[error.start]:02x} at position {error.start}"
        raise CorruptBillError(where, why) from error


def _distinct(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    distinct = []
    for position, name in enumerate(names, start=1):
        plain = name or f"column {position}"
        count = seen[plain.lower()] = seen.get(plain.lower(), 0) + 1
        distinct.append(plain if count == 1 else f"{plain} ({count})")
    return distinct


def _stop_if_asked(stop: threading.Event) -> None:
    if stop.is_set():
        why = "reading the bill was interrupted"
        raise AttemptStoppedError(why)
