"""The webhooks' Lambda function: posts what is on the bus to those who asked for it.

The composition root: see `invoker.start`. The secrets are read with the first event.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import boto3

from invoker.config import WebhookConfig
from invoker.hooks import Webhooks
from invoker.invocation import invocation
from invoker.posting import Poster
from invoker.signing import Signer, secrets_at
from invoker.wiring import PATIENT
from runs.json_types import Json
from runs.telemetry.logs import log_from_function
from runs.telemetry.meter import meter_for


def _webhooks(config: WebhookConfig) -> Webhooks:
    keyring = secrets_at(
        config.secrets, client=lambda: boto3.client("secretsmanager", config=PATIENT)
    )
    return Webhooks(
        urls=config.urls,
        signer=Signer(keyring),
        post=Poster(allow_private=config.allow_private),
        queues=boto3.client("sqs", config=PATIENT),
        queue_url=config.queue_url,
        clock=lambda: datetime.now(UTC),
        meter=meter_for(os.environ),
    )


log_from_function(os.environ)
_WEBHOOKS = _webhooks(WebhookConfig.from_env(os.environ))


def handler(event: Mapping[str, Any], context: object) -> dict[str, Json]:
    """Take a batch; see `Webhooks.take`."""
    with invocation(context):
        return _WEBHOOKS.take(event)
