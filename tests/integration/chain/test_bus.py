import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from runs.again import Retry
from runs.asked import Approval
from runs.events import EventType
from runs.ids import session_id_for
from runs.instants import to_iso
from runs.journal.base import Changes, Claim
from runs.run import RunFailure, Status, Usage
from tests.support.approvals import ask
from tests.support.chain import END_SECONDS, Chain, complete, new_session, now
from tests.support.engine import wait_until
from tests.support.schemas import problems

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
        EventPattern=json.dumps({"source": ["errand"]}),
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
            if not is_request and event["detail"]["subject"] == session_id:
                assert problems(event["detail"]) == []
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

    run = chain.wait_for(event_id, Status.COMPLETED)
    assert run.finished_at is not None
    assert event["detail-type"] == "Run Completed"
    assert event["detail"]["id"] == f"{event_id}-ended-0"
    assert event["detail"]["source"] == f"/errand/{chain.outputs['BusName']}"
    assert event["detail"]["time"] == to_iso(run.finished_at)
    assert event["detail"]["data"] == {
        "session_id": event_id,
        "workflow": "cost-analysis",
        "status": "COMPLETED",
        "attempt": 1,
        "retries": 0,
        "created_at": to_iso(run.created_at),
        "finished_at": to_iso(run.finished_at),
        "usage": {"input_tokens": 0, "output_tokens": 0, "cached_tokens": 0, "cost_usd": 0},
    }
    assert run.prompt == "look at the bill"


def test_a_run_that_ends_badly_is_announced_with_its_error(
    chain: Chain, announcements: str
) -> None:
    session_id = session_id_for("a key of its sender")
    chain.scripts[session_id] = lambda _chain, _claim: None

    send(chain, {"prompt": "x", "idempotency_key": "a key of its sender", "max_attempts": 1})

    event = announced(chain, announcements, session_id)
    assert event["detail-type"] == "Run Failed"
    error = event["detail"]["data"]["error"]
    assert error["type"] == "AttemptsExhausted"
    assert error["message"].startswith("1 attempts in a row")


@pytest.mark.parametrize(
    ("status", "detail_type"),
    [(Status.CANCELLED, "Run Cancelled"), (Status.TIMED_OUT, "Run Timed Out")],
)
def test_every_end_is_announced_as_what_it_is(
    chain: Chain, announcements: str, status: Status, detail_type: str
) -> None:
    session_id = new_session()

    def end(chain: Chain, claim: Claim) -> None:
        chain.wake(chain.settle(claim, status, error=RunFailure(type="Why", message="so")))

    chain.scripts[session_id] = end
    send(chain, {"prompt": "x", "session_id": session_id})

    event = announced(chain, announcements, session_id)
    assert event["detail-type"] == detail_type
    assert event["detail"]["data"]["status"] == status


def test_an_end_told_twice_is_one_event_and_the_end_after_a_retry_another(
    chain: Chain, announcements: str
) -> None:
    session_id = new_session()
    chain.scripts[session_id] = lambda chain, claim: chain.wake(
        chain.settle(claim, Status.FAILED, error=RunFailure(type="Why", message="so"))
    )
    send(chain, {"prompt": "x", "session_id": session_id})

    first = announced(chain, announcements, session_id)
    chain.start({"session_id": session_id, "watch": True})
    again = announced(chain, announcements, session_id)
    chain.scripts[session_id] = complete
    chain.journal.retry(session_id, Retry(by="a test"), now=now())
    chain.start({"session_id": session_id, "watch": True})
    retried = announced(chain, announcements, session_id)

    assert first["id"] != again["id"]
    assert first["detail"] == again["detail"]
    assert retried["detail"]["id"] == f"{session_id}-ended-1"
    assert retried["detail-type"] == "Run Completed"


def test_the_usage_of_a_run_is_told_in_dollars(chain: Chain, announcements: str) -> None:
    session_id = new_session()

    def call_a_model(chain: Chain, claim: Claim) -> None:
        used = Usage(model_calls=1, input_tokens=1_200, output_tokens=34, cost_nano_usd=4_110_000)
        chain.journal.commit(claim.lease, Changes(spent=used), now=now())
        complete(chain, claim)

    chain.scripts[session_id] = call_a_model
    send(chain, {"prompt": "x", "session_id": session_id})

    usage = announced(chain, announcements, session_id)["detail"]["data"]["usage"]
    assert usage == {
        "input_tokens": 1_200,
        "output_tokens": 34,
        "cached_tokens": 0,
        "cost_usd": 0.00411,
    }


def event_types(chain: Chain, session_id: str) -> list[EventType]:
    return [recorded.event.type for recorded in chain.journal.events(session_id)]


def test_a_question_is_announced_before_its_run_has_an_answer(
    chain: Chain, announcements: str
) -> None:
    session_id = new_session()
    asked: list[Approval] = []

    def ask_and_park(chain: Chain, claim: Claim) -> None:
        if claim.lease.attempt > 1:
            complete(chain, claim)
            return
        _, approval = ask(chain.journal, lease=claim.lease, at=now())
        asked.append(approval)
        parked = chain.journal.park(
            claim.lease, wake_at=approval.expires_at, waiting_for="an approval", now=now()
        )
        chain.wake(parked)

    chain.scripts[session_id] = ask_and_park
    send(chain, {"prompt": "x", "session_id": session_id})

    event = announced(chain, announcements, session_id)
    # Until that is noted, whoever changes the run has it announced once more, with the same id.
    wait_until(lambda: EventType.APPROVAL_ANNOUNCED in event_types(chain, session_id))
    chain.invoke(action="cancel", session_id=session_id, reason="enough")
    withdrawn = announced(chain, announcements, session_id)
    ended = announced(chain, announcements, session_id)

    (approval,) = asked
    assert event["detail-type"] == "Approval Requested"
    assert event["detail"]["id"] == f"{approval.approval_id}-asked-{approval.hash[:8]}-0"
    assert event["detail"]["data"]["approval_id"] == approval.approval_id
    # That nothing is left to decide is told before the run's own end.
    assert withdrawn["detail-type"] == "Approval Withdrawn"
    assert ended["detail-type"] == "Run Cancelled"


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
