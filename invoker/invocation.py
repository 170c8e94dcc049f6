"""What one invocation of a function is about, for its log lines and for whoever it calls."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from runs.telemetry.scope import Scope, within
from runs.telemetry.traces import TRACE_VARIABLE, Trace


@contextmanager
def invocation(context: object) -> Iterator[None]:
    """Work on one invocation: in its scope, and in its place in X-Ray's trace.

    Args:
        context: What Lambda passes; emulators leave out parts of it.
    """
    # Lambda sets it anew for each invocation.
    trace = Trace.from_xray(os.environ.get(TRACE_VARIABLE))
    request_id = getattr(context, "aws_request_id", None)
    with within(Scope(trace=trace, request_id=request_id)):
        yield
