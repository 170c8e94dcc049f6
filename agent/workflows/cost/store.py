"""What the steps of one run hand each other: the normalised bill and the questions asked of it."""

import hashlib
import json
import threading
from contextlib import suppress
from pathlib import Path

from agent.workflows.cost.bill import Bill, Query
from agent.workflows.cost.errors import CorruptBillError
from agent.workflows.cost.summary import Summary
from runs.artifacts.base import ArtifactStore
from runs.errors import PayloadMissingError
from runs.run import Run

BILL = "bill.parquet"
BILL_TYPE = "application/vnd.apache.parquet"


class StoredQueries:
    """See `QueryLog`. Queries are kept under their own hash: writing one again changes nothing.

    A fork finds those of the run it is a fork of, too.
    """

    def __init__(self, artifacts: ArtifactStore, run: Run) -> None:
        self._artifacts = artifacts
        self._sessions = (run.session_id, *(run.forked_from.sessions if run.forked_from else ()))

    def put(self, query: Query) -> None:
        """See `QueryLog.put`."""
        data = json.dumps({"sql": query.sql, "currency": query.currency}, ensure_ascii=False)
        key = _key(self._sessions[0], query.id)
        self._artifacts.put(key, data.encode(), media_type="application/json")

    def get(self, query_id: str) -> Query | None:
        """See `QueryLog.get`."""
        # An id that a model made up must not become a path.
        if not query_id.isalnum():
            return None
        for session_id in self._sessions:
            with suppress(PayloadMissingError):
                found = json.loads(self._artifacts.get(_key(session_id, query_id)))
                return Query(found["sql"], found["currency"])
        return None


def _key(session_id: str, query_id: str) -> str:
    return f"runs/{session_id}/queries/{query_id}.json"


def open_bill(
    data: bytes,
    queries: StoredQueries,
    summary: Summary,
    *,
    work: Path,
    stop: threading.Event,
) -> Bill:
    """Open the bill an earlier step of the run loaded, in whichever process.

    Raises:
        CorruptBillError: It is not the bill that was loaded.
    """
    if hashlib.sha256(data).hexdigest() != summary.bill_sha256:
        why = "is not the one that was loaded: its normalised form has changed since"
        raise CorruptBillError(summary.name, why)
    path = work / "opened.parquet"
    path.write_bytes(data)
    return Bill(path, summary.currencies, queries, stop)
