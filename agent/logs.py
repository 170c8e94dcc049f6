"""Logs as JSON lines: what Lambda's JSON format does with `extra`, done for this process."""

import json
import logging
import sys
from datetime import UTC, datetime

from bedrock_agentcore.runtime.context import BedrockAgentCoreContext

from runs.instants import to_iso
from runs.json_types import Json

#: What every record has; the rest came by `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
#: The AgentCore SDK's logger. It installs a handler of its own unless it finds one.
_SDK_LOGGER = "bedrock_agentcore.app"


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object: time, level, logger, message, facts, and the error."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        line: dict[str, Json] = {
            "timestamp": to_iso(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= _request_ids()
        line |= {key: _plain(value) for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            line["error"] = line.get("error") or str(record.exc_info[1])
            line["stack"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(*, debug: bool) -> None:
    """Send this process's logs to standard error as JSON lines; once per process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    sdk = logging.getLogger(_SDK_LOGGER)
    sdk.handlers = [handler]
    # It logs a line per invocation and per task at INFO; our own lines say the same and more.
    sdk.setLevel(logging.DEBUG if debug else logging.WARNING)
    sdk.propagate = False
    if not debug:
        # One line per HTTP request of boto3 says nothing a person needs.
        logging.getLogger("botocore").setLevel(logging.WARNING)


def _request_ids() -> dict[str, Json]:
    """Give the ids of the request whose context the line was written in.

    The run's id is its session's, unless the request was a bare prompt of a short local session;
    a record that knows better says so in its `extra`.
    """
    ids: dict[str, Json] = {}
    if session_id := BedrockAgentCoreContext.get_session_id():
        ids["session_id"] = session_id
    if request_id := BedrockAgentCoreContext.get_request_id():
        ids["request_id"] = request_id
    return ids


def _plain(value: object) -> Json:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
