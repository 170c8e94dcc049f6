"""Strands' spans, without the work for those that nobody records.

For each model call Strands writes all messages of the conversation as text, twice, and gives the
text to spans. Where nothing exports them, or a trace is not sampled, these drop it: at the
hundredth call that is a third of what an agent takes besides its model and its tools.
"""

from typing import Any

from opentelemetry.trace import Span
from strands.telemetry import tracer
from strands.types.content import Messages


class SparingTracer(tracer.Tracer):
    """Gives messages to spans that keep them, and to no others."""

    def _add_event_messages(self, span: Span, messages: Messages) -> None:
        if span.is_recording():
            super()._add_event_messages(span, messages)


def use_sparing_tracer() -> None:
    """Have Strands use such a tracer, unless somebody gave it one of another kind.

    Call it when the first agent is built, and not before: the tracer reads how spans are set up
    when it is made. May be called any number of times.
    """
    if type(tracer.get_tracer()) is tracer.Tracer:
        strands: Any = tracer
        strands._tracer_instance = SparingTracer()
