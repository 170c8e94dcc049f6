"""What a corpus consists of: documents, and the passages they are cut into."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from runs.json_types import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file or a page that was read."""

    #: `d1`, `d2` and so on, in the order in which they were read.
    id: str
    #: Its path below the folder that was given, or its address.
    name: str
    #: Its first heading, or its name.
    title: str
    #: Of the bytes that were read.
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A few paragraphs under one heading: what is found, read and cited."""

    #: `d1-p1` is the first passage of the first document.
    id: str
    document: str
    #: The headings it is under, outermost first.
    headings: tuple[str, ...]
    text: str
    #: Lines of the source, counted from 1.
    first_line: int
    last_line: int

    @property
    def heading(self) -> str:
        """Give the headings as one line."""
        return " / ".join(self.headings)

    @property
    def lines(self) -> str:
        """Name the lines, for people."""
        if self.first_line == self.last_line:
            return f"line {self.first_line}"
        return f"lines {self.first_line}-{self.last_line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A file that is in a folder and not in the corpus."""

    name: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Everything that can be searched and cited. The same bytes give the same corpus."""

    documents: Sequence[Document]
    passages: Sequence[Passage]
    unread: Sequence[Unread]

    @cached_property
    def by_id(self) -> Mapping[str, Passage]:
        """Give the passages by id."""
        return {passage.id: passage for passage in self.passages}

    @cached_property
    def documents_by_id(self) -> Mapping[str, Document]:
        """Give the documents by id."""
        return {document.id: document for document in self.documents}

    def document_of(self, passage: Passage) -> Document:
        """Give the document a passage is from."""
        return self.documents_by_id[passage.document]

    @classmethod
    def from_bytes(cls, data: bytes) -> "Corpus":
        """Read what `to_bytes` gave."""
        shape: Any = json.loads(data)
        return cls(
            documents=[Document(**document) for document in shape["documents"]],
            passages=[
                Passage(**(passage | {"headings": tuple(passage["headings"])}))
                for passage in shape["passages"]
            ],
            unread=[Unread(**unread) for unread in shape["unread"]],
        )

    def to_bytes(self) -> bytes:
        """Give the corpus as JSON."""
        shape: Json = {
            "documents": [_fields(document) for document in self.documents],
            "passages": [_fields(passage) for passage in self.passages],
            "unread": [_fields(unread) for unread in self.unread],
        }
        return (json.dumps(shape, ensure_ascii=False, indent=1) + "\n").encode()


def _fields(value: Document | Passage | Unread) -> dict[str, Json]:
    return {
        name: list(found) if isinstance(found := getattr(value, name), tuple) else found
        for name in value.__slots__
    }
