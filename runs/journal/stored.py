"""Records by key, as every store has them: what journals are built on."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TypeVar

from runs.approval_record import APPROVAL
from runs.asked import Approval
from runs.errors import CorruptRecordError, PayloadHashError, PayloadMissingError
from runs.journal.keys import APPROVALS, KeyRange
from runs.journal.observer import NoObserver, Observer
from runs.lifecycle import Rule
from runs.payloads import Codec
from runs.records import Kind, Record
from runs.run import Run

logger = logging.getLogger(__name__)

#: What is wrong with a record that is left out of what is read with others.
UNREADABLE = (CorruptRecordError, PayloadMissingError, PayloadHashError)

T = TypeVar("T")


class RecordStore(ABC):
    """The methods of a store, and the values behind its records."""

    def __init__(self, codec: Codec, observer: Observer | None = None) -> None:
        self._codec = codec
        self._observer: Observer = observer or NoObserver()

    @abstractmethod
    def _change(self, session_id: str, rule: Rule, *, is_strict: bool = False) -> Run:
        """Apply a rule to a head and write what it makes, with its events, or nothing.

        Args:
            session_id: The run.
            rule: May be applied more than once, to newer heads.
            is_strict: Whether a payload of the head that can't be read is an error.

        Raises:
            RunNotFoundError: There is no such run.
        """

    @abstractmethod
    def _head(self, session_id: str) -> Record | None:
        """Read a head's record."""

    @abstractmethod
    def _heads(self, session_ids: Collection[str]) -> Mapping[str, Record]:
        """Read the heads' records of some runs, by their ids; those that are gone are left out."""

    @abstractmethod
    def _record(self, session_id: str, key: str) -> Record | None:
        """Read one record."""

    @abstractmethod
    def _records(self, session_id: str, keys: KeyRange) -> list[tuple[str, Record]]:
        """Read the records in a range, in the order of their keys."""

    @abstractmethod
    def _records_by_age(self, session_id: str, keys: KeyRange) -> list[tuple[str, Record]]:
        """Read the records in a range, in the order in which they were first written."""

    @abstractmethod
    def _approval_records(
        self, *, is_open: bool, limit: int, cursor: str | None
    ) -> tuple[list[tuple[str, Record]], str | None]:
        """Read approvals of all runs by session, newest first, and the next page's cursor."""

    @abstractmethod
    def _keep(self, name: str, key: str, record: Record, *, now: datetime) -> None:
        """Write a record that is no run's, whatever was there."""

    def _one(self, kind: Kind[T], session_id: str, key: str) -> T | None:
        record = self._record(session_id, key)
        return None if record is None else self._decoded(kind, session_id, key, record)

    def _decoded(self, kind: Kind[T], session_id: str, key: str, record: Record) -> T:
        return self._codec.decode(kind, record, session_id=session_id, name=key)

    def _head_for(self, record: Record, session_id: str, *, is_strict: bool) -> Run:
        if is_strict:
            return self._codec.decode_head(record, session_id=session_id)
        return self._codec.decode_head_anyway(record, session_id=session_id)

    def _readable_approvals(self, session_id: str) -> list[Approval]:
        records = self._records(session_id, APPROVALS)
        found = [self._readable_approval(session_id, *pair) for pair in records]
        return [approval for approval in found if approval is not None]

    def _readable_approval(self, session_id: str, key: str, record: Record) -> Approval | None:
        try:
            return self._decoded(APPROVAL, session_id, key, record)
        except UNREADABLE as error:
            tell_left_out(session_id, error)
            return None


def tell_left_out(session_id: str, error: Exception) -> None:
    """Log that an approval was left out."""
    extra = {"session_id": session_id, "error": str(error)}
    logger.warning("left out an approval that can't be read", extra=extra)
