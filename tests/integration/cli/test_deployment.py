"""What `errand doctor` finds in a deployment: its parts in the emulator, as AWS has them."""

import dataclasses
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from cli.check import Check, Verdict, all_fine
from cli.check_aws import ON_AWS
from cli.check_deployment import deployment_checks
from cli.deployment import Deployment, looked
from crash.table import create_table
from local.own_emulator import RunningEmulator
from statemachine import definition

NAME = f"errand-{uuid.uuid4().hex[:8]}"
TOPIC = f"arn:aws:sns:us-east-1:000000000000:{NAME}-alarms"


def a_deployment(emulator: RunningEmulator, **outputs: str) -> Deployment:
    return Deployment(
        stack_name=NAME,
        outputs=outputs,
        clients=emulator.client,
        is_remote=True,
        now=datetime.now(UTC),
    )


def checked(deployment: Deployment, name: str) -> Check:
    (found,) = (check for check in deployment_checks(deployment) if check.name == name)
    return found


@pytest.fixture
def table(emulator: RunningEmulator) -> Iterator[str]:
    client, name = emulator.client("dynamodb"), f"{NAME}-{uuid.uuid4().hex[:8]}"
    create_table(client, name)
    yield name
    client.delete_table(TableName=name)


def test_a_table_without_recovery_or_expiry_is_wrong(emulator: RunningEmulator, table: str) -> None:
    check = checked(a_deployment(emulator, TableName=table), "table")

    assert check.verdict is Verdict.WRONG
    assert check.found.endswith("its records never expire; it has no point-in-time recovery")
    assert check.advice == "`make deploy` brings it up to date"


def test_a_table_as_it_is_deployed_is_fine(emulator: RunningEmulator, table: str) -> None:
    client = emulator.client("dynamodb")
    client.update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"}
    )
    client.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )

    check = checked(a_deployment(emulator, TableName=table), "table")

    assert (check.verdict, check.found) == (Verdict.FINE, f"{table} is ACTIVE, with its index")


@pytest.mark.parametrize(
    ("change", "verdict", "found"),
    [
        (lambda text: text, Verdict.FINE, "ACTIVE, with this checkout's definition"),
        (
            lambda text: text.replace('"Next": "Announced"', '"Next": "Ended"'),
            Verdict.DOUBTFUL,
            "its definition is not this checkout's: States.Announce.Next differs",
        ),
    ],
    ids=["the same", "another"],
)
def test_a_definition_is_compared_with_this_checkouts(
    emulator: RunningEmulator, change: Callable[[str], str], verdict: Verdict, found: str
) -> None:
    text = definition.PATH.read_text()
    for name in definition.placeholders(text):
        text = text.replace(f'"${{{name}}}"', "30" if "Seconds" in name else f'"{name}-1"')
        text = text.replace(f"${{{name}}}", "7")
    machine = emulator.client("stepfunctions").create_state_machine(
        name=f"{NAME}-{uuid.uuid4().hex[:8]}",
        definition=change(text),
        roleArn="arn:aws:iam::000000000000:role/any",
    )["stateMachineArn"]

    check = checked(a_deployment(emulator, StateMachineArn=machine), "state machine")

    assert (check.verdict, check.found) == (verdict, found)


def test_executions_that_were_aborted_are_counted(emulator: RunningEmulator) -> None:
    client = emulator.client("stepfunctions")
    wait = '{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": true}}}'
    machine = client.create_state_machine(
        name=f"{NAME}-{uuid.uuid4().hex[:8]}", definition=wait, roleArn="arn:aws:iam::0:role/any"
    )["stateMachineArn"]
    before = checked(a_deployment(emulator, StateMachineArn=machine), "executions")
    started = client.start_execution(stateMachineArn=machine)["executionArn"]
    client.stop_execution(executionArn=started)

    after = checked(a_deployment(emulator, StateMachineArn=machine), "executions")

    assert before.verdict is Verdict.FINE
    assert (after.verdict, after.found) == (Verdict.DOUBTFUL, "within a day: 1 ABORTED")


def test_a_topic_with_nobody_is_a_doubt(emulator: RunningEmulator) -> None:
    client = emulator.client("sns")
    topic = client.create_topic(Name=f"{NAME}-{uuid.uuid4().hex[:8]}")["TopicArn"]

    check = checked(a_deployment(emulator, TopicArn=topic), "deciders")

    assert check.verdict is Verdict.DOUBTFUL
    assert "-c notify=ADDRESS" in check.advice


def test_messages_that_could_not_be_done_are_counted(emulator: RunningEmulator) -> None:
    client = emulator.client("sqs")
    url = client.create_queue(QueueName=f"{NAME}-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    client.send_message(QueueUrl=url, MessageBody="{}")

    check = checked(a_deployment(emulator, TaskDeadLetterQueueUrl=url), "dead letters")

    assert check.found == "1 message of the task queue could not be done"
    assert check.advice == "`errand dlq list` says why"


def test_keys_that_sign_nothing_safely_are_wrong(emulator: RunningEmulator) -> None:
    client = emulator.client("secretsmanager")
    good, bad = (
        client.create_secret(Name=f"{NAME}-{uuid.uuid4().hex[:8]}", SecretString=text)["ARN"]
        for text in ("k" * 40, "short")
    )

    fine = checked(a_deployment(emulator, LinkKeys=good), "keys of links")
    wrong = checked(a_deployment(emulator, LinkKeys=bad), "keys of links")

    assert (fine.verdict, fine.found) == (Verdict.FINE, "1 key")
    assert wrong.verdict is Verdict.WRONG
    assert "key 1 has 5 characters, expected 32 or more" in wrong.found


def test_alarms_that_are_on_are_named(emulator: RunningEmulator) -> None:
    deployment = a_deployment(emulator, AlarmTopicArn=TOPIC)
    none = checked(deployment, "alarms")
    an_alarm_that_is_on(emulator, f"{NAME}-stuck-runs", topic=TOPIC)
    # Of the stage `…-eu`.
    an_alarm_that_is_on(emulator, f"{NAME}-eu-stuck-runs", topic=f"{TOPIC}-eu")

    young = checked(deployment, "alarms")
    later = dataclasses.replace(deployment, now=deployment.now + timedelta(minutes=21))
    loud = checked(later, "alarms")

    assert none.verdict is Verdict.DOUBTFUL
    # It looks back on a time before it was made, in which nobody counted anything.
    assert (young.verdict, young.found) == (
        Verdict.DOUBTFUL,
        f"1 alarm on: {NAME}-stuck-runs, just made",
    )
    assert (loud.verdict, loud.found) == (Verdict.WRONG, f"1 alarm on: {NAME}-stuck-runs")


def an_alarm_that_is_on(emulator: RunningEmulator, name: str, *, topic: str) -> None:
    client = emulator.client("cloudwatch")
    client.put_metric_alarm(
        AlarmName=name,
        Namespace="Errand",
        MetricName="RunsStuck",
        Statistic="Maximum",
        Period=300,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[topic],
    )
    client.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")


def test_a_bucket_that_could_be_made_public_is_wrong(emulator: RunningEmulator) -> None:
    client, bucket = emulator.client("s3"), f"{NAME}-{uuid.uuid4().hex[:8]}"
    client.create_bucket(Bucket=bucket)
    deployment = a_deployment(emulator, ArtifactsUri=f"s3://{bucket}")
    before = checked(deployment, "artifacts")
    client.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )

    after = checked(deployment, "artifacts")

    assert before.verdict is Verdict.WRONG
    assert (after.verdict, after.found) == (
        Verdict.FINE,
        f"bucket {bucket} can't be made public",
    )


class Runtimes:
    """AgentCore's control plane and Bedrock's, as far as they are asked; no emulator has both."""

    def __init__(self, **runtime: Any) -> None:  # noqa: ANN401 - any member of the answer
        self.runtime = {
            "status": "READY",
            "agentRuntimeVersion": "7",
            "lastUpdatedAt": datetime(2026, 11, 20, tzinfo=UTC),
            "lifecycleConfiguration": {"idleRuntimeSessionTimeout": 300},
            "environmentVariables": {"ERRAND_MODEL": "bedrock:global.anthropic.claude-sonnet-4-6"},
            **runtime,
        }
        self.access = {
            "authorizationStatus": "AUTHORIZED",
            "entitlementAvailability": "AVAILABLE",
            "regionAvailability": "AVAILABLE",
        }
        self.asked: list[str] = []

    def get_agent_runtime(self, *, agentRuntimeId: str) -> dict[str, Any]:  # noqa: N803 - boto3's spelling
        assert agentRuntimeId == "errand-abc"
        return self.runtime

    def get_inference_profile(self, *, inferenceProfileIdentifier: str) -> dict[str, Any]:  # noqa: N803 - boto3's spelling
        self.asked.append(inferenceProfileIdentifier)
        arn = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-6"
        return {"status": "ACTIVE", "models": [{"modelArn": arn}]}

    def get_foundation_model_availability(self, *, modelId: str) -> dict[str, Any]:  # noqa: N803 - boto3's spelling
        self.asked.append(modelId)
        return self.access


def on_aws(name: str, client: object) -> Check:
    deployment = Deployment(
        stack_name="errand-prod",
        outputs={"RuntimeArn": "arn:aws:bedrock-agentcore:us-east-1:1:runtime/errand-abc"},
        clients=lambda _service: client,
        is_remote=True,
        now=datetime.now(UTC),
    )
    return looked(name, dict(ON_AWS)[name], deployment)


def test_a_runtime_that_is_ready_is_told_with_its_version_and_idle_time() -> None:
    check = on_aws("agent", Runtimes())

    assert check.verdict is Verdict.FINE
    assert check.found == "READY, version 7 of 2026-11-20; idle sessions end after 300 s"


@pytest.mark.parametrize(
    ("runtime", "verdict", "found"),
    [
        (
            {"status": "UPDATE_FAILED", "failureReason": "the image is gone"},
            Verdict.WRONG,
            "the runtime is UPDATE_FAILED: the image is gone",
        ),
        (
            {"lifecycleConfiguration": {"idleRuntimeSessionTimeout": 3600}},
            Verdict.DOUBTFUL,
            "READY, version 7 of 2026-11-20; a session that is not stopped is billed for 3600 s",
        ),
    ],
    ids=["failed", "idle for long"],
)
def test_a_runtime_that_is_not_as_it_should_be(
    runtime: dict[str, Any], verdict: Verdict, found: str
) -> None:
    check = on_aws("agent", Runtimes(**runtime))

    assert (check.verdict, check.found) == (verdict, found)


def test_a_profiles_model_is_asked_for_without_calling_it() -> None:
    client = Runtimes()

    check = on_aws("model", client)

    assert (check.verdict, client.asked) == (
        Verdict.FINE,
        ["global.anthropic.claude-sonnet-4-6", "anthropic.claude-sonnet-4-6"],
    )


def test_a_model_without_access_is_wrong() -> None:
    client = Runtimes()
    client.access["authorizationStatus"] = "NOT_AUTHORIZED"

    check = on_aws("model", client)

    assert check.verdict is Verdict.WRONG
    assert check.found == "anthropic.claude-sonnet-4-6: authorizationStatus NOT_AUTHORIZED"
    assert "Bedrock console" in check.advice


class Refusing:
    """Every call is answered with an error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def refuse(**_request: object) -> object:
            raise self._error

        return refuse


def denied(message: str) -> ClientError:
    answer: Any = {"Error": {"Code": "AccessDeniedException", "Message": message}}
    return ClientError(answer, "GetAgentRuntime")


@pytest.mark.parametrize(
    ("message", "action"),
    [
        (
            "User: arn:aws:iam::1:user/ada is not authorized to perform: "
            "bedrock-agentcore:GetAgentRuntime on resource: *",
            "bedrock-agentcore:GetAgentRuntime",
        ),
        ("no", "GetAgentRuntime"),
    ],
)
def test_what_one_may_not_look_at_is_a_doubt_with_the_permission(message: str, action: str) -> None:
    check = on_aws("agent", Refusing(denied(message)))

    assert check.verdict is Verdict.DOUBTFUL
    assert check.found == f"you may not look at it: {action} is not allowed"
    assert check.advice.startswith(f"allow {action}")
    assert all_fine([check])


def test_a_service_that_does_not_answer_is_a_doubt() -> None:
    error = EndpointConnectionError(endpoint_url="https://x")

    assert on_aws("agent", Refusing(error)).verdict is Verdict.DOUBTFUL


def test_outputs_that_are_missing_are_named(emulator: RunningEmulator) -> None:
    client = emulator.client("cloudformation")
    body = '{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}'
    client.create_stack(StackName=NAME, TemplateBody=body)
    client.get_waiter("stack_create_complete").wait(StackName=NAME)

    check = checked(a_deployment(emulator, TableName="t"), "deployment")

    assert check.verdict is Verdict.WRONG
    assert check.found.startswith(f"{NAME} has no output ApprovalsUrl, BusName,")


def test_locally_what_is_old_is_brought_up_to_date_by_starting_again(
    emulator: RunningEmulator, table: str
) -> None:
    remote = a_deployment(emulator, TableName=table)
    here = dataclasses.replace(remote, is_remote=False)

    names = {check.name for check in deployment_checks(here)}
    old = checked(here, "deployment")

    assert not names & dict(ON_AWS).keys()
    assert "`errand up`" in old.advice
