"""Values on their way to and from the journal: records, with large texts kept as artifacts.

A text over the limit is put in the artifact store under `payloads/<sha256>` before the record that
refers to it is written: a crash between the two leaves a payload nobody refers to, never a
reference to nothing. One payload may serve many records and runs, so nothing here deletes any;
the store's own expiry must be later than the journal's.
"""

import hashlib
import logging
from collections.abc import Mapping
from typing import TypeVar

from runs.artifacts.base import ArtifactStore
from runs.errors import (
    CorruptRecordError,
    PayloadHashError,
    PayloadMissingError,
)
from runs.fields import Fields
from runs.head_record import RUN
from runs.json_types import Json
from runs.records import Kind, Record
from runs.run import Run

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: What a record calls the head, for messages.
HEAD = "SESSION"


class Codec:
    """Makes records of values and values of records."""

    def __init__(self, artifacts: ArtifactStore) -> None:
        self.artifacts = artifacts

    def encode(self, kind: Kind[T], value: T, *, max_inline: int | None = None) -> Record:
        """Make a record, its large texts stored and replaced by references."""
        limit = kind.max_inline if max_inline is None else min(max_inline, kind.max_inline)
        return self._stored(kind.to_record(value), names=kind.payloads, limit=limit)

    def encode_head(self, run: Run, *, before: Mapping[str, Json]) -> Record:
        """Make the next record of a head.

        A prompt never changes. What is recorded of it stays, so that a head whose prompt can't be
        read can still be written.
        """
        record = RUN.to_record(run)
        del record["prompt"]
        prompt = {name: before[name] for name in ("prompt", "prompt_ref") if name in before}
        return self._stored(record, names=("result",), limit=RUN.max_inline) | prompt

    def decode(self, kind: Kind[T], record: Mapping[str, Json], *, session_id: str, name: str) -> T:
        """Make a value of a record.

        Raises:
            CorruptRecordError: The record is not one of this kind.
            PayloadMissingError: A payload it refers to is gone.
            PayloadHashError: A payload it refers to is not what was stored.
        """
        try:
            return kind.from_fields(Fields(self._whole(kind, record)))
        except (TypeError, ValueError) as error:
            raise CorruptRecordError(session_id, name, str(error)) from error

    def decode_head(self, record: Mapping[str, Json], *, session_id: str) -> Run:
        """Make a run of a head; see `decode`."""
        return self.decode(RUN, record, session_id=session_id, name=HEAD)

    def decode_head_anyway(self, record: Mapping[str, Json], *, session_id: str) -> Run:
        """Make a run of a head, with a note for each payload that can't be read.

        For those who list runs and end them: a lost payload must not make a run immortal.

        Raises:
            CorruptRecordError: The record is not a head.
        """
        try:
            return self.decode_head(record, session_id=session_id)
        except (PayloadMissingError, PayloadHashError) as error:
            logger.warning(
                "payload of a head can't be read",
                extra={"session_id": session_id, "error": str(error)},
            )
            # A JSON text, so that it can stand for a result as well.
            note = '"a payload that can\'t be read"'
            notes = {name: note for name in RUN.payloads if f"{name}_ref" in record}
            bare = {key: value for key, value in record.items() if not key.endswith("_ref")}
            return self.decode_head(bare | notes, session_id=session_id)

    def _stored(self, record: Record, *, names: tuple[str, ...], limit: int) -> Record:
        for name in names:
            text = record.get(name)
            if isinstance(text, str):
                self._put_out(record, name, text, limit=limit)
        return record

    def _put_out(self, record: Record, name: str, text: str, *, limit: int) -> None:
        # A character takes at most four bytes: short texts need no counting.
        if len(text) * 4 <= limit:
            return
        # Lone surrogates are in no UTF-8, but file names and model output may hold them.
        data = text.encode("utf-8", "surrogatepass")
        if len(data) <= limit:
            return
        sha256 = hashlib.sha256(data).hexdigest()
        self.artifacts.put(_key(sha256), data, media_type="application/json")
        del record[name]
        record[f"{name}_ref"] = sha256

    def _whole(self, kind: Kind[T], record: Mapping[str, Json]) -> Mapping[str, Json]:
        references = {name: record.get(f"{name}_ref") for name in kind.payloads}
        texts = {name: self._text(ref) for name, ref in references.items() if ref is not None}
        return {**record, **texts} if texts else record

    def _text(self, sha256: Json) -> str:
        if not isinstance(sha256, str):
            msg = f"a payload reference is {sha256!r}, expected a sha256 as text"
            raise TypeError(msg)
        data = self.artifacts.get(_key(sha256))
        actual = hashlib.sha256(data).hexdigest()
        if actual != sha256:
            raise PayloadHashError(_key(sha256), expected=sha256, actual=actual)
        return data.decode("utf-8", "surrogatepass")


def _key(sha256: str) -> str:
    return f"payloads/{sha256}"
