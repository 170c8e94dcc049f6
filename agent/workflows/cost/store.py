"""What the steps of one run hand each other: the normalised bill and the questions asked of it."""

import hashlib
import json
import threading
from pathlib import Path

from agent.workflows.cost.bill import Bill, Query
from agent.workflows.cost.errors import CorruptBillError
from agent.workflows.cost.summary import Summary
from runs.artifacts.base import ArtifactStore
from runs.errors import PayloadMissingError

BILL = "bill.parquet"
BILL_TYPE = "application/vnd.apache.parquet"


class StoredQueries:
    """See `QueryLog`. Queries are kept under their own hash: writing one again changes nothing."""

    def __init__(self, artifacts: ArtifactStore, session_id: str) -> None:
        self._artifacts = artifacts
        self._folder = f"runs/{session_id}/queries"

    def put(self, query: Query) -> None:
        """See `QueryLog.put`."""
        data = json.dumps({"sql": query.sql, "currency": query.currency}, ensure_ascii=False)
        self._artifacts.put(self._key(query.id), data.encode(), media_type="application/json")

    def get(self, query_id: str) -> Query | None:
        """See `QueryLog.get`."""
        # An id that a model made up must not become a path.
        if not query_id.isalnum():
            return None
        try:
            found = json.loads(self._artifacts.get(self._key(query_id)))
        except PayloadMissingError:
            return None
        return Query(found["sql"], found["currency"])

    def _key(self, query_id: str) -> str:
        return f"{self._folder}/{query_id}.json"


def open_bill(
    artifacts: ArtifactStore,
    session_id: str,
    summary: Summary,
    *,
    work: Path,
    stop: threading.Event,
) -> Bill:
    """Open the bill an earlier step of the run loaded, in whichever process.

    Raises:
        PayloadMissingError: The artifact store lost it.
        CorruptBillError: It is not the bill that was loaded.
    """
    data = artifacts.get(f"runs/{session_id}/{BILL}")
    if hashlib.sha256(data).hexdigest() != summary.bill_sha256:
        why = "is not the one that was loaded: its normalised form has changed since"
        raise CorruptBillError(summary.name, why)
    path = work / "opened.parquet"
    path.write_bytes(data)
    return Bill(path, summary.currencies, StoredQueries(artifacts, session_id), stop)
