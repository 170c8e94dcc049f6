"""Spans: one trace from the event that asked for a run to its model calls, over all attempts.

With nothing but OpenTelemetry's API they cost next to nothing and go nowhere. `opentelemetry-
instrument`, which starts the agent in the cloud, brings what records and exports them. A span is
exported when it has ended: that of an attempt whose worker died never is, but its steps are, and
the next attempt is in the same trace.
"""

import logging
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode, TraceFlags

from agent import threads
from agent.redaction import redact
from runs.run import Lease, Run
from runs.telemetry.scope import Scope, current_scope, within
from runs.telemetry.traces import Trace, trace_of

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: The variable that keeps what people and models say in spans.
CONTENT_VARIABLE = "ERRAND_TRACE_CONTENT"

#: How long a run's end waits for its last spans to be exported; a reachable exporter takes less.
_FLUSH_SECONDS = 1.0

_TRACER = trace.get_tracer("errand")
_lock = threading.Lock()


class ScopeSpans(SpanProcessor):
    """Says on every span, whichever library starts it, which run, attempt and step it is of."""

    def __init__(self, *, keeps_content: bool) -> None:
        self._keeps_content = keeps_content

    def on_start(self, span: Span, parent_context: otel.Context | None = None) -> None:
        """See `SpanProcessor.on_start`."""
        span.set_attributes(_attributes(current_scope()))

    def _on_ending(self, span: Span) -> None:
        if self._keeps_content:
            return
        try:
            redact(span)
        except Exception:
            # It ends in the middle of somebody's work, which must not fail because of it.
            logger.exception("span not redacted", extra={"span": span.name})

    def on_end(self, span: ReadableSpan) -> None:
        """See `SpanProcessor.on_end`."""


class Tracing:
    """Sees that the process's spans say what they are of, and not what was said."""

    def __init__(self, *, keeps_content: bool = False) -> None:
        self._processor = ScopeSpans(keeps_content=keeps_content)
        self._provider: object = None

    def install(self) -> None:
        """Have spans processed from now on; again after somebody has set up tracing."""
        provider = trace.get_tracer_provider()
        if provider is self._provider:
            return
        with _lock:
            add = getattr(provider, "add_span_processor", None)
            if add is not None and provider is not self._provider:
                add(self._processor)
            self._provider = provider


def incoming(headers: Mapping[str, str]) -> Trace | None:
    """Give the place in a trace that a request came from.

    Where the server is instrumented, that is the span of the request itself.
    """
    here = trace.get_current_span().get_span_context()
    if here.is_valid:
        return _trace(here)
    w3c, xray = headers.get("traceparent"), headers.get("x-amzn-trace-id")
    return Trace.from_traceparent(w3c) or Trace.from_xray(xray)


def tell_request(scope: Scope) -> None:
    """Say on the span of a request what it is about, which its server could not know."""
    trace.get_current_span().set_attributes(_attributes(scope))


@contextmanager
def attempt_traced(run: Run, lease: Lease) -> Iterator[None]:
    """Work on a run in the scope of an attempt, and in its span.

    The span is in the run's trace: below the request that began the attempt, if that is in it,
    too; else linked to it.
    """
    # AgentCore starts every session from one snapshot, the state of `random` included, which is
    # what ids of spans are made of: two attempts of a run would have the same.
    random.seed()
    asked, home = current_scope().trace, trace_of(run)
    parent = asked if asked is not None and asked.trace_id == home.trace_id else home
    scope = replace(
        current_scope(),
        session_id=run.session_id,
        workflow=run.workflow,
        attempt=lease.attempt,
        trace=parent,
    )
    links = [Link(_context(asked))] if asked is not None and asked is not parent else []
    with within(scope):
        span = _TRACER.start_span(
            f"run {run.workflow}",
            context=trace.set_span_in_context(trace.NonRecordingSpan(_context(parent))),
            kind=SpanKind.CONSUMER,
            links=links,
        )
        try:
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                yield
        finally:
            # Unless `end_attempt` was here before.
            if span.is_recording():
                span.end()


def traced(kind: str, name: str, operation_id: str, *, call: Callable[[], T]) -> T:
    """Do the work of a step or a context in its scope, and in its span."""
    scope = replace(current_scope(), step=name, operation_id=operation_id)
    with within(scope):
        span = _TRACER.start_span(f"{kind} {name}")
        # Nobody records it, and the work need not know of it.
        if not span.is_recording():
            return call()
        with trace.use_span(
            span, end_on_exit=True, record_exception=False, set_status_on_exception=False
        ):
            try:
                return call()
            except Exception as error:
                span.set_status(StatusCode.ERROR)
                span.set_attribute("error.type", type(error).__name__)
                raise


def end_attempt(run: Run) -> None:
    """End the attempt's span, with how it left the run, and have all spans exported.

    Before anybody hears that the run is left: the next thing that happens is that its session is
    stopped, with whatever waits in there to be exported.
    """
    span = trace.get_current_span()
    if not span.is_recording():
        return
    span.set_attribute("errand.status", run.status.value)
    if run.error is not None:
        span.set_status(StatusCode.ERROR)
        span.set_attribute("error.type", run.error.type)
    span.end()
    flush_spans(_FLUSH_SECONDS)


def flush_spans(seconds: float) -> None:
    """Have spans exported, and wait for it so long at most: exporters try for much longer."""
    # The API's own provider, where nothing is recorded, has nothing to flush.
    flush = getattr(trace.get_tracer_provider(), "force_flush", None)
    if flush is None:
        return
    is_done = threading.Event()

    def work() -> None:
        try:
            flush()
        finally:
            is_done.set()

    try:
        threads.start("flush", work, on_crash=lambda _: None)
    except RuntimeError:
        # No more threads: spans are lost, and the run is not.
        return
    is_done.wait(seconds)


def _attributes(scope: Scope) -> dict[str, str | int]:
    known: dict[str, str | int | None] = {
        "errand.session_id": scope.session_id,
        # By this CloudWatch groups the spans of an AgentCore session.
        "session.id": scope.session_id,
        "errand.workflow": scope.workflow,
        "errand.attempt": scope.attempt,
        "errand.step": scope.step,
        "errand.operation_id": scope.operation_id,
    }
    return {name: value for name, value in known.items() if value is not None}


def _context(place: Trace) -> SpanContext:
    return SpanContext(
        trace_id=int(place.trace_id, 16),
        span_id=int(place.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if place.is_sampled else TraceFlags.DEFAULT),
    )


def _trace(context: SpanContext) -> Trace:
    return Trace(
        trace_id=trace.format_trace_id(context.trace_id),
        span_id=trace.format_span_id(context.span_id),
        is_sampled=context.trace_flags.sampled,
    )
