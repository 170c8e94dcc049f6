"""Log lines are JSON objects with the facts beside the message."""

import json
import logging
from typing import Any

from agent.logs import JsonFormatter


def line_of(record: logging.LogRecord) -> Any:  # noqa: ANN401 - JSON
    return json.loads(JsonFormatter().format(record))


def record_of(**facts: object) -> logging.LogRecord:
    record = logging.LogRecord("agent.runner", logging.INFO, __file__, 1, "claimed", (), None)
    vars(record).update(facts)
    return record


def test_facts_stand_beside_the_message() -> None:
    line = line_of(record_of(session_id="run-1", attempt=2))

    assert line["message"] == "claimed"
    assert (line["session_id"], line["attempt"]) == ("run-1", 2)
    assert line["timestamp"].endswith("Z")
    assert "args" not in line


def test_a_fact_that_is_no_json_is_written_as_text() -> None:
    assert line_of(record_of(path=object()))["path"].startswith("<object")


def test_an_error_is_written_with_its_stack() -> None:
    error = ValueError("no such file")
    record = record_of(exc_info=(ValueError, error, None))

    line = line_of(record)

    assert line["error"] == "no such file"
    assert "ValueError: no such file" in line["stack"]
