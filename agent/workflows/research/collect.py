"""Collect a corpus: read folders, files and pages, and cut them into passages."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from agent.workflows.research.blocks import Block, of_markdown, of_plain_text
from agent.workflows.research.chunks import cut
from agent.workflows.research.errors import (
    CorpusNotFoundError,
    CorpusTooLargeError,
    EmptyCorpusError,
    NoReadableTextError,
    PageRefusedError,
    PageUnavailableError,
)
from agent.workflows.research.html_text import of_html
from agent.workflows.research.passages import Corpus, Document, Passage, Unread
from agent.workflows.research.web import Page

MAX_FILES = 5_000
MAX_FILE_BYTES = 10 * 2**20
MAX_CORPUS_BYTES = 100 * 2**20

#: Makes blocks of a text.
Reader = Callable[[str], Iterator[Block]]

_READERS: dict[str, Reader] = {
    ".htm": of_html,
    ".html": of_html,
    ".markdown": of_markdown,
    ".md": of_markdown,
    ".text": of_plain_text,
    ".txt": of_plain_text,
}
#: What a page may say it is.
_PAGES: dict[str, Reader] = {
    "application/xhtml+xml": of_html,
    "text/html": of_html,
    "text/markdown": of_markdown,
    "text/plain": of_plain_text,
    "text/x-markdown": of_markdown,
}
_WEB = ("http://", "https://")


@dataclass
class _Reading:
    documents: list[Document] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    size: int = 0

    def add(self, name: str, data: bytes, *, read: Reader, charset: str | None = None) -> None:
        text = _decoded(data, charset)
        if text is None:
            self.unread.append(Unread(name=name, why="is not text"))
            return
        document_id = f"d{len(self.documents) + 1}"
        blocks = list(read(text))
        passages = cut(blocks, document=document_id)
        if not passages:
            self.unread.append(Unread(name=name, why="has no text"))
            return
        title = next((block.text for block in blocks if block.level), "")
        self.documents.append(
            Document(
                id=document_id,
                name=name,
                title=title or PurePosixPath(name).stem or name,
                sha256=hashlib.sha256(data).hexdigest(),
            )
        )
        self.passages += passages


def collect(
    places: Sequence[str],
    *,
    fetch: Callable[[str], Page],
    edge: Callable[[], None],
    is_last_try: bool = True,
) -> Corpus:
    """Read everything there is in some places. The same bytes give the same corpus.

    One page of several that can't be had is told of like a file that can't be read: it must not
    cost the research in the others.

    Args:
        places: Folders, files and http(s) addresses.
        fetch: Reads a page.
        edge: Called between two documents; raises when the attempt must stop.
        is_last_try: Whether to go on without a page that does not answer.

    Raises:
        ResearchError: There is no corpus to be had; the subclass says why.
        PageUnavailableError: A page did not answer: the only place, or not yet for the last time.
    """
    reading = _Reading()
    for place in places:
        edge()
        if place.startswith(_WEB):
            may_lack = len(places) > 1
            _add_web(reading, place, fetch=fetch, may_lack=may_lack, is_last_try=is_last_try)
        elif "://" in place and not place.startswith("file://"):
            raise PageRefusedError(place, "expected an http:// or https:// address")
        else:
            _add_path(reading, place, is_only=len(places) == 1, edge=edge)
    if not reading.passages:
        raise NoReadableTextError([f"{each.name} {each.why}" for each in reading.unread])
    return Corpus(documents=reading.documents, passages=reading.passages, unread=reading.unread)


def _add_web(
    reading: _Reading,
    url: str,
    *,
    fetch: Callable[[str], Page],
    may_lack: bool,
    is_last_try: bool,
) -> None:
    try:
        _add_page(reading, fetch(url))
    except PageRefusedError as error:
        if not may_lack:
            raise
        reading.unread.append(Unread(name=url, why=f"can't be read: {error.why}"))
    except PageUnavailableError as error:
        if not may_lack or not is_last_try:
            raise
        reading.unread.append(Unread(name=url, why=f"can't be reached: {error.why}"))


def _add_page(reading: _Reading, page: Page) -> None:
    read = _PAGES.get(page.media_type)
    if read is None:
        wanted = ", ".join(sorted(_PAGES))
        raise PageRefusedError(page.url, f"it is {page.media_type!r}, expected one of: {wanted}")
    # Servers send Markdown as plain text.
    if page.media_type == "text/plain":
        ending = PurePosixPath(page.url.partition("?")[0]).suffix.lower()
        read = _READERS.get(ending, of_plain_text)
    _count(reading, page.url, len(page.data))
    reading.add(page.url, page.data, read=read, charset=page.charset)


def _add_path(reading: _Reading, place: str, *, is_only: bool, edge: Callable[[], None]) -> None:
    path = Path(place.removeprefix("file://")).expanduser()
    if path.is_file():
        _add_file(reading, path, name=path.name)
        return
    if not path.is_dir():
        raise CorpusNotFoundError(place)
    files = list(_files(path))
    wanted = [file for file in files if file.suffix.lower() in _READERS]
    if not wanted:
        raise EmptyCorpusError(place, endings=sorted(_READERS), others=len(files))
    if len(wanted) > MAX_FILES:
        raise CorpusTooLargeError(place, size=f"{len(wanted):,} files", limit=f"{MAX_FILES:,}")
    for file in files:
        edge()
        below = file.relative_to(path).as_posix()
        _add_file(reading, file, name=below if is_only else f"{path.name}/{below}")


def _files(folder: Path) -> Iterator[Path]:
    """Give the files below a folder in the order of their names, without what is hidden.

    Links are not followed: they may lead out of the folder, or around in a circle.
    """
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(root, name)
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                yield path


def _add_file(reading: _Reading, path: Path, *, name: str) -> None:
    read = _READERS.get(path.suffix.lower())
    if read is None:
        why = f"ends in {path.suffix!r}, which is not read" if path.suffix else "has no ending"
        reading.unread.append(Unread(name=name, why=why))
        return
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            why = f"has {size:,} bytes, more than {MAX_FILE_BYTES:,}"
            reading.unread.append(Unread(name=name, why=why))
            return
        data = path.read_bytes()
    except OSError as error:
        why = f"can't be read: {error.strerror}"
        reading.unread.append(Unread(name=name, why=why))
        return
    _count(reading, name, len(data))
    reading.add(name, data, read=read)


def _count(reading: _Reading, name: str, size: int) -> None:
    reading.size += size
    if reading.size > MAX_CORPUS_BYTES:
        limit = f"{MAX_CORPUS_BYTES:,} bytes in all"
        raise CorpusTooLargeError(name, size=f"{reading.size:,} bytes up to here", limit=limit)


def _decoded(data: bytes, charset: str | None) -> str | None:
    """Read bytes as text, None if they are none."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        charset = "utf-16"
    elif b"\0" in data:
        return None
    # What Windows wrote before UTF-8; it has no word for a few bytes, so not all is text to it.
    for name in (charset, "utf-8-sig", "cp1252"):
        try:
            if name:
                return data.decode(name).replace("\r\n", "\n").replace("\r", "\n")
        except (LookupError, UnicodeError):
            continue
    return None
