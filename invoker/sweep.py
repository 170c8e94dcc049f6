"""The sweep's Lambda function: on a schedule, mends runs that the normal way has left.

The composition root: see `invoker.start`.
"""

import logging
import os
from datetime import UTC, datetime
from typing import Protocol

import boto3

from invoker.config import SweepConfig
from invoker.invocation import invocation
from invoker.stopping import SessionStopper
from invoker.transport import CALL_SECONDS, CLIENT_CONFIG, AgentRuntime
from invoker.wiring import PATIENT, LateSignal, journal_of
from runs.json_types import Json
from runs.stepfunctions import StepFunctionsExecutions
from runs.sweep_gauges import gauges
from runs.sweep_json import found_to_json, swept_to_json
from runs.sweeper import Sweeper
from runs.telemetry.logs import log_from_function
from runs.telemetry.meter import meter_for

logger = logging.getLogger(__name__)

#: Heads, of which the table answers some hundred in a second.
_LIMIT = 1_000
#: With less time left no further page is begun: each of its runs may take a call to AgentCore.
_RESERVE_SECONDS = 2 * CALL_SECONDS


class LambdaContext(Protocol):
    """What is used of the context that Lambda passes."""

    def get_remaining_time_in_millis(self) -> int:
        """Give the time left to this invocation."""
        ...


def _sweeper(config: SweepConfig) -> Sweeper:
    journal = journal_of(table=config.table, artifacts=config.artifacts, meter=_METER)
    sessions = AgentRuntime(
        boto3.client("bedrock-agentcore", config=CLIENT_CONFIG), arn=config.runtime_arn
    )
    return Sweeper(
        journal=journal,
        signal=LateSignal(),
        clock=_now,
        patience=config.patience,
        executions=StepFunctionsExecutions(
            boto3.client("stepfunctions", config=PATIENT), state_machine=config.state_machine
        ),
        stopper=SessionStopper(journal=journal, sessions=sessions, clock=_now),
    )


def _now() -> datetime:
    return datetime.now(UTC)


log_from_function(os.environ)
_METER = meter_for(os.environ)
_SWEEPER = _sweeper(SweepConfig.from_env(os.environ))


def handler(_event: Json, context: LambdaContext) -> dict[str, Json]:
    """Sweep a part of the journal, and tell how many runs are where."""
    with invocation(context):
        swept = _SWEEPER.sweep_on(
            may_go_on=lambda: context.get_remaining_time_in_millis() / 1000 > _RESERVE_SECONDS,
            limit=_LIMIT,
        )
        _METER.tell(gauges(_SWEEPER.journal, swept, now=_now()))
        for each in swept.found:
            logger.warning("run differs from what should be", extra=found_to_json(each))
        facts = {
            "looked_at": swept.looked_at,
            "found": len(swept.found),
            "is_whole": swept.is_whole,
        }
        logger.info("journal swept", extra=facts)
        return swept_to_json(swept)
