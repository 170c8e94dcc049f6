"""Log lines are JSON objects with the facts beside the message, and say which run they are of."""

import json
import logging
import subprocess
import sys
from typing import Any

import pytest

from runs.telemetry.logs import JsonFormatter, ScopeFilter
from runs.telemetry.scope import Scope, current_scope, learn, within
from runs.telemetry.traces import Trace
from tests.support.telemetry import logged

logger = logging.getLogger(__name__)

TRACE = Trace(trace_id="5759e988bd862e3fe1be46a994272793", span_id="53995c3f42cd8ad8")

#: What Lambda's own Python runtime does in a process before it imports a function, in short.
LAMBDA = """
import json, logging, sys

class Platform(logging.Formatter):
    def format(self, record):
        record._frame_type = b"json"
        line = {"timestamp": "now", "level": record.levelname, "message": record.getMessage(),
                "logger": record.name, "requestId": getattr(record, "aws_request_id", None)}
        taken = {"name", "msg", "args", "levelname", "levelno", "pathname", "filename", "module",
                 "exc_info", "exc_text", "stack_info", "lineno", "funcName", "created", "msecs",
                 "relativeCreated", "thread", "threadName", "processName", "process",
                 "aws_request_id", "_frame_type"}
        line.update((k, v) for k, v in vars(record).items() if k not in taken and k not in line)
        return json.dumps(line)

handler = logging.StreamHandler(sys.stdout)
if sys.argv[1] == "JSON":
    handler.setFormatter(Platform())
logging.getLogger().addHandler(handler)
logging.getLogger().setLevel("INFO")

from runs.telemetry.logs import log_from_function
from runs.telemetry.meter import EmfMeter
from runs.telemetry.metrics import Metric
from runs.telemetry.scope import Scope, within

environ = {"AWS_LAMBDA_FUNCTION_NAME": "errand", "AWS_LAMBDA_LOG_FORMAT": sys.argv[1]}
log_from_function(environ)
log_from_function(environ)
with within(Scope(session_id="run-1", attempt=2, request_id="req-1")):
    logging.getLogger("invoker").info("run handed over", extra={"status": "STARTED"})
    EmfMeter("prod").tell({Metric.RUNS_ACCEPTED: 1})
"""


def line_of(record: logging.LogRecord) -> Any:  # noqa: ANN401 - JSON
    ScopeFilter().filter(record)
    return json.loads(JsonFormatter().format(record))


def record_of(**facts: object) -> logging.LogRecord:
    record = logging.LogRecord("agent.runner", logging.INFO, __file__, 1, "claimed", (), None)
    vars(record).update(facts)
    return record


def lines_of_function(log_format: str) -> list[dict[str, Any]]:
    run = subprocess.run(  # noqa: S603 - this interpreter, our own text
        [sys.executable, "-c", LAMBDA, log_format], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in (run.stdout + run.stderr).splitlines()]


def test_facts_stand_beside_the_message() -> None:
    line = line_of(record_of(session_id="run-1", attempt=2))

    assert line["message"] == "claimed"
    assert (line["session_id"], line["attempt"]) == ("run-1", 2)
    assert line["timestamp"].endswith("Z")
    assert len(line["timestamp"]) == len("2026-01-31T08:30:00.000Z")
    assert "args" not in line


def test_a_fact_that_is_no_json_is_written_as_text() -> None:
    assert line_of(record_of(path=object()))["path"].startswith("<object")


def test_an_error_is_written_with_its_type_and_its_stack() -> None:
    error = ValueError("no such file")
    record = record_of(exc_info=(ValueError, error, None))

    line = line_of(record)

    assert (line["errorType"], line["errorMessage"]) == ("ValueError", "no such file")
    assert "ValueError: no such file" in "".join(line["stackTrace"])


def test_a_line_says_what_the_code_works_on() -> None:
    scope = Scope(
        session_id="run-1",
        workflow="cost-analysis",
        attempt=2,
        step="load",
        operation_id="op-1",
        trace=TRACE,
        request_id="req-1",
    )

    with within(scope), logged(__name__) as lines:
        logger.info("reusing checkpoint")

    told = {name: value for name, value in lines[0].items() if name in scope.facts()}
    assert told == {
        "session_id": "run-1",
        "workflow": "cost-analysis",
        "attempt": 2,
        "step": "load",
        "operation_id": "op-1",
        "trace_id": TRACE.trace_id,
        "requestId": "req-1",
    }


def test_a_line_outside_of_any_run_says_nothing_of_one() -> None:
    with within(Scope()), logged(__name__) as lines:
        logger.info("started")

    assert set(lines[0]) == {"timestamp", "level", "message", "logger"}


def test_what_a_record_says_itself_stands() -> None:
    with within(Scope(session_id="run-1")), logged(__name__) as lines:
        logger.info("child begun", extra={"session_id": "run-2"})

    assert lines[0]["session_id"] == "run-2"


def test_what_was_learned_is_forgotten_with_the_scope() -> None:
    with within(Scope(trace=TRACE)):
        with within(current_scope()):
            learn(session_id="run-1", workflow="cost-analysis")
            inside = current_scope()
        after = current_scope()

    assert (inside.session_id, inside.workflow, inside.trace) == ("run-1", "cost-analysis", TRACE)
    assert after == Scope(trace=TRACE)


@pytest.mark.parametrize("log_format", ["JSON", "none"])
def test_a_function_logs_one_object_per_line(log_format: str) -> None:
    """In Lambda by Lambda's own formatter, and on an emulator by ours."""
    handed_over, accepted = lines_of_function(log_format)

    assert (handed_over["message"], handed_over["status"]) == ("run handed over", "STARTED")
    assert (handed_over["session_id"], handed_over["attempt"]) == ("run-1", 2)
    assert accepted["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Errand"
    assert (accepted["Stage"], accepted["RunsAccepted"]) == ("prod", 1)
    assert accepted["session_id"] == "run-1"
