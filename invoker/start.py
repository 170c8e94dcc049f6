"""The invoker's Lambda function: accepts runs and hands them to the agent.

The composition root: configuration and clients are made when the module is imported, once per
Lambda environment. Nothing unique and no time is made here.
"""

import os
from datetime import UTC, datetime
from typing import Protocol

import boto3

from invoker.actions import Invoker
from invoker.config import Config
from invoker.invocation import invocation
from invoker.notifying import LateNotifier
from invoker.routing import answer
from invoker.transport import CLIENT_CONFIG, AgentRuntime
from invoker.wiring import LateSignal, journal_of
from runs.json_types import Json
from runs.telemetry.logs import log_from_function
from runs.telemetry.meter import meter_for


class LambdaContext(Protocol):
    """What is used of the context that Lambda passes."""

    def get_remaining_time_in_millis(self) -> int:
        """Give the time left to this invocation."""
        ...


def _invoker(config: Config) -> Invoker:
    journal = journal_of(table=config.table, artifacts=config.artifacts, meter=_METER)
    return Invoker(
        journal=journal,
        agent=AgentRuntime(
            boto3.client("bedrock-agentcore", config=CLIENT_CONFIG), arn=config.runtime_arn
        ),
        signal=LateSignal(),
        notifier=LateNotifier(config, journal=journal, clock=_now),
        workflows=config.workflows,
        redispatch=config.redispatch,
        clock=_now,
        meter=_METER,
    )


def _now() -> datetime:
    return datetime.now(UTC)


log_from_function(os.environ)
_METER = meter_for(os.environ)
_INVOKER = _invoker(Config.from_env(os.environ))


def handler(event: Json, context: LambdaContext) -> dict[str, Json]:
    """Answer one invocation; see `invoker.routing.answer`."""
    with invocation(context):
        return answer(
            _INVOKER,
            event,
            seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
        ).to_json()
