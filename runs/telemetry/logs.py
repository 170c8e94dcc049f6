"""Logs as JSON lines, the same from every process: the agent, the functions, the local stack.

The shape is that of Lambda's JSON format, which the functions' lines have from Lambda itself: a
second formatter there would be one too many. What every line says of the run comes by a filter, so
it is there in either.
"""

import json
import logging
import sys
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TextIO

from runs.instants import to_iso
from runs.json_types import Json
from runs.telemetry.meter import METRICS_LOGGER
from runs.telemetry.scope import current_scope

#: What every record has; the rest came by `extra`, or by our filter.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
#: One line per HTTP request says nothing a person needs.
_CHATTY = ("botocore", "httpx", "uvicorn.access")

Facts = Callable[[], Mapping[str, Json]]


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object: time, level, logger, message, facts, and the error."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        line: dict[str, object] = {
            "timestamp": to_iso(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
        }
        line |= _error(record)
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        return json.dumps(line, ensure_ascii=False, default=str)


class ScopeFilter(logging.Filter):
    """Adds to each record what the code that logs it works on; what the record says itself stands.

    Lets every record pass.
    """

    def __init__(self, facts: Facts | None = None) -> None:
        super().__init__()
        self._facts = facts

    def filter(self, record: logging.LogRecord) -> bool:
        """See `logging.Filter.filter`."""
        known = vars(record)
        for name, value in current_scope().facts().items():
            known.setdefault(name, value)
        if self._facts is not None:
            for name, value in self._facts().items():
                known.setdefault(name, value)
        return True


def log_to(stream: TextIO, *, debug: bool = False, facts: Facts | None = None) -> logging.Handler:
    """Send this process's logs to a stream as JSON lines, and nowhere else; once per process.

    Args:
        stream: Where to.
        debug: Whether to log what explains decisions, too.
        facts: Tells what else is known where a line is logged; the scope goes first.
    """
    handler = json_handler(stream, facts=facts)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    if not debug:
        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.WARNING)
    return handler


def json_handler(stream: TextIO, *, facts: Facts | None = None) -> logging.Handler:
    """Make a handler that writes JSON lines to a stream; see `log_to`."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(ScopeFilter(facts))
    return handler


def log_from_function(environ: Mapping[str, str]) -> None:
    """Have a Lambda function log JSON lines that say which run they are of; once per process.

    Lambda's own handlers stay where they write JSON: they know how to reach its log, and lines in
    a form that Lambda does not know would be wrapped in another. Emulators have none. A process
    that is no function's has logs of its own, whatever it imports.
    """
    root = logging.getLogger()
    if "AWS_LAMBDA_FUNCTION_NAME" not in environ:
        return
    # Whatever level of logs a stage is set to: fewer lines must not mean fewer runs.
    logging.getLogger(METRICS_LOGGER).setLevel(logging.INFO)
    if environ.get("AWS_LAMBDA_LOG_FORMAT") != "JSON" or not root.handlers:
        log_to(sys.stderr)
        return
    for handler in root.handlers:
        if not any(isinstance(each, ScopeFilter) for each in handler.filters):
            handler.addFilter(ScopeFilter())


def _error(record: logging.LogRecord) -> dict[str, object]:
    if not record.exc_info or record.exc_info[1] is None:
        return {}
    error = record.exc_info[1]
    return {
        "errorType": type(error).__name__,
        "errorMessage": str(error),
        "stackTrace": traceback.format_exception(error),
    }
