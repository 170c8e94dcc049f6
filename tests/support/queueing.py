"""The task queue's handler on a journal in memory, with what it sends kept for a look."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from invoker.delivery import Delivery
from invoker.tasks import Starter, Tasks
from runs.answering import Answers
from runs.json_types import Json
from tests.support.invoking import WORKFLOWS, RecordingSignal
from tests.support.plant import Plant
from tests.support.telemetry import KeptMeter

QUEUE, DEAD_LETTERS = "https://sqs.test/tasks", "https://sqs.test/dead"
PATIENCE = timedelta(minutes=30)
MESSAGE = "11111111-2222-4333-8444-555555555555"


@dataclass
class RecordedStarter:
    """Starts nothing, and knows what it was asked to."""

    started: dict[str, Json] = field(default_factory=dict)
    errors: list[Exception] = field(default_factory=list)

    def start(self, session_id: str, given: Json) -> None:
        """See `invoker.tasks.Starter`."""
        if self.errors:
            raise self.errors.pop(0)
        self.started.setdefault(session_id, given)


@dataclass
class RecordedQueues:
    """Keeps what is sent."""

    dead: list[dict[str, Any]] = field(default_factory=list)
    pauses: list[int] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)

    def send_message(self, **arguments: Any) -> None:  # noqa: ANN401 - boto3's
        """See `invoker.delivery.Queues`."""
        if self.errors:
            raise self.errors.pop(0)
        assert arguments["QueueUrl"] == DEAD_LETTERS
        self.dead.append(arguments)

    def change_message_visibility(self, **arguments: Any) -> None:  # noqa: ANN401 - boto3's
        """See `invoker.delivery.Queues`."""
        assert arguments["QueueUrl"] == QUEUE
        self.pauses.append(arguments["VisibilityTimeout"])

    @property
    def reasons(self) -> list[str]:
        """Give why letters are dead."""
        return [each["MessageAttributes"]["reason"]["StringValue"] for each in self.dead]


class Counter:
    """The handler, as Lambda calls it, over the journal of a plant."""

    def __init__(self, folder: Path, *, starter: Starter | None = None) -> None:
        self.plant = Plant(folder)
        self.meter = KeptMeter()
        self.starter, self.queues = RecordedStarter(), RecordedQueues()
        self.signal = RecordingSignal()
        self.seconds_left = 60.0
        self.delivery = Delivery(
            tasks=Tasks(
                answers=Answers(
                    journal=self.plant.journal, signal=self.signal, clock=self.plant.clock
                ),
                starter=starter or self.starter,
                workflows=WORKFLOWS | {"marketing-post"},
                patience=PATIENCE,
                clock=self.plant.clock,
            ),
            queues=self.queues,
            queue_url=QUEUE,
            dead_letter_url=DEAD_LETTERS,
            meter=self.meter,
        )

    def deliver(self, *records: Mapping[str, Any]) -> list[str]:
        """Deliver a batch, and give the ids of the messages that are to come again."""
        answer: Any = self.delivery.take(
            {"Records": list(records)}, seconds_left=lambda: self.seconds_left
        )
        return [each["itemIdentifier"] for each in answer["batchItemFailures"]]

    def record(
        self,
        body: Json,
        *,
        message_id: str = MESSAGE,
        sent_at: datetime | None = None,
        count: int = 1,
        attributes: Mapping[str, Json] | None = None,
    ) -> dict[str, Any]:
        """Give a message as Lambda hands it over."""
        return record(
            body,
            message_id=message_id,
            sent_at=sent_at or self.plant.clock(),
            count=count,
            attributes=attributes,
        )


def record(
    body: Json,
    *,
    sent_at: datetime,
    message_id: str = MESSAGE,
    count: int = 1,
    attributes: Mapping[str, Json] | None = None,
) -> dict[str, Any]:
    """Give a message as Lambda hands it over."""
    return {
        "messageId": message_id,
        "receiptHandle": f"handle of {message_id}",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {
            "SentTimestamp": str(int(sent_at.timestamp() * 1000)),
            "ApproximateReceiveCount": str(count),
        },
        "messageAttributes": dict(attributes or {}),
    }


def new(task: str = "Tell of pink unicorns.", **more: Json) -> dict[str, Json]:
    """Give a message that asks for a run."""
    return {"type": "new", "body": {"task": task}, **more}


def existing(
    session_id: str,
    tool_use_id: str,
    text: str,
    *,
    status: str = "success",
    tool: str = "human_approval",
) -> dict[str, Json]:
    """Give a message that answers a tool's call."""
    result: Json = {"toolUseId": tool_use_id, "status": status, "content": [{"text": text}]}
    return {
        "type": "existing",
        "session_id": session_id,
        "toolName": tool,
        "body": [{"toolResult": result}],
    }
