import json
from typing import Any

import cfnlint
import pytest

from infra.settings import Artifact, Target
from statemachine import definition
from tests.support.template import Synthesise, Synthesised

FUNCTION = "AWS::Lambda::Function"
MACHINE = "AWS::StepFunctions::StateMachine"
SUBSCRIPTION = "AWS::SNS::Subscription"
TOPIC = "AWS::SNS::Topic"
TABLE = "AWS::DynamoDB::GlobalTable"


@pytest.fixture(params=["local", "aws", "full"])
def template(request: pytest.FixtureRequest, synthesise: Synthesise) -> Synthesised:
    if request.param == "full":
        in_full: Synthesised = request.getfixturevalue("in_full")
        return in_full
    return synthesise({"target": request.param})


@pytest.mark.parametrize("target", list(Target), ids=str)
@pytest.mark.parametrize("artifact", list(Artifact), ids=str)
def test_cfn_lint_finds_nothing(target: Target, artifact: Artifact, synthesise: Synthesise) -> None:
    context = {} if artifact is Artifact.CODE else {"artifact": artifact.value, "durable": "off"}

    found = lint(synthesise({"target": target.value, **context}))

    assert found == []


def test_cfn_lint_finds_nothing_in_all_that_can_be_asked_for(in_full: Synthesised) -> None:
    assert lint(in_full) == []


def lint(template: Synthesised) -> list[str]:
    # W3005: the CDK writes dependencies that CloudFormation would find by itself.
    arguments = cfnlint.ManualArgs(ignore_checks=["W3005"])
    return [str(match) for match in cfnlint.lint_file(template.file, config=arguments)]


def test_the_commands_find_what_they_need_in_the_outputs(synthesised: Synthesised) -> None:
    of_durable = {"DurableFunctionArn", "DurableDeadLetterQueueUrl"}
    of_aws = of_durable if synthesised.target is Target.AWS else set()
    assert synthesised.outputs == of_aws | {
        "ApprovalsUrl",
        "AlarmTopicArn",
        "ArtifactsUri",
        "BusName",
        "DashboardName",
        "DeadLetterQueueUrl",
        "InvokerName",
        "LinkKeys",
        "RuntimeArn",
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


def test_the_journal_goes_with_its_stack_but_in_production(
    synthesised: Synthesised, in_full: Synthesised
) -> None:
    policies, protections = [], []
    for template in (synthesised, in_full):
        (table,) = template.of_type(TABLE).values()
        (replica,) = table["Properties"]["Replicas"]
        policies.append((table["DeletionPolicy"], table["UpdateReplacePolicy"]))
        protections.append(replica["DeletionProtectionEnabled"])

    assert policies == [("Delete", "Delete"), ("Retain", "Retain")]
    assert protections == [False, True]


def keys_of(owner: dict[str, Any]) -> dict[str, str]:
    return {key["KeyType"]: key["AttributeName"] for key in owner["KeySchema"]}


def test_no_statement_is_for_every_resource_but_where_none_can_be_named(
    template: Synthesised,
) -> None:
    # The delivery of logs: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
    unnamed = ("logs:", "xray:", "cloudwatch:PutMetricData", "ce:", "ecr:GetAuthorizationToken")
    for role in template.of_type("AWS::IAM::Role"):
        for action, resources in template.allowed(role).items():
            assert "*" not in action
            assert "*" not in resources or action.startswith(unnamed), action


def test_no_role_has_a_managed_policy_but_that_of_the_cdk_s_emptying_of_buckets(
    template: Synthesised,
) -> None:
    roles = template.of_type("AWS::IAM::Role").items()

    managed = [name for name, role in roles if "ManagedPolicyArns" in role["Properties"]]
    assert not [name for name in managed if not name.startswith("CustomS3AutoDeleteObjects")]


def test_each_role_is_taken_by_one_service(template: Synthesised) -> None:
    for role in template.of_type("AWS::IAM::Role").values():
        (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]

        assert statement["Principal"].keys() == {"Service"}
        assert isinstance(statement["Principal"]["Service"], str)


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
        "ERRAND_CODE",
        "ERRAND_LINK_KEYS",
        "ERRAND_REDISPATCH_SECONDS",
        "ERRAND_RUNTIME_ARN",
        "ERRAND_STAGE",
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
    (denied,) = synthesised.only("AWS::SNS::TopicPolicy", "Notifications")["PolicyDocument"][
        "Statement"
    ]

    assert "alias/aws/sns" in str(synthesised.only(TOPIC, "Notifications")["KmsMasterKeyId"])
    assert (denied["Effect"], denied["Action"]) == ("Deny", "sns:Publish")
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_nobody_is_subscribed_who_was_not_named(synthesised: Synthesised) -> None:
    assert synthesised.of_type(SUBSCRIPTION) == {}


def test_who_is_named_is_told_by_e_mail(in_full: Synthesised) -> None:
    topic = {"Ref": in_full.id_of(TOPIC, "Notifications")}

    found = [each["Properties"] for each in in_full.of_type(SUBSCRIPTION).values()]
    told = [each for each in found if each["TopicArn"] == topic]
    assert {(each["Protocol"], each["Endpoint"]) for each in told} == {
        ("email", "ada@example.com"),
        ("email", "bob@example.com"),
    }


def test_logs_end_some_day(template: Synthesised) -> None:
    groups = template.of_type("AWS::Logs::LogGroup").values()

    assert groups
    assert all(group["Properties"]["RetentionInDays"] <= 30 for group in groups)


@pytest.mark.parametrize("kind", ["AWS::Lambda::LayerVersion", "Custom::LogRetention"])
def test_nothing_is_deployed_that_nobody_asked_for(synthesised: Synthesised, kind: str) -> None:
    assert synthesised.of_type(kind) == {}
