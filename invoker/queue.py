"""The task queue's Lambda function: starts runs, and brings answers to those that wait for them.

The composition root: see `invoker.start`.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import boto3

from invoker.config import QueueConfig
from invoker.delivery import Delivery
from invoker.invocation import invocation
from invoker.tasks import Tasks
from invoker.wiring import PATIENT, LateCallbacks, LateSignal, journal_of
from runs.answering import Answers
from runs.json_types import Json
from runs.stepfunctions import StepFunctionsStarter
from runs.telemetry.logs import log_from_function
from runs.telemetry.meter import meter_for


class LambdaContext(Protocol):
    """What is used of the context that Lambda passes."""

    def get_remaining_time_in_millis(self) -> int:
        """Give the time left to this invocation."""
        ...


def _delivery(config: QueueConfig) -> Delivery:
    return Delivery(
        tasks=Tasks(
            answers=Answers(
                journal=journal_of(table=config.table, artifacts=config.artifacts, meter=_METER),
                signal=LateSignal(),
                clock=_now,
                service=LateCallbacks(),
            ),
            starter=StepFunctionsStarter(
                boto3.client("stepfunctions", config=PATIENT), state_machine=config.state_machine
            ),
            workflows=config.workflows,
            patience=config.patience,
            clock=_now,
        ),
        queues=boto3.client("sqs", config=PATIENT),
        queue_url=config.queue_url,
        dead_letter_url=config.dead_letter_url,
        meter=_METER,
    )


def _now() -> datetime:
    return datetime.now(UTC)


log_from_function(os.environ)
_METER = meter_for(os.environ)
_DELIVERY = _delivery(QueueConfig.from_env(os.environ))


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Json]:
    """Take a batch; see `Delivery.take`."""
    with invocation(context):
        return _DELIVERY.take(
            event, seconds_left=lambda: context.get_remaining_time_in_millis() / 1000
        )
