import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from runs.ids import session_id_for
from runs.run import Status
from tests.support.chain import END_SECONDS, Chain, new_session

DEMANDS = 20


@pytest.fixture
def announcements(chain: Chain) -> Iterator[str]:
    """A queue that gets what the bus announces."""
    queues, events = chain.emulator.client("sqs"), chain.emulator.client("events")
    url: str = queues.create_queue(QueueName="announcements")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    bus = chain.outputs["BusName"]
    events.put_rule(
        Name="announcements",
        EventBusName=bus,
        EventPattern=json.dumps({"detail-type": [{"prefix": "Run "}], "source": ["errand"]}),
    )
    target = {"Id": "queue", "Arn": arn["Attributes"]["QueueArn"]}
    events.put_targets(Rule="announcements", EventBusName=bus, Targets=[target])
    yield url
    events.remove_targets(Rule="announcements", EventBusName=bus, Ids=["queue"])
    events.delete_rule(Name="announcements", EventBusName=bus)
    queues.delete_queue(QueueUrl=url)


def send(chain: Chain, detail: dict[str, Any]) -> str:
    entry = {
        "EventBusName": chain.outputs["BusName"],
        "Source": "errand",
        "DetailType": "Run Requested",
        "Detail": json.dumps(detail),
    }
    answer = chain.emulator.client("events").put_events(Entries=[entry])
    event_id: str = answer["Entries"][0]["EventId"]
    return event_id


def announced(chain: Chain, url: str, session_id: str) -> dict[str, Any]:
    queues = chain.emulator.client("sqs")
    deadline = time.monotonic() + END_SECONDS
    while True:
        answer = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", ()):
            event: dict[str, Any] = json.loads(message["Body"])
            is_request = event["detail-type"] == "Run Requested"
            if not is_request and event["detail"]["session_id"] == session_id:
                return event
        assert time.monotonic() < deadline, f"nothing was announced about {session_id}"


def executions(chain: Chain) -> set[str]:
    pages = chain.steps.get_paginator("list_executions").paginate(
        stateMachineArn=chain.outputs["StateMachineArn"]
    )
    return {each["executionArn"] for page in pages for each in page["executions"]}


def test_an_event_becomes_a_run_whose_end_is_announced(chain: Chain, announcements: str) -> None:
    event_id = send(chain, {"prompt": "look at the bill"})

    event = announced(chain, announcements, event_id)

    assert event["detail-type"] == "Run Completed"
    assert event["detail"] == {
        "session_id": event_id,
        "workflow": "cost-analysis",
        "status": "COMPLETED",
        "attempt": 1,
    }
    assert chain.wait_for(event_id, Status.COMPLETED).prompt == "look at the bill"


def test_a_run_that_ends_badly_is_announced_with_its_error(
    chain: Chain, announcements: str
) -> None:
    session_id = session_id_for("a key of its sender")
    chain.scripts[session_id] = lambda _chain, _claim: None

    send(chain, {"prompt": "x", "idempotency_key": "a key of its sender", "max_attempts": 1})

    event = announced(chain, announcements, session_id)
    assert event["detail-type"] == "Run Failed"
    assert event["detail"]["error"]["type"] == "AttemptsExhausted"
    assert event["detail"]["error"]["message"].startswith("1 attempts in a row")


def test_the_same_request_many_times_at_once_is_one_run(chain: Chain) -> None:
    session_id = new_session()
    before = executions(chain)

    with ThreadPoolExecutor(DEMANDS) as pool:
        for _ in range(DEMANDS):
            pool.submit(send, chain, {"prompt": "look", "session_id": session_id})

    started = executions(chain) - before
    outputs = [chain.wait_for_end(arn).output["status"] for arn in started]
    assert sorted(outputs) == ["COMPLETED"] + ["DUPLICATE"] * (DEMANDS - 1)
    assert chain.actions[session_id] == ["start", "stop"]
