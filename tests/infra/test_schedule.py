"""The schedule in the template."""

import json

from runs.request import RunRequest
from tests.support.template import Synthesised

SCHEDULE = "AWS::Scheduler::Schedule"


def test_nothing_is_scheduled_that_nobody_asked_for(synthesised: Synthesised) -> None:
    assert synthesised.of_type(SCHEDULE) == {}


def test_a_time_is_a_request_on_the_bus(in_full: Synthesised) -> None:
    schedule = in_full.only(SCHEDULE)
    target = schedule["Target"]

    assert schedule["ScheduleExpression"] == "cron(0 6 ? * MON *)"
    assert target["Arn"] == {"Fn::GetAtt": [in_full.id_of("AWS::Events::EventBus"), "Arn"]}
    assert target["EventBridgeParameters"] == {"DetailType": "Run Requested", "Source": "errand"}
    assert json.loads(target["Input"])["input"] == "aws"


def test_a_time_asks_for_one_run_however_often_it_is_tried(in_full: Synthesised) -> None:
    detail = json.loads(in_full.only(SCHEDULE)["Target"]["Input"])
    scheduled = {
        **detail,
        "idempotency_key": detail["idempotency_key"]
        .replace("<aws.scheduler.schedule-arn>", "arn:aws:scheduler:us-east-1:1:schedule/default/x")
        .replace("<aws.scheduler.scheduled-time>", "2026-11-21T06:00:00Z"),
    }

    asked = [
        RunRequest.from_json(scheduled, source="events", workflows={"cost-analysis"}, session_id=it)
        for it in ("one-event", "another-event")
    ]
    assert asked[0] == asked[1]
    assert "<" not in scheduled["idempotency_key"]


def test_what_could_not_be_put_there_is_kept(in_full: Synthesised) -> None:
    target = in_full.only(SCHEDULE)["Target"]

    queue = in_full.id_of("AWS::SQS::Queue", "StartDeadLetters")
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": [queue, "Arn"]}}
    assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] <= 2 * 3600


def test_the_schedule_may_put_requests_on_the_bus_and_nothing_else(in_full: Synthesised) -> None:
    allowed = in_full.allowed(in_full.id_of("AWS::IAM::Role", "ScheduleRole"))

    assert allowed.keys() == {
        "events:PutEvents",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "sqs:SendMessage",
    }
