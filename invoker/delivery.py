"""Batches of the task queue: each message by itself, and what becomes of one that is not done."""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from invoker.tasks import Dead, Later, Message, Tasks
from runs.errors import InvalidRequestError
from runs.ids import MIN_SESSION_ID
from runs.json_types import Json
from runs.request import check_session_id
from runs.telemetry.meter import Meter, NoMeter
from runs.telemetry.metrics import Metric
from runs.telemetry.scope import current_scope, within
from runs.telemetry.traces import Trace

logger = logging.getLogger(__name__)

#: In a dead letter: why it is one, and which message it was before.
REASON = "reason"
ORIGINAL_ID = "original_message_id"

#: Seconds left of the function's time, below which no further message is begun.
_LEAST_SECONDS = 15.0
_LONGEST_PAUSE = 300
_MAX_REASON = 1_000
#: What SQS takes in an attribute is what XML takes.
_NOT_TAKEN = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Queues(Protocol):
    """The two calls of boto3's `sqs` client that are made here."""

    def send_message(self, **arguments: Any) -> object:  # noqa: ANN401 - boto3's
        """Send a message; see boto3."""
        ...

    def change_message_visibility(self, **arguments: Any) -> object:  # noqa: ANN401 - boto3's
        """Say when a message comes again; see boto3."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Takes batches, and answers which of their messages are to come again."""

    tasks: Tasks
    queues: Queues
    queue_url: str
    dead_letter_url: str
    meter: Meter = field(default_factory=NoMeter)

    def take(
        self, event: Mapping[str, Any], *, seconds_left: Callable[[], float]
    ) -> dict[str, Json]:
        """Do what a batch's messages ask for, one after the other; never raises for one of them.

        What it does not name as failed the queue removes. If it dies before it has answered, the
        whole batch comes again.
        """
        failed = [
            record["messageId"]
            for record in event["Records"]
            if not self._is_taken(record, seconds_left=seconds_left)
        ]
        return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}

    def _is_taken(self, record: Mapping[str, Any], *, seconds_left: Callable[[], float]) -> bool:
        if seconds_left() < _LEAST_SECONDS:
            return False
        scope = replace(current_scope(), trace=_sent_in(record) or current_scope().trace)
        with within(scope):
            return self._is_done(record)

    def _is_done(self, record: Mapping[str, Any]) -> bool:
        try:
            self.tasks.do(_message(record))
        except Later as outcome:
            logger.info(
                "message waits", extra={"message_id": record["messageId"], "why": str(outcome)}
            )
            self._pause(record)
            self.meter.tell({Metric.MESSAGES_DELAYED: 1})
            return False
        except Dead as outcome:
            return self._is_put_aside(record, str(outcome))
        except Exception:
            # It comes again after the queue's own time, and is a dead letter after too many.
            logger.exception("message not taken", extra={"message_id": record["messageId"]})
            return False
        self.meter.tell({Metric.MESSAGES_TAKEN: 1})
        return True

    def _is_put_aside(self, record: Mapping[str, Any], reason: str) -> bool:
        """Send a message to the dead letters with the reason; the queue removes it after that."""
        said = _NOT_TAKEN.sub("\ufffd", reason)[:_MAX_REASON]
        logger.error("dead letter", extra={"message_id": record["messageId"], "reason": said})
        attributes = {REASON: said, ORIGINAL_ID: original_id(record)}
        try:
            self.queues.send_message(
                QueueUrl=self.dead_letter_url,
                MessageBody=record["body"],
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in attributes.items()
                },
            )
        except Exception:
            logger.exception("dead letter not sent", extra={"message_id": record["messageId"]})
            return False
        self.meter.tell({Metric.MESSAGES_REJECTED: 1})
        return True

    def _pause(self, record: Mapping[str, Any]) -> None:
        """Have a message come again sooner than one whose handler died: soon, then ever later."""
        count = int(record["attributes"]["ApproximateReceiveCount"])
        try:
            self.queues.change_message_visibility(
                QueueUrl=self.queue_url,
                ReceiptHandle=record["receiptHandle"],
                VisibilityTimeout=min(_LONGEST_PAUSE, 2 ** min(count, 10)),
            )
        except Exception:
            # Then it comes again after the queue's own time.
            logger.exception("message not paused", extra={"message_id": record["messageId"]})


def original_id(record: Mapping[str, Any]) -> str:
    """Give the id a message had when it was first sent: one that is sent again has another.

    The run that it asks for has this id, and must not be started twice.
    """
    attribute = record.get("messageAttributes", {}).get(ORIGINAL_ID, {})
    own = str(record["messageId"])
    try:
        return check_session_id(attribute.get("stringValue", own), minimum=MIN_SESSION_ID)
    except InvalidRequestError:
        return own


def _sent_in(record: Mapping[str, Any]) -> Trace | None:
    """Give the trace of who sent a message: a batch has several, and the function its own."""
    return Trace.from_xray(record["attributes"].get("AWSTraceHeader"))


def _message(record: Mapping[str, Any]) -> Message:
    sent = int(record["attributes"]["SentTimestamp"]) / 1000
    return Message(
        message_id=original_id(record),
        body=record["body"],
        sent_at=datetime.fromtimestamp(sent, UTC),
    )
