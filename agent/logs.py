"""The agent's logs: JSON lines on standard error, and metrics as such on standard output."""

import logging
import sys

from bedrock_agentcore.runtime.context import BedrockAgentCoreContext

from runs.json_types import Json
from runs.telemetry.logs import json_handler, log_to
from runs.telemetry.meter import METRICS_LOGGER

#: The AgentCore SDK's logger. It installs a handler of its own unless it finds one.
_SDK_LOGGER = "bedrock_agentcore.app"


def configure(*, debug: bool) -> None:
    """Send this process's logs to standard error as JSON lines; once per process.

    What is measured goes to standard output, where whoever reads the one need not see the other.
    """
    handler = log_to(sys.stderr, debug=debug, facts=_request_ids)
    sdk = logging.getLogger(_SDK_LOGGER)
    sdk.handlers = [handler]
    # It logs a line per invocation and per task at INFO; our own lines say the same and more.
    sdk.setLevel(logging.DEBUG if debug else logging.WARNING)
    sdk.propagate = False
    metrics = logging.getLogger(METRICS_LOGGER)
    metrics.handlers = [json_handler(sys.stdout, facts=_request_ids)]
    metrics.propagate = False


def _request_ids() -> dict[str, Json]:
    """Give the ids of the request whose context the line was written in.

    The run's id is its session's, unless the request was a bare prompt of a short local session;
    the scope of an attempt knows better.
    """
    ids: dict[str, Json] = {}
    if session_id := BedrockAgentCoreContext.get_session_id():
        ids["session_id"] = session_id
    if request_id := BedrockAgentCoreContext.get_request_id():
        ids["requestId"] = request_id
    return ids
