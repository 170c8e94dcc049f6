"""What the functions do is measured, and is in the trace of who asked for it."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from invoker.errors import AgentRefusedError, AgentUnavailableError
from invoker.transport import AgentRuntime
from runs.errors import JournalUnavailableError
from runs.json_types import Json
from runs.telemetry.metrics import Metric
from runs.telemetry.scope import Scope, current_scope, within
from runs.telemetry.traces import Trace, trace_of
from tests.support.invoking import SESSION, Desk
from tests.support.queueing import Counter, new

TRACE = Trace(trace_id="5759e988bd862e3fe1be46a994272793", span_id="53995c3f42cd8ad8")
SENDERS = Trace(trace_id="6759e988bd862e3fe1be46a994272793", span_id="63995c3f42cd8ad8")


@pytest.mark.parametrize(
    ("answer", "metric"),
    [
        ("STARTED", Metric.DISPATCHES_TAKEN),
        ("BUSY", Metric.DISPATCHES_TAKEN),
        ("WHAT", Metric.DISPATCHES_FAILED),
        (AgentUnavailableError("throttled"), Metric.DISPATCHES_FAILED),
        (AgentRefusedError("AccessDeniedException"), Metric.DISPATCHES_REFUSED),
    ],
)
def test_each_hand_over_is_told_with_what_came_of_it(
    desk: Desk, answer: str | Exception, metric: Metric
) -> None:
    desk.agent.answers = [answer]

    desk.accept()

    assert len(desk.meter.told) == 1
    values, facts = desk.meter.told[0]
    assert values == {metric: 1, Metric.DISPATCH_LATENCY: 0}
    assert facts == {"session_id": SESSION, "workflow": "cost-analysis"}


def test_a_request_that_no_run_can_be_made_of_is_told(desk: Desk) -> None:
    desk.accept(prompt="")

    assert desk.meter.counts() == {Metric.RUNS_REJECTED: 1}


def test_a_duplicate_is_told_and_its_repetition_by_the_same_execution_is_none(desk: Desk) -> None:
    desk.accept(execution="first")
    desk.accept(execution="first")

    desk.accept(execution="second")

    assert desk.meter.values(Metric.RUNS_DUPLICATED) == [1]


def test_a_session_that_could_not_be_stopped_is_told(desk: Desk) -> None:
    desk.agent.answers = [AgentUnavailableError("throttled")]

    desk.ask(action="stop", session_id=SESSION)

    assert desk.meter.counts() == {Metric.STOPS_FAILED: 1}


def test_a_run_is_in_the_trace_of_the_event_that_asked_for_it(desk: Desk) -> None:
    with within(Scope(trace=TRACE)):
        desk.accept()

    assert trace_of(desk.run()) == TRACE


def test_an_invocation_leaves_nothing_behind_of_what_it_was_about(desk: Desk) -> None:
    before = current_scope()

    desk.accept()
    desk.ask(action="dispatch", session_id=SESSION)

    assert current_scope() == before


def test_the_agent_is_called_from_the_place_in_the_trace() -> None:
    asked: list[dict[str, Any]] = []

    class Client:
        def invoke_agent_runtime(self, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3's
            asked.append(arguments)
            return {"response": BytesIO(json.dumps({"status": "STARTED"}).encode())}

        def stop_runtime_session(self, **arguments: Any) -> None:  # noqa: ANN401 - boto3's
            asked.append(arguments)

    runtime = AgentRuntime(Client(), arn="arn")
    with within(Scope(trace=TRACE)):
        runtime.send(SESSION, "start")
    with within(Scope()):
        runtime.send(SESSION, "start")

    assert (asked[0]["traceId"], asked[0]["traceParent"]) == (TRACE.xray, TRACE.traceparent)
    assert not {"traceId", "traceParent"} & asked[1].keys()


class TracingStarter:
    """Knows in which trace it was asked to start something."""

    def __init__(self) -> None:
        self.traces: list[Trace | None] = []

    def start(self, session_id: str, given: Json) -> None:
        """See `invoker.tasks.Starter`."""
        self.traces.append(current_scope().trace)


def test_each_message_is_done_in_its_senders_trace(tmp_path: Path) -> None:
    starter = TracingStarter()
    counter = Counter(tmp_path, starter=starter)
    sent, unsent = counter.record(new()), counter.record(new(), message_id="b" * 36)
    sent["attributes"]["AWSTraceHeader"] = SENDERS.xray

    with within(Scope(trace=TRACE)):
        counter.deliver(sent, unsent)

    assert starter.traces == [SENDERS, TRACE]


def test_messages_are_told_with_what_became_of_them(tmp_path: Path) -> None:
    counter = Counter(tmp_path)
    counter.deliver(counter.record(new()))
    counter.deliver(counter.record("nothing of ours"))
    counter.starter.errors.append(JournalUnavailableError("throttled"))
    counter.deliver(counter.record(new(), message_id="b" * 36))

    assert counter.meter.counts() == {
        Metric.MESSAGES_TAKEN: 1,
        Metric.MESSAGES_REJECTED: 1,
        Metric.MESSAGES_DELAYED: 1,
    }


def test_a_dead_letter_that_could_not_be_sent_is_not_told(tmp_path: Path) -> None:
    counter = Counter(tmp_path)
    counter.queues.errors.append(ConnectionError("no"))

    counter.deliver(counter.record("nothing of ours"))

    assert counter.meter.counts() == {}
