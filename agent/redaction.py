"""Keeping what people and models say out of spans.

Strands puts prompts, answers, and what goes into and comes out of tools into the events of its
spans, and the words of errors quote them. Spans are read by others than may read a run. So of an
event only what is known to say nothing is kept, and of an error its type. `ERRAND_TRACE_CONTENT=1`
keeps everything.
"""

from collections.abc import Mapping

from opentelemetry.sdk.trace import Event, Span
from opentelemetry.trace import Status
from opentelemetry.util.types import AttributeValue

#: Strands' own switch: a list of what is not redacted, and here there is nothing on it.
OPT_IN = "OTEL_SEMCONV_STABILITY_OPT_IN"
REDACT_ALL = "gen_ai_unredacted_attributes="

#: The switch of other libraries. AWS's distribution turns it on where AgentCore starts it: what is
#: said to models would go into log events.
CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"

#: Of an event's attributes, those that hold no content.
_KEPT = frozenset({"role", "id", "finish_reason", "exception.type", "exception.escaped"})
#: Of a span's attributes, those that do, whichever library sets them.
_CONTENT = (
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.prompt",
    "gen_ai.completion",
    "exception.message",
    "exception.stacktrace",
)


def redacting(opt_in: str) -> str:
    """Give the value of `OPT_IN` that has Strands redact, too; whoever lists what to keep may."""
    words = [word for word in opt_in.split(",") if word.strip()]
    if any(word.strip().startswith(REDACT_ALL) for word in words):
        return opt_in
    return ",".join((*words, REDACT_ALL))


def redact(span: Span) -> None:
    """Take the content out of a span that is ending, before any exporter sees it.

    There is no public way to change a span then, and none to change its events at any time.
    """
    events = [Event(each.name, _bare(each.attributes), each.timestamp) for each in span.events]
    span._events = events
    span._status = Status(span.status.status_code)
    if any(name.startswith(_CONTENT) for name in span.attributes or ()):
        held = {n: v for n, v in (span.attributes or {}).items() if not n.startswith(_CONTENT)}
        span._attributes = held


def _bare(attributes: Mapping[str, AttributeValue] | None) -> dict[str, AttributeValue]:
    return {name: value for name, value in (attributes or {}).items() if name in _KEPT}
