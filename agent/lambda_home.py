"""The Lambda durable function: the composition root, with `handler` for any workflow.

The function's handler is `agent.lambda_home.handler`, with a `DurableConfig` and with
`ERRAND_JOURNAL`, `ERRAND_ARTIFACTS` and `ERRAND_MODEL` as the agent process has them. It is given
what the agent's entrypoint is given for a start: `{"workflow": …, "prompt": …, "input": …}`.
"""

import os
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError

from agent.composition import compose_function
from agent.config import Config
from agent.durable.answers import Answer, failure
from agent.durable_function import DurableFunction, LambdaContext
from agent.registry import Registry
from runs.errors import RunError
from runs.run import RunFailure
from runs.telemetry.logs import log_from_function
from runs.telemetry.scope import Scope, within
from runs.telemetry.traces import TRACE_VARIABLE, Trace


def load(environ: Mapping[str, str]) -> DurableFunction | RunFailure:
    """Build the function from its environment, or say why it can't be built."""
    try:
        config = Config.from_function_env(environ)
        log_from_function(environ)
        return compose_function(config, Registry.load())
    except (RunError, OSError, BotoCoreError) as error:
        return RunFailure(type=type(error).__name__, message=str(error))


def invoke(
    loaded: DurableFunction | RunFailure,
    event: Any,  # noqa: ANN401 - what Lambda hands over
    context: LambdaContext,
) -> Answer:
    """Work on an execution; one whose function can't be built fails at once, and says why.

    Raised when the module is loaded, the error would be tried again and again by the service, and
    be found in the logs only.
    """
    return failure(loaded) if isinstance(loaded, RunFailure) else loaded.invoke(event, context)


_loaded = load(os.environ)


def handler(event: Any, context: LambdaContext) -> Answer:  # noqa: ANN401 - what Lambda hands over
    """Work on a durable execution; see `DurableFunction.invoke`."""
    # Lambda sets it anew for each invocation.
    trace = Trace.from_xray(os.environ.get(TRACE_VARIABLE))
    with within(Scope(trace=trace, request_id=context.aws_request_id)):
        return invoke(_loaded, event, context)
