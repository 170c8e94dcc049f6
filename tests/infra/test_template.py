import json
from pathlib import Path
from typing import Any

import cfnlint
import pytest

from infra.settings import Target
from statemachine import definition
from tests.support.template import Synthesised

FUNCTION = "AWS::Lambda::Function"
MACHINE = "AWS::StepFunctions::StateMachine"
SECRET = "AWS::SecretsManager::Secret"
SUBSCRIPTION = "AWS::SNS::Subscription"
TOPIC = "AWS::SNS::Topic"
TABLE = "AWS::DynamoDB::GlobalTable"


def test_cfn_lint_finds_nothing(synthesised: Synthesised) -> None:
    # W3005: the CDK writes dependencies that CloudFormation would find by itself.
    found = cfnlint.lint_file(synthesised.file, config=cfnlint.ManualArgs(ignore_checks=["W3005"]))

    assert [str(match) for match in found] == []


def test_the_commands_find_what_they_need_in_the_outputs(synthesised: Synthesised) -> None:
    assert synthesised.outputs == {
        "ApprovalsUrl",
        "BusName",
        "DeadLetterQueueUrl",
        "InvokerName",
        "LinkKeys",
        "StateMachineArn",
        "SweepName",
        "TableName",
        "TaskDeadLetterQueueUrl",
        "TaskQueueUrl",
        "TopicArn",
    }


def test_the_journal_has_its_keys_and_index(synthesised: Synthesised) -> None:
    table = synthesised.only(TABLE)
    (index,) = table["GlobalSecondaryIndexes"]

    assert keys_of(table) == {"HASH": "PK", "RANGE": "SK"}
    assert index["IndexName"] == "by_status"
    assert keys_of(index) == {"HASH": "status", "RANGE": "updated_at"}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}


def test_the_journal_can_be_put_back(synthesised: Synthesised) -> None:
    (replica,) = synthesised.only(TABLE)["Replicas"]

    recovery = replica["PointInTimeRecoverySpecification"]
    assert recovery == {"PointInTimeRecoveryEnabled": True}


def test_only_the_local_journal_goes_with_its_stack(synthesised: Synthesised) -> None:
    (table,) = synthesised.of_type(TABLE).values()
    (replica,) = table["Properties"]["Replicas"]
    is_local = synthesised.target is Target.LOCAL

    assert table["DeletionPolicy"] == ("Delete" if is_local else "Retain")
    assert replica["DeletionProtectionEnabled"] is not is_local


def keys_of(owner: dict[str, Any]) -> dict[str, str]:
    return {key["KeyType"]: key["AttributeName"] for key in owner["KeySchema"]}


def test_the_invoker_may_do_what_it_does_and_nothing_else(synthesised: Synthesised) -> None:
    allowed = synthesised.allowed(synthesised.role_of(FUNCTION, "Role", "Invoker"))

    table, machine = attribute(synthesised, TABLE), reference(synthesised, MACHINE)
    agent = [{"Ref": "RuntimeArn"}, {"Fn::Join": ["", [{"Ref": "RuntimeArn"}, "/*"]]}]
    logs = allowed["logs:CreateLogStream"]
    expected = {
        "bedrock-agentcore:InvokeAgentRuntime": agent,
        "bedrock-agentcore:StopRuntimeSession": agent,
        "dynamodb:GetItem": [table],
        "dynamodb:PutItem": [table],
        "dynamodb:Query": [table],
        "events:PutEvents": [attribute(synthesised, "AWS::Events::EventBus")],
        "logs:CreateLogStream": logs,
        "logs:PutLogEvents": logs,
        "sns:Publish": [reference(synthesised, TOPIC)],
        "states:SendTaskSuccess": [machine],
    }
    if synthesised.target is Target.AWS:
        bucket = {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "ArtifactsUri"}]}]}
        # What letters quote, and the keys of the links in them.
        contents = [{"Fn::Join": ["", ["arn:aws:s3:::", bucket, "/*"]]}]
        expected |= {
            "s3:GetObject": contents,
            "s3:PutObject": contents,
            "secretsmanager:GetSecretValue": [reference(synthesised, SECRET)],
        }
    assert allowed == expected


def test_the_state_machine_may_do_what_its_definition_does(synthesised: Synthesised) -> None:
    allowed = synthesised.allowed(synthesised.role_of(MACHINE, "RoleArn"))

    delivery = {action for action in allowed if action.startswith("logs:")}
    assert {action: allowed[action] for action in allowed.keys() - delivery} == {
        "dynamodb:GetItem": [attribute(synthesised, TABLE)],
        "dynamodb:UpdateItem": [attribute(synthesised, TABLE)],
        "events:PutEvents": [attribute(synthesised, "AWS::Events::EventBus")],
        "lambda:InvokeFunction": [attribute(synthesised, FUNCTION, "Invoker")],
        "states:StartExecution": [reference(synthesised, MACHINE)],
    }


def test_no_statement_is_for_every_resource_but_log_delivery(synthesised: Synthesised) -> None:
    # Log delivery has no resource to name: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
    for role in synthesised.of_type("AWS::IAM::Role"):
        for action, resources in synthesised.allowed(role).items():
            assert "*" not in action
            assert "*" not in resources or action.startswith("logs:"), action


def test_no_role_has_a_managed_policy(synthesised: Synthesised) -> None:
    roles = synthesised.of_type("AWS::IAM::Role").values()

    assert not [role for role in roles if "ManagedPolicyArns" in role["Properties"]]


def test_each_role_is_taken_by_one_service(synthesised: Synthesised) -> None:
    trusted = [
        role["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
        for role in synthesised.of_type("AWS::IAM::Role").values()
    ]

    assert sorted(trusted) == [
        "events.amazonaws.com",
        "lambda.amazonaws.com",
        "lambda.amazonaws.com",
        "lambda.amazonaws.com",
        "states.amazonaws.com",
    ]


def attribute(synthesised: Synthesised, kind: str, under: str = "") -> dict[str, Any]:
    return {"Fn::GetAtt": [synthesised.id_of(kind, under), "Arn"]}


def reference(synthesised: Synthesised, kind: str) -> dict[str, Any]:
    (name,) = synthesised.of_type(kind)
    return {"Ref": name}


def test_every_placeholder_of_the_definition_is_substituted(synthesised: Synthesised) -> None:
    machine = synthesised.only(MACHINE)

    placeholders = definition.placeholders(machine["DefinitionString"])
    assert placeholders == machine["DefinitionSubstitutions"].keys()
    assert json.loads(machine["DefinitionString"])["StartAt"] == "Begin"


def test_the_deployed_definition_is_the_file_s(synthesised: Synthesised) -> None:
    deployed = json.loads(synthesised.only(MACHINE)["DefinitionString"])
    written = json.loads(definition.PATH.read_text())

    assert deployed["States"].keys() == written["States"].keys()
    assert deployed["States"]["Evaluate"]["Default"] == written["States"]["Evaluate"]["Default"]


def test_failures_of_the_state_machine_are_logged_without_what_runs_hold(
    synthesised: Synthesised,
) -> None:
    logging = synthesised.only(MACHINE)["LoggingConfiguration"]

    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ERROR", False)


def test_the_invoker_gets_its_whole_configuration(synthesised: Synthesised) -> None:
    function = synthesised.only(FUNCTION, "Invoker")
    variables = function["Environment"]["Variables"]

    assert function["Handler"] == "invoker.start.handler"
    assert function["LoggingConfig"]["LogFormat"] == "JSON"
    assert variables.keys() == {
        "ERRAND_APPROVALS_URL",
        "ERRAND_ARTIFACTS",
        "ERRAND_BUS",
        "ERRAND_LINK_KEYS",
        "ERRAND_REDISPATCH_SECONDS",
        "ERRAND_RUNTIME_ARN",
        "ERRAND_TABLE",
        "ERRAND_TOPIC_ARN",
        "ERRAND_WORKFLOWS",
    }
    assert "cost-analysis" in variables["ERRAND_WORKFLOWS"].split(",")


def test_the_rule_starts_the_machine_with_the_event_s_id_and_detail(
    synthesised: Synthesised,
) -> None:
    rule = synthesised.only("AWS::Events::Rule", "Start")
    (target,) = rule["Targets"]

    assert rule["EventPattern"] == {"source": ["errand"], "detail-type": ["Run Requested"]}
    assert rule["EventBusName"] == reference(synthesised, "AWS::Events::EventBus")
    assert target["Arn"] == reference(synthesised, MACHINE)
    assert target["InputTransformer"] == {
        "InputPathsMap": {"id": "$.id", "detail": "$.detail"},
        "InputTemplate": '{"session_id":<id>,"detail":<detail>}',
    }


def test_requests_that_can_not_be_delivered_are_kept(synthesised: Synthesised) -> None:
    (target,) = synthesised.only("AWS::Events::Rule", "Start")["Targets"]
    queue = synthesised.only("AWS::SQS::Queue", "Start")

    assert target["DeadLetterConfig"] == {"Arn": attribute(synthesised, "AWS::SQS::Queue", "Start")}
    assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] <= 2 * 3600
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert queue["SqsManagedSseEnabled"] is True


def test_dead_letters_are_taken_from_the_rule_alone_and_over_tls(
    synthesised: Synthesised,
) -> None:
    statements = synthesised.only("AWS::SQS::QueuePolicy", "Start")["PolicyDocument"]["Statement"]
    (plain,) = (each for each in statements if each["Effect"] == "Deny")
    (sent,) = (each for each in statements if each["Effect"] == "Allow")

    assert plain["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert sent["Principal"] == {"Service": "events.amazonaws.com"}
    source = attribute(synthesised, "AWS::Events::Rule", "Start")
    assert sent["Condition"] == {"ArnEquals": {"aws:SourceArn": source}}


def test_what_deciders_are_told_is_encrypted_and_sent_over_tls(synthesised: Synthesised) -> None:
    (denied,) = synthesised.only("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]

    assert "alias/aws/sns" in str(synthesised.only(TOPIC)["KmsMasterKeyId"])
    assert (denied["Effect"], denied["Action"]) == ("Deny", "sns:Publish")
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_nobody_is_subscribed_who_was_not_named(synthesised: Synthesised) -> None:
    assert synthesised.of_type(SUBSCRIPTION) == {}


def test_who_is_named_is_told_by_e_mail(tmp_path: Path) -> None:
    from infra.app import synthesise  # noqa: PLC0415 - see `synthesised`

    folder = synthesise(
        {"target": "aws", "notify": "ada@example.com, bob@example.com"}, output=tmp_path
    )

    found = Synthesised.read(folder, Target.AWS).of_type(SUBSCRIPTION).values()
    assert {(each["Properties"]["Protocol"], each["Properties"]["Endpoint"]) for each in found} == {
        ("email", "ada@example.com"),
        ("email", "bob@example.com"),
    }


def test_logs_end_some_day(synthesised: Synthesised) -> None:
    groups = synthesised.of_type("AWS::Logs::LogGroup").values()

    assert groups
    assert all(group["Properties"]["RetentionInDays"] <= 30 for group in groups)


@pytest.mark.parametrize("kind", ["AWS::Lambda::LayerVersion", "Custom::LogRetention"])
def test_nothing_is_deployed_that_nobody_asked_for(synthesised: Synthesised, kind: str) -> None:
    assert synthesised.of_type(kind) == {}
