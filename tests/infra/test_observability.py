"""What operators see and hear: each alarm is on something that is told, and says what to do."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from infra.settings import PROJECT
from runs.telemetry.metrics import NAMESPACE, STAGE, Metric
from tests.support.template import Synthesise, Synthesised

ALARM = "AWS::CloudWatch::Alarm"
DASHBOARD = "AWS::CloudWatch::Dashboard"
RUNBOOK = PROJECT / "docs" / "operations.md"
#: Of what AWS publishes: the names of the dimensions of each metric, by its documentation.
#: https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
_MACHINE = frozenset({"StateMachineArn"})
#: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
_FUNCTION = frozenset({"FunctionName"})
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
_QUEUE = frozenset({"QueueName"})
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
_TABLE = frozenset({"TableName"})
_OPERATION = frozenset({"TableName", "Operation"})
#: https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/observability-runtime-metrics.html
_AGENT = frozenset({"Operation", "Name", "Resource"})
PUBLISHED = {
    ("AWS/States", "ExecutionsStarted"): _MACHINE,
    ("AWS/States", "ExecutionsSucceeded"): _MACHINE,
    ("AWS/States", "ExecutionsFailed"): _MACHINE,
    ("AWS/States", "ExecutionsTimedOut"): _MACHINE,
    ("AWS/States", "ExecutionsAborted"): _MACHINE,
    ("AWS/States", "ExecutionThrottled"): _MACHINE,
    ("AWS/Lambda", "Errors"): _FUNCTION,
    ("AWS/Lambda", "Throttles"): _FUNCTION,
    ("AWS/Lambda", "Duration"): _FUNCTION,
    ("AWS/Lambda", "Invocations"): _FUNCTION,
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): _QUEUE,
    ("AWS/DynamoDB", "ReadThrottleEvents"): _TABLE,
    ("AWS/DynamoDB", "WriteThrottleEvents"): _TABLE,
    ("AWS/DynamoDB", "SuccessfulRequestLatency"): _OPERATION,
    ("AWS/Bedrock-AgentCore", "Invocations"): _AGENT,
    ("AWS/Bedrock-AgentCore", "SessionCount"): _AGENT,
    ("AWS/Bedrock-AgentCore", "SystemErrors"): _AGENT,
    ("AWS/Bedrock-AgentCore", "UserErrors"): _AGENT,
    ("AWS/Bedrock-AgentCore", "Throttles"): _AGENT,
    ("AWS/Bedrock-AgentCore", "Latency"): _AGENT,
}
#: What there is besides in a stack whose settings ask for it, or that is not on a laptop.
ONLY_ON_AWS = {"agent-system-errors", "agent-throttles"}
ONLY_WITH_WEBHOOKS = {
    f"webhooks-{name}" for name in ("errors", "throttles", "dead-letters", "refused", "dropped")
}


@pytest.fixture(scope="session")
def watched(synthesise: Synthesise, in_full: Synthesised) -> list[Synthesised]:
    local = synthesise({"target": "local"})
    return [local, synthesise({"target": "aws"}), in_full]


def alarms(synthesised: Synthesised) -> dict[str, dict[str, Any]]:
    """Give the alarms by what they are called behind the stack's name."""
    found = (each["Properties"] for each in synthesised.of_type(ALARM).values())
    stage = stage_of(synthesised)
    return {each["AlarmName"].removeprefix(f"errand-{stage}-"): each for each in found}


def stage_of(synthesised: Synthesised) -> str:
    function = synthesised.only("AWS::Lambda::Function", "Sweep")
    stage: str = function["Environment"]["Variables"]["ERRAND_STAGE"]
    return stage


def section_of(alarm: dict[str, Any]) -> str:
    _, mark, section = alarm["AlarmDescription"].partition("#alarm-")
    assert mark, alarm["AlarmDescription"]
    return str(section)


def charted(synthesised: Synthesised) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Give each metric on the dashboard, with what it refers to written as `${id}`."""
    body = synthesised.only(DASHBOARD)["DashboardBody"]
    text = body if isinstance(body, str) else "".join(map(_spelled, body["Fn::Join"][1]))
    for widget in json.loads(text)["widgets"]:
        for metric in widget["properties"].get("metrics", ()):
            parts = [each for each in metric if isinstance(each, str)]
            namespace, name, *rest = parts
            yield namespace, name, dict(zip(rest[::2], rest[1::2], strict=True))


def _spelled(part: Any) -> str:  # noqa: ANN401 - what CloudFormation joins
    if isinstance(part, str):
        return part
    (value,) = part.values()
    return f"${{{value if isinstance(value, str) else value[0]}}}"


def test_every_alarm_is_on_something_that_is_told(watched: list[Synthesised]) -> None:
    for synthesised in watched:
        resources = synthesised.template["Resources"].keys()
        for alarm in alarms(synthesised).values():
            dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
            if alarm["Namespace"] == NAMESPACE:
                assert alarm["MetricName"] in set(Metric)
                assert dimensions == {STAGE: stage_of(synthesised)}
                continue
            names = PUBLISHED[alarm["Namespace"], alarm["MetricName"]]
            assert dimensions.keys() == names
            for value in dimensions.values():
                meant = [] if isinstance(value, str) else [*value.values()]
                ids = {each if isinstance(each, str) else each[0] for each in meant}
                assert ids <= resources


def test_every_chart_is_of_something_that_is_told(watched: list[Synthesised]) -> None:
    for synthesised in watched:
        resources = synthesised.template["Resources"].keys()
        for namespace, name, dimensions in charted(synthesised):
            if namespace == NAMESPACE:
                assert name in set(Metric)
                assert dimensions == {STAGE: stage_of(synthesised)}
                continue
            assert dimensions.keys() == PUBLISHED[namespace, name]
            for value in dimensions.values():
                assert set(re.findall(r"\$\{(\w+)\}", value)) <= resources


def test_what_is_watched_of_our_code_is_told_by_it(watched: list[Synthesised]) -> None:
    (*_, in_full) = watched
    names = {each["MetricName"] for each in alarms(in_full).values()}
    names |= {name for _, name, _ in charted(in_full)}
    sources = [
        path.read_text()
        for folder in ("agent", "invoker", "runs")
        for path in (PROJECT / folder).rglob("*.py")
        if path.name != "metrics.py"
    ]

    for metric in (each for each in Metric if each.value in names):
        assert any(f"Metric.{metric.name}" in source for source in sources), metric.name


def test_whoever_measures_says_of_which_stage(watched: list[Synthesised]) -> None:
    for synthesised in watched:
        for name, function in synthesised.of_type("AWS::Lambda::Function").items():
            variables = function["Properties"].get("Environment", {}).get("Variables", {})
            if any(each.startswith("ERRAND_") for each in variables):
                assert variables["ERRAND_STAGE"] == stage_of(synthesised), name


def test_the_dashboard_answers_what_operators_ask(watched: list[Synthesised]) -> None:
    (_, on_aws, _) = watched
    shown = {(namespace, name) for namespace, name, _ in charted(on_aws)}

    assert {
        *((NAMESPACE, metric.value) for metric in _ASKED),
        *PUBLISHED.keys() - {("AWS/Lambda", "Invocations")},
    } <= shown


_ASKED = (
    Metric.RUNS_QUEUED,
    Metric.RUNS_BUSY,
    Metric.RUNS_WAITING,
    Metric.RUNS_COMPLETED,
    Metric.RUNS_FAILED,
    Metric.RUN_DURATION,
    Metric.COST,
    Metric.INPUT_TOKENS,
    Metric.OUTPUT_TOKENS,
    Metric.STEP_RETRIES,
    Metric.RUNS_RETRIED,
    Metric.APPROVALS_WAITING,
)


def test_every_alarm_has_its_section_of_the_runbook_and_every_section_an_alarm(
    watched: list[Synthesised],
) -> None:
    sections = set(re.findall(r"^### Alarm ([a-z-]+)$", RUNBOOK.read_text(), re.M))

    named = {section_of(alarm) for each in watched for alarm in alarms(each).values()}
    assert named == sections


def test_an_alarm_says_where_the_runbook_is(watched: list[Synthesised]) -> None:
    (_, on_aws, in_full) = watched

    for synthesised, place in ((on_aws, "docs/operations.md"), (in_full, "https://wiki.example/")):
        for alarm in alarms(synthesised).values():
            assert f". {place}#alarm-" in alarm["AlarmDescription"]


def test_silence_is_good_of_what_counts_failures_and_bad_of_what_must_go_on(
    synthesised: Synthesised,
) -> None:
    by_name = alarms(synthesised)

    silent = {name for name, each in by_name.items() if each["TreatMissingData"] == "breaching"}
    assert silent == {"sweep-silent"}
    assert by_name["sweep-silent"]["ComparisonOperator"] == "LessThanThreshold"
    others = [each for name, each in by_name.items() if name not in silent]
    assert {each["TreatMissingData"] for each in others} == {"notBreaching"}
    assert {each["ComparisonOperator"] for each in others} == {"GreaterThanThreshold"}


def test_each_stack_has_the_alarms_of_what_is_in_it(watched: list[Synthesised]) -> None:
    local, on_aws, in_full = (alarms(each).keys() for each in watched)

    assert on_aws - local == {each for each in on_aws if each in ONLY_ON_AWS or "durable" in each}
    assert in_full - on_aws == ONLY_WITH_WEBHOOKS
    assert not local - on_aws


def test_a_day_may_cost_as_much_as_the_settings_say(watched: list[Synthesised]) -> None:
    (_, on_aws, in_full) = watched

    for synthesised, dollars in ((on_aws, 50), (in_full, 12.5)):
        alarm = alarms(synthesised)["cost"]
        assert (alarm["Threshold"], alarm["Period"]) == (dollars, 24 * 3600)
        assert f"more than {dollars} US dollars" in alarm["AlarmDescription"]


def test_alarms_and_their_ends_are_told_on_a_topic_that_takes_them(
    watched: list[Synthesised],
) -> None:
    for synthesised in watched:
        topic = {"Ref": synthesised.id_of("AWS::SNS::Topic", "Observability")}
        policy = synthesised.only("AWS::SNS::TopicPolicy", "Observability")["PolicyDocument"]
        (allowed,) = (each for each in policy["Statement"] if each["Effect"] == "Allow")
        (denied,) = (each for each in policy["Statement"] if each["Effect"] == "Deny")

        for alarm in alarms(synthesised).values():
            assert alarm["AlarmActions"] == alarm["OKActions"] == [topic]
        assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        assert f":alarm:errand-{stage_of(synthesised)}-*" in str(allowed["Condition"])
        assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        # Alarms can't use the key that AWS manages for SNS.
        assert "alias/aws/sns" not in str(synthesised.only("AWS::SNS::Topic", "Observability"))


def test_operators_get_mail_of_alarms_and_of_nothing_else(in_full: Synthesised) -> None:
    topic = {"Ref": in_full.id_of("AWS::SNS::Topic", "Observability")}

    found = [each["Properties"] for each in in_full.of_type("AWS::SNS::Subscription").values()]
    assert [each["TopicArn"] for each in found if each["Endpoint"] == "ops@example.com"] == [topic]
