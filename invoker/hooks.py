"""Webhooks of a queue: each posted, signed, to its receiver until that takes it.

Any message may come any number of times, and the function may die at any point: a receiver gets an
event at least once, and each time under the same id. What it does not take comes again, after ever
longer pauses; the queue's dead letters keep what none of the tries delivered.
"""

import json
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

from invoker.errors import InvokerError, NotDeliveredError
from invoker.posting import Post
from invoker.signing import Signer
from runs.compact import compact
from runs.json_types import Json
from runs.telemetry.meter import Meter
from runs.telemetry.metrics import Metric

logger = logging.getLogger(__name__)

#: Seconds from each try to the next; `infra/webhooks.py` allows one try more. A day and a bit: a
#: receiver that is broken in the evening may be mended in the morning, and be so the day after.
PAUSES = (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 39_600)
#: The receiver does not exist any more, and says so.
_GONE = 410
_TYPE = "application/cloudevents+json; charset=utf-8"
_AGENT = "Errand-Webhooks/1"


class Queues(Protocol):
    """The call of boto3's `sqs` client that is made here."""

    def change_message_visibility(self, **arguments: Any) -> object:  # noqa: ANN401 - boto3's
        """Say when a message comes again; see boto3."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """Takes batches of messages, each an event and where to post it."""

    #: As the deployment is set up now: a message may be older.
    urls: Collection[str]
    signer: Signer
    post: Post
    queues: Queues
    queue_url: str
    clock: Callable[[], datetime]
    meter: Meter

    def take(self, batch: Mapping[str, Any]) -> dict[str, Json]:
        """Post a batch's events; never raises for one of them.

        What it does not name as failed the queue removes. If it dies before it has answered, the
        whole batch comes again.
        """
        failed = [record for record in batch["Records"] if not self._is_done(record)]
        return {"batchItemFailures": [{"itemIdentifier": each["messageId"]} for each in failed]}

    def _is_done(self, record: Mapping[str, Any]) -> bool:
        try:
            return self._is_posted(record)
        except Exception:
            # It comes again after the queue's own time, and is a dead letter after too many.
            logger.exception("webhook not taken", extra={"message_id": record["messageId"]})
            return False

    def _is_posted(self, record: Mapping[str, Any]) -> bool:
        message = json.loads(record["body"])
        url, event = message["url"], message["event"]
        facts = {
            "event_id": event["id"],
            "session_id": event["subject"],
            # Of an address the path, and more so the query, may be a secret.
            "receiver": urlsplit(url).hostname,
            "attempt": _tries(record),
        }
        if url not in self.urls:
            logger.warning("webhook dropped: its receiver was removed", extra=facts)
            self.meter.tell({Metric.WEBHOOKS_DROPPED: 1}, session_id=event["subject"])
            return True
        try:
            self._deliver(url, event, facts)
        except InvokerError as error:
            logger.warning("webhook not delivered", extra={**facts, "error": str(error)})
            self.meter.tell({Metric.WEBHOOKS_REFUSED: 1}, session_id=event["subject"])
            self._pause(record, error)
            return False
        return True

    def _deliver(self, url: str, event: Mapping[str, Json], facts: Mapping[str, Json]) -> None:
        body = compact(event)
        signed = self.signer.headers(str(event["id"]), body, now=self.clock())
        headers = {"content-type": _TYPE, "user-agent": _AGENT, **signed}
        reply = self.post.post(url, body.encode(), headers=headers)
        if reply.status == _GONE:
            logger.error("webhook dropped: its receiver is gone", extra=dict(facts))
            self.meter.tell({Metric.WEBHOOKS_DROPPED: 1}, session_id=event["subject"])
            return
        if not reply.is_taken:
            msg = f"the receiver answered {reply.status}, expected 200 to 299"
            raise NotDeliveredError(msg, retry_seconds=reply.retry_seconds)
        logger.info("webhook delivered", extra={**facts, "status": reply.status})
        self.meter.tell({Metric.WEBHOOKS_DELIVERED: 1}, session_id=event["subject"])

    def _pause(self, record: Mapping[str, Any], error: InvokerError) -> None:
        planned = PAUSES[min(_tries(record), len(PAUSES)) - 1]
        asked = error.retry_seconds if isinstance(error, NotDeliveredError) else None
        try:
            self.queues.change_message_visibility(
                QueueUrl=self.queue_url,
                ReceiptHandle=record["receiptHandle"],
                VisibilityTimeout=max(planned, asked or 0),
            )
        except Exception:
            # Then it comes again after the queue's own time.
            logger.exception("webhook not paused", extra={"message_id": record["messageId"]})


def _tries(record: Mapping[str, Any]) -> int:
    return int(record["attributes"]["ApproximateReceiveCount"])
