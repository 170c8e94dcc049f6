"""Identifiers: sessions, lease tokens and the time-ordered ids of events.

Every function makes its value when it is called. Nothing unique is made at import, because
AgentCore (platform V2) starts each session from a snapshot of the imported process.
"""

import os
import re
import threading
import uuid
from datetime import datetime

#: What AgentCore requires of a runtime session id (InvokeAgentRuntime, `runtimeSessionId`).
MIN_SESSION_ID = 33
MAX_SESSION_ID = 256
#: The alphabet AgentCore answers with; it is also safe as a folder name and in a URL.
SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
#: The namespace in which idempotency keys become session ids; part of the public contract.
IDEMPOTENCY_NAMESPACE = uuid.UUID("6f0c7d1e-52a4-5c0b-9b56-6f2f3e1d7a44")
#: The namespace in which a parent's session and its operation become a child's session id.
CHILD_NAMESPACE = uuid.UUID("0e0f9a5c-7f1c-5d3e-9a77-3f1d6a0b8c21")
#: The namespace in which ARNs of Lambda durable executions become session ids.
EXECUTION_NAMESPACE = uuid.UUID("3b1c6f0a-8d52-5f4e-a6c9-5e2d7b90f184")

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
#: Two digits at a time: every step of a workflow makes two ids.
_PAIRS = tuple(high + low for high in _CROCKFORD for low in _CROCKFORD)
#: To the digits that `int` knows.
_TO_BASE32 = str.maketrans(_CROCKFORD, "0123456789abcdefghijklmnopqrstuv")


def new_session_id() -> str:
    """Make a session id that nobody has: a random UUID of 36 characters."""
    return str(uuid.uuid4())


def session_id_for(idempotency_key: str) -> str:
    """Derive the session id that belongs to a caller's key: the same key, the same run."""
    return str(uuid.uuid5(IDEMPOTENCY_NAMESPACE, idempotency_key))


def child_session_id(session_id: str, operation_id: str, *, retries: int = 0) -> str:
    """Derive the session id of the child run that an operation of a run starts.

    Args:
        session_id: The run.
        operation_id: The operation.
        retries: How often the run had been retried when the operation was begun. What is begun
            anew after a retry is another operation, though of the same id.
    """
    life = f"/{retries}" if retries else ""
    return str(uuid.uuid5(CHILD_NAMESPACE, f"{session_id}/{operation_id}{life}"))


def execution_session_id(arn: str) -> str:
    """Derive the session id of the run that a Lambda durable execution is."""
    return str(uuid.uuid5(EXECUTION_NAMESPACE, arn))


def new_lease_token() -> str:
    """Make the token that fences one attempt's writes."""
    return uuid.uuid4().hex


class Ulids:
    """Makes ULIDs: ids that sort by time, and within one maker by the order of making.

    https://github.com/ulid/spec, with its monotonic rule: within one millisecond the random part
    counts up. Safe to share between threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def new(self, at: datetime, *, after: str | None = None) -> str:
        """Make an id for an instant; never smaller than one this object made before.

        Args:
            at: The instant.
            after: An id of another maker that the new one must follow, if any: two machines'
                clocks differ, and within one millisecond ids of two makers have no order.
        """
        now = int(at.timestamp() * 1000)
        floor = 0 if after is None else _to_int(after)
        with self._lock:
            floor = max(floor, self._last)
            # The clock may stand still or step back: order within one maker must survive both.
            is_later = now > floor >> 80
            value = now << 80 | int.from_bytes(os.urandom(10), "big") if is_later else floor + 1
            self._last = value
        return "".join([_PAIRS[value >> shift & 1023] for shift in range(120, -1, -10)])


def _to_int(ulid: str) -> int:
    return int(ulid.translate(_TO_BASE32), 32)
