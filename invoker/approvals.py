"""The approvals' Lambda function, behind an HTTP API.

The composition root: see `invoker.start`. The keys of links are read with the first request.
"""

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import boto3

from invoker.approval_api import ApprovalApi
from invoker.config import ApprovalsConfig
from invoker.forms import Forms
from invoker.invocation import invocation
from invoker.web import Request
from invoker.wiring import PATIENT, LateCallbacks, LateSignal, journal_of
from runs.answering import Answers
from runs.json_types import Json
from runs.link_keys import keyring_at
from runs.links import Links
from runs.telemetry.logs import log_from_function
from runs.telemetry.meter import meter_for


def _api(config: ApprovalsConfig) -> ApprovalApi:
    keyring = keyring_at(
        config.link_keys, client=lambda: boto3.client("secretsmanager", config=PATIENT)
    )
    return ApprovalApi(
        answers=Answers(
            journal=journal_of(table=config.table, artifacts=config.artifacts, meter=_METER),
            signal=LateSignal(),
            clock=lambda: datetime.now(UTC),
            service=LateCallbacks(),
        ),
        links=Links(keyring),
        forms=Forms(keyring),
        ticks=time.monotonic,
        pause=time.sleep,
    )


log_from_function(os.environ)
_METER = meter_for(os.environ)
_API = _api(ApprovalsConfig.from_env(os.environ))


def handler(event: Mapping[str, Any], context: object) -> dict[str, Json]:
    """Answer a request, as an event of payload format 2.0; see `ApprovalApi.answer`."""
    with invocation(context):
        request = Request.from_event(event)
        return _API.answer(request).to_event(is_head=request.method == "HEAD")
