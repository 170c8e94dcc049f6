from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler
from strands.telemetry import tracer
from strands.types.content import Message

from agent.models.offline import Conversation, Turn
from agent.sparing import SparingTracer, use_sparing_tracer
from tests.support.agents import Bench, built_with, task_for

ASKED: Message = {"role": "user", "content": [{"text": "why"}]}


class Messages(list[Message]):
    """Counts how often it is read through."""

    reads = 0

    def __iter__(self) -> Iterator[Message]:
        self.reads += 1
        return super().__iter__()


@pytest.fixture(autouse=True)
def _first_tracer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Strands make its tracer anew, and not keep it for other tests."""
    monkeypatch.setattr(tracer, "_tracer_instance", None)


def called(monkeypatch: pytest.MonkeyPatch, messages: Messages, *, sampler: Sampler) -> object:
    provider = TracerProvider(sampler=sampler)
    monkeypatch.setattr("opentelemetry.trace.get_tracer_provider", lambda: provider)
    use_sparing_tracer()
    return tracer.get_tracer().start_model_invoke_span(messages)


def test_a_recorded_span_keeps_what_the_model_read(monkeypatch: pytest.MonkeyPatch) -> None:
    span = called(monkeypatch, Messages([ASKED]), sampler=ALWAYS_ON)

    assert isinstance(span, ReadableSpan)
    assert [dict(event.attributes or {}) for event in span.events] == [
        {"content": '[{"text": "why"}]'}
    ]


def test_for_a_span_that_nobody_records_no_message_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    messages = Messages([ASKED])

    called(monkeypatch, messages, sampler=ALWAYS_OFF)

    assert messages.reads == 0


def test_agents_have_it(bench: Bench) -> None:
    def plays(_: Conversation) -> Turn:
        return Turn(text="because")

    bench.converse(task_for("analyst", built_with()), plays)

    assert isinstance(tracer.get_tracer(), SparingTracer)


def test_a_tracer_of_another_kind_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(tracer.Tracer):
        """Somebody's."""

    own = Own()
    monkeypatch.setattr(tracer, "_tracer_instance", own)

    use_sparing_tracer()

    assert tracer.get_tracer() is own
