"""What each role may do, against what its code was recorded to call: neither more nor less."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from infra.calls import called, recorded
from tests.support.template import Synthesised

FUNCTION = "AWS::Lambda::Function"

#: The roles with calls, by the start of their logical ids.
ROLES = {
    "agent": "AgentRole",
    "approvals": "ApprovalsRole",
    "durable": "DurableRole",
    "invoker": "InvokerRole",
    "machine": "RunRole",
    "sweep": "SweepRole",
    "tasks": "TasksRole",
    "webhooks": "WebhooksRole",
}
_LOGGED = "Lambda writes what a function logs, in its role's name"
_TRACED = "Lambda records a function's traces, in its role's name"
_POLLED = "Lambda takes messages off the queue, in its role's name"
_ENCRYPTED = "services encrypt with the stack's own key in the name of who calls them"
_DELIVERED = "Step Functions looks after the delivery of its logs in the machine's name"
_SERVED = "AgentCore does this in its runtime's name"
_FUNCTION = {
    "logs:CreateLogStream": _LOGGED,
    "logs:PutLogEvents": _LOGGED,
    "xray:PutTelemetryRecords": _TRACED,
    "xray:PutTraceSegments": _TRACED,
    "kms:Decrypt": _ENCRYPTED,
    "kms:GenerateDataKey": _ENCRYPTED,
}
_CONSUMER = _FUNCTION | {
    "sqs:DeleteMessage": _POLLED,
    "sqs:GetQueueAttributes": _POLLED,
    "sqs:ReceiveMessage": _POLLED,
}
_DELIVERIES = ("CreateLogDelivery", "DeleteLogDelivery", "GetLogDelivery", "ListLogDeliveries")
_POLICIES = ("DescribeLogGroups", "DescribeResourcePolicies", "PutResourcePolicy")
_IMAGE = ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")

#: What no code of ours calls and a role may do nevertheless, and why.
BESIDES: Mapping[str, Mapping[str, str]] = {
    "approvals": _FUNCTION,
    "durable": _FUNCTION,
    "invoker": _FUNCTION,
    "sweep": _FUNCTION,
    "tasks": _CONSUMER,
    "webhooks": _CONSUMER,
    "machine": {
        **{f"logs:{name}": _DELIVERED for name in (*_DELIVERIES, "UpdateLogDelivery", *_POLICIES)},
        "xray:GetSamplingRules": "Step Functions traces in the machine's name",
        "xray:GetSamplingTargets": "Step Functions traces in the machine's name",
        "xray:PutTelemetryRecords": "Step Functions traces in the machine's name",
        "xray:PutTraceSegments": "Step Functions traces in the machine's name",
        "kms:Decrypt": _ENCRYPTED,
        "kms:GenerateDataKey": _ENCRYPTED,
    },
    "agent": {
        "bedrock-agentcore:GetWorkloadAccessToken": _SERVED,
        "cloudwatch:PutMetricData": _SERVED,
        "ecr:GetAuthorizationToken": "AgentCore pulls the image, in its runtime's name",
        **{f"ecr:{name}": "AgentCore pulls the image, in its runtime's name" for name in _IMAGE},
        "kms:Decrypt": _ENCRYPTED,
        "kms:GenerateDataKey": _ENCRYPTED,
        "logs:CreateLogGroup": _SERVED,
        "logs:CreateLogStream": _SERVED,
        "logs:DescribeLogGroups": _SERVED,
        "logs:DescribeLogStreams": _SERVED,
        "logs:PutLogEvents": _SERVED,
        "xray:GetSamplingRules": "the agent's OpenTelemetry exporter, which is not botocore's",
        "xray:GetSamplingTargets": "the agent's OpenTelemetry exporter, which is not botocore's",
        "xray:PutTelemetryRecords": "the agent's OpenTelemetry exporter, which is not botocore's",
        "xray:PutTraceSegments": "the agent's OpenTelemetry exporter, which is not botocore's",
    },
}
#: How a resource of a statement reads, and what the recording calls it.
_NAMES = (
    (r"<JournalTable\w+>(/index/\w+)?", "journal{}"),
    (r"<ArtifactsBucket\w+>/\*", "artifacts"),
    (r"arn:\S+:s3:::bills/exports/\*", "inputs"),
    (r"<LinksSecret\w+>", "link keys"),
    (r"<WebhooksKeysSecret\w+>", "webhook secrets"),
    (r"<RequestsBus\w+>", "bus"),
    (r"<NotificationsTopic\w+>", "topic"),
    (r"<TasksQueue\w+>", "tasks"),
    (r"<TasksDeadLetters\w+>", "task dead letters"),
    (r"<WebhooksQueue\w+>", "webhooks"),
    (r"<AgentRuntime\w+>(?:/\*)?", "agent"),
    (r"<InvokerFunction\w+>(?::\*)?", "invoker"),
    (r"<DurableFunction\w+>:\*", "durable executions"),
    (r"<RunMachine\w+>|arn:\S+:stateMachine:errand-prod", "machine"),
    (r"arn:\S+:execution:errand-prod:\*", "executions"),
    (r"arn:\S+:(?:inference-profile|foundation-model)/\S+", "model"),
)

Allowed = dict[str, dict[str, set[str]]]


@pytest.fixture
def allowed(in_full: Synthesised) -> Allowed:
    """What each role may do: the actions by what they are on."""
    found: Allowed = {}
    for role, begins in ROLES.items():
        (logical,) = (name for name in in_full.of_type("AWS::IAM::Role") if name.startswith(begins))
        for action, resources in in_full.allowed(logical).items():
            for on in map(named, resources):
                found.setdefault(role, {}).setdefault(on, set()).add(action)
    return found


def named(resource: object) -> str:
    text = "cost explorer" if resource == "*" else spelled(resource)
    for pattern, name in _NAMES:
        if match := re.fullmatch(pattern, text):
            return name.format(*(group or "" for group in match.groups()))
    return text


def spelled(value: Any) -> str:  # noqa: ANN401 - what CloudFormation resolves
    match value:
        case {"Ref": name} | {"Fn::GetAtt": [name, _]}:
            return f"<{name}>"
        case {"Fn::Join": [between, parts]}:
            return str(between).join(map(spelled, parts))
        case {"Fn::Sub": text}:
            return str(text)
        case _:
            return str(value).replace(" ", "_")


def pairs(of: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    return ((on, action) for on, actions in of.items() for action in actions)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_its_code_calls(role: str, allowed: Allowed) -> None:
    missing = set(pairs(recorded()[role])) - set(pairs(allowed[role]))

    assert missing == set()


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_nothing_that_its_code_does_not_call(role: str, allowed: Allowed) -> None:
    uncalled = set(pairs(allowed[role])) - set(pairs(recorded()[role]))

    assert {each for each in uncalled if each[1] not in BESIDES[role]} == set()


@pytest.mark.parametrize("role", ROLES)
def test_no_exception_outlives_its_reason(role: str, allowed: Allowed) -> None:
    uncalled = set(pairs(allowed[role])) - set(pairs(recorded()[role]))

    assert BESIDES[role].keys() - {action for _, action in uncalled} == set()


def test_lambda_takes_messages_off_a_function_s_own_queue_only(allowed: Allowed) -> None:
    polled = {action for action, reason in _CONSUMER.items() if reason is _POLLED}

    for role in ("tasks", "webhooks"):
        assert {on for on, action in pairs(allowed[role]) if action in polled} == {role}


def test_every_role_that_was_recorded_is_compared() -> None:
    assert recorded().keys() == ROLES.keys()


def test_every_other_role_is_a_service_s(in_full: Synthesised) -> None:
    """Their code is not ours: what they may do is what their targets are."""
    roles = in_full.of_type("AWS::IAM::Role")

    others = {name for name in roles if not name.startswith(tuple(ROLES.values()))}
    may = {re.sub(r"[0-9A-F]{8}$", "", name): set(in_full.allowed(name)) for name in others}
    emptying = {name for name in may if name.startswith("CustomS3AutoDelete")}
    keyed = {"kms:Decrypt", "kms:GenerateDataKey"}
    assert {name: actions - keyed for name, actions in may.items() if name not in emptying} == {
        "StartRole": {"states:StartExecution"},
        "ScheduleRole": {"events:PutEvents", "sqs:SendMessage"},
    }
    # What they start, and put in queues, is encrypted in their names.
    assert {name for name, actions in may.items() if keyed <= actions} == may.keys() - emptying


def test_nothing_is_let_for_what_nobody_calls() -> None:
    with pytest.raises(ValueError, match=r"the sweep calls nothing on 'topic', expected one of \["):
        called("sweep", "topic")
