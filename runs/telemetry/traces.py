"""Where a run stands in a trace: X-Ray's header and the W3C's, read, written and made up.

Both name the same: the trace, the span that asked, and whether it is recorded. No tracing library:
the functions' bundle has none.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from runs.run import Run

#: Where Lambda tells an invocation its place in X-Ray's trace.
TRACE_VARIABLE = "_X_AMZN_TRACE_ID"

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_ROOT = re.compile(r"1-([0-9a-f]{8})-([0-9a-f]{24})")
_SPAN = re.compile(r"[0-9a-f]{16}")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
#: Version 255 is no version.
_NO_VERSION = "ff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A place in a trace, by lower case hexadecimal ids of 32 and 16 digits."""

    trace_id: str
    span_id: str
    is_sampled: bool = True

    @classmethod
    def from_traceparent(cls, header: str | None) -> "Trace | None":
        """Read the W3C's header; None if it is none, as somebody else's slip must stop no run."""
        found = _TRACEPARENT.fullmatch((header or "").strip().lower())
        if found is None or found[0].startswith(_NO_VERSION):
            return None
        trace_id, span_id, flags = found.groups()
        if trace_id == _NO_TRACE or span_id == _NO_SPAN:
            return None
        return cls(trace_id=trace_id, span_id=span_id, is_sampled=bool(int(flags, 16) & 1))

    @classmethod
    def from_xray(cls, header: str | None) -> "Trace | None":
        """Read X-Ray's header, `Root=1-…;Parent=…;Sampled=1`; None if it names no span."""
        pairs = (part.partition("=") for part in (header or "").split(";"))
        fields = {name.strip().lower(): value.strip().lower() for name, _, value in pairs}
        root = _ROOT.fullmatch(fields.get("root", ""))
        parent = _SPAN.fullmatch(fields.get("parent", ""))
        if root is None or parent is None or parent[0] == _NO_SPAN:
            return None
        is_sampled = fields.get("sampled", "1") != "0"
        return cls(trace_id=root[1] + root[2], span_id=parent[0], is_sampled=is_sampled)

    @property
    def traceparent(self) -> str:
        """Write it as the W3C's header."""
        return f"00-{self.trace_id}-{self.span_id}-{self.is_sampled:02d}"

    @property
    def xray(self) -> str:
        """Write it as X-Ray's header."""
        root = f"1-{self.trace_id[:8]}-{self.trace_id[8:]}"
        return f"Root={root};Parent={self.span_id};Sampled={self.is_sampled:d}"


def trace_of(run: Run) -> Trace:
    """Give the trace of a run: that of the event it came from, else one of its own.

    The same in every attempt, whoever makes it, so that a run is one trace.
    """
    return Trace.from_traceparent(run.trace) or _own(run.session_id, run.created_at)


def _own(session_id: str, created_at: datetime) -> Trace:
    """Make up a trace for a run. X-Ray wants the time of its beginning in the first 8 digits."""
    digest = hashlib.sha256(f"trace of {session_id}".encode()).hexdigest()
    began = f"{int(created_at.timestamp()) & 0xFFFFFFFF:08x}"
    return Trace(trace_id=began + digest[:24], span_id=digest[24:40])
