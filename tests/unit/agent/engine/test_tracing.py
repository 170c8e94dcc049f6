"""An attempt's scope and span, and what is taken out of spans before anybody sees them."""

import random
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, Tracer

from agent import tracing
from agent.attempt import Attempt, StopReason
from agent.outcomes import Ended, Stopped
from agent.redaction import redacting
from agent.settling import Settler
from agent.tracing import ScopeSpans, attempt_traced, flush_spans, incoming, traced
from runs.lifecycle import Ending
from runs.run import Lease, Status
from runs.signals import NoSignal
from runs.telemetry.metrics import Metric
from runs.telemetry.scope import Scope, current_scope, within
from runs.telemetry.traces import Trace, trace_of
from tests.support.engine import Engine
from tests.support.journals import NOW, a_run, accept, claim, later
from tests.support.telemetry import KeptMeter

ASKED = Trace(trace_id="5759e988bd862e3fe1be46a994272793", span_id="53995c3f42cd8ad8")
OTHER = Trace(trace_id="6759e988bd862e3fe1be46a994272793", span_id="63995c3f42cd8ad8")
SECRET = "xylophone"

LEASE = Lease(
    session_id="run-1",
    token="token",
    owner="worker",
    attempt=2,
    seconds=60,
    expires_at=NOW + timedelta(seconds=60),
)


@dataclass
class Recorder:
    """Records spans with a provider of its own: a process has room for one for all."""

    keeps_content: bool = False
    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    def __post_init__(self) -> None:
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        provider.add_span_processor(ScopeSpans(keeps_content=self.keeps_content))
        self.tracer: Tracer = provider.get_tracer("test")

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self.exporter.get_finished_spans()}


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    made = Recorder()
    monkeypatch.setattr(tracing, "_TRACER", made.tracer)
    with within(Scope()):
        yield made


def say_everything(tracer: Tracer) -> None:
    """Make a span as libraries do that say what they can, and end it with an error."""
    attributes = {
        "gen_ai.request.model": "claude",
        "gen_ai.input.messages": SECRET,
        "gen_ai.tool.call.arguments": SECRET,
        "gen_ai.prompt.0.content": SECRET,
    }
    with suppress(ValueError), tracer.start_as_current_span("chat", attributes=attributes) as span:
        span.add_event("gen_ai.user.message", {"role": "user", "content": SECRET})
        raise ValueError(SECRET)


def test_an_attempt_is_below_the_request_that_began_it(recorder: Recorder) -> None:
    run = a_run(trace=ASKED.traceparent)
    request = Trace(trace_id=ASKED.trace_id, span_id="63995c3f42cd8ad8")

    with within(Scope(trace=request)), attempt_traced(run, LEASE):
        scope = current_scope()

    span = recorder.spans["run cost-analysis"]
    assert span.parent is not None
    assert (span.parent.trace_id, span.parent.span_id) == (
        int(ASKED.trace_id, 16),
        int(request.span_id, 16),
    )
    assert span.links == ()
    assert (scope.session_id, scope.workflow, scope.attempt) == (run.session_id, run.workflow, 2)


def test_an_attempt_that_another_trace_began_is_in_the_runs_and_linked_to_it(
    recorder: Recorder,
) -> None:
    run = a_run(trace=ASKED.traceparent)

    with within(Scope(trace=OTHER)), attempt_traced(run, LEASE):
        pass

    span = recorder.spans["run cost-analysis"]
    assert span.parent is not None
    assert span.parent.span_id == int(ASKED.span_id, 16)
    assert [link.context.trace_id for link in span.links] == [int(OTHER.trace_id, 16)]


def test_attempts_of_a_run_that_nothing_traced_are_in_one_trace(recorder: Recorder) -> None:
    run = a_run()

    for _ in range(2):
        with attempt_traced(run, LEASE):
            pass

    spans = recorder.exporter.get_finished_spans()
    assert {span.context.trace_id for span in spans if span.context} == {
        int(trace_of(run).trace_id, 16)
    }


def test_processes_of_one_snapshot_make_spans_of_their_own(recorder: Recorder) -> None:
    run = a_run()

    for _ in range(2):
        random.seed(1)
        with attempt_traced(run, LEASE):
            pass

    spans = recorder.exporter.get_finished_spans()
    assert len({span.context.span_id for span in spans if span.context}) == 2


def test_a_step_is_below_its_attempt_and_says_what_failed_and_not_how(recorder: Recorder) -> None:
    def fail() -> None:
        raise ValueError(SECRET)

    with attempt_traced(a_run(), LEASE), pytest.raises(ValueError, match=SECRET):
        traced("step", "load", "op-1", call=fail)

    step, attempt = recorder.spans["step load"], recorder.spans["run cost-analysis"]
    assert step.parent is not None
    assert attempt.context is not None
    assert step.parent.span_id == attempt.context.span_id
    assert step.status.status_code is StatusCode.ERROR
    assert step.attributes is not None
    assert step.attributes["error.type"] == "ValueError"
    assert step.attributes["errand.step"] == "load"
    assert SECRET not in step.to_json()


def test_a_step_that_suspends_the_workflow_has_not_failed(recorder: Recorder) -> None:
    class Suspension(BaseException):
        pass

    def suspend() -> None:
        raise Suspension

    with pytest.raises(Suspension):
        traced("context", "branch", "op-1", call=suspend)

    assert recorder.spans["context branch"].status.status_code is StatusCode.UNSET


def test_content_is_taken_out_of_the_spans_of_all_libraries() -> None:
    recorder = Recorder()

    say_everything(recorder.tracer)

    chat = recorder.spans["chat"]
    assert SECRET not in chat.to_json()
    assert chat.attributes is not None
    assert chat.attributes["gen_ai.request.model"] == "claude"
    assert chat.status.status_code is StatusCode.ERROR
    assert [event.name for event in chat.events] == ["gen_ai.user.message", "exception"]
    assert [dict(event.attributes or {}) for event in chat.events] == [
        {"role": "user"},
        {"exception.type": "ValueError", "exception.escaped": "False"},
    ]


def test_content_stays_where_it_is_wanted() -> None:
    recorder = Recorder(keeps_content=True)

    say_everything(recorder.tracer)

    text = recorder.spans["chat"].to_json()
    assert text.count(SECRET) >= 5


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({}, None),
        ({"traceparent": "nonsense"}, None),
        ({"traceparent": ASKED.traceparent}, ASKED),
        ({"x-amzn-trace-id": ASKED.xray}, ASKED),
        ({"traceparent": ASKED.traceparent, "x-amzn-trace-id": OTHER.xray}, ASKED),
        ({"traceparent": "nonsense", "x-amzn-trace-id": OTHER.xray}, OTHER),
    ],
)
def test_a_request_says_where_it_comes_from(headers: dict[str, str], found: Trace | None) -> None:
    assert incoming(headers) == found


def test_an_instrumented_server_says_it_itself(recorder: Recorder) -> None:
    with recorder.tracer.start_as_current_span("POST /invocations") as span:
        found = incoming({"traceparent": ASKED.traceparent})

    assert found is not None
    assert int(found.span_id, 16) == span.get_span_context().span_id


@pytest.mark.parametrize("knows", [False, True])
def test_a_worker_that_lost_its_lease_says_so_once(engine: Engine, knows: bool) -> None:
    run = accept(engine.journal)
    claimed = claim(engine.journal, run.session_id)
    claim(engine.journal, run.session_id, now=later(61), owner="worker-2")
    meter = KeptMeter()
    settler = Settler(journal=engine.journal, signal=NoSignal(), meter=meter)
    attempt = Attempt(
        journal=engine.journal,
        artifacts=engine.artifacts,
        run=claimed.run,
        lease=claimed.lease,
        clock=lambda: later(62),
    )
    if knows:
        attempt.request_stop(StopReason.LEASE_LOST, "another has it")

    done = Ended(Ending(status=Status.COMPLETED, result="done"))
    settler.conclude(attempt, Stopped() if knows else done)
    settler.conclude(attempt, Stopped())

    assert meter.counts() == {Metric.LEASES_LOST: 1}


@pytest.mark.parametrize(
    ("opted_in", "told"),
    [
        ("", "gen_ai_unredacted_attributes="),
        ("gen_ai_latest_experimental", "gen_ai_latest_experimental,gen_ai_unredacted_attributes="),
        (
            "gen_ai_unredacted_attributes=gen_ai.output.messages",
            "gen_ai_unredacted_attributes=gen_ai.output.messages",
        ),
    ],
)
def test_strands_is_told_to_redact_unless_somebody_has_told_it(opted_in: str, told: str) -> None:
    assert redacting(opted_in) == told


def test_spans_are_exported_before_anybody_hears_that_the_run_is_left(
    recorder: Recorder, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []

    class Signal:
        def send(self, wake_token: str) -> None:
            """See `runs.signals.Signal.send`."""
            heard.extend(recorder.spans)

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(recorder.exporter, schedule_delay_millis=60_000))
    monkeypatch.setattr(tracing, "_TRACER", provider.get_tracer("test"))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    claimed = claim(engine.journal, accept(engine.journal, wake_token="token").session_id)
    attempt = Attempt(
        journal=engine.journal,
        artifacts=engine.artifacts,
        run=claimed.run,
        lease=claimed.lease,
        clock=lambda: later(1),
    )

    with attempt_traced(claimed.run, claimed.lease):
        done = Ended(Ending(status=Status.COMPLETED, result="done"))
        Settler(journal=engine.journal, signal=Signal()).conclude(attempt, done)

    provider.shutdown()
    assert heard == ["run cost-analysis"]
    assert len(recorder.exporter.get_finished_spans()) == 1


def test_an_exporter_that_hangs_holds_nobody_up_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    class Hanging:
        def force_flush(self) -> None:
            """Take as long as it takes."""
            released.wait()

    monkeypatch.setattr(trace, "get_tracer_provider", Hanging)

    flush_spans(0.05)

    assert not released.is_set()
    released.set()
