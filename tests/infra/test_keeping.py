"""How what runs leave is kept: where, encrypted by what, and for how long."""

from typing import Any

import pytest

from tests.support.template import Synthesised

BUCKET = "AWS::S3::Bucket"
KEY = "AWS::KMS::Key"
QUEUE = "AWS::SQS::Queue"
TOPIC = "AWS::SNS::Topic"
#: What encrypts, or reads what is encrypted, in the name of who calls it.
KEEPING = ("dynamodb:", "s3:Put", "sqs:", "sns:", "states:StartExecution", "states:SendTask")
#: The longest life of a record of the journal: a run's longest deadline, and its retention.
RECORDS_DAYS = 30 + 90


def test_nobody_but_the_account_reads_the_artifacts_and_over_tls(on_aws: Synthesised) -> None:
    bucket = on_aws.only(BUCKET)
    policy = on_aws.only("AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]

    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    denied = [it["Condition"] for it in policy if it["Effect"] == "Deny"]
    assert {"Bool": {"aws:SecureTransport": "false"}} in denied
    assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in denied


def test_artifacts_outlive_all_that_names_them_and_not_for_ever(on_aws: Synthesised) -> None:
    bucket = on_aws.only(BUCKET)
    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}

    # A run's, and then a fork's that names what the run has put.
    assert rules["outlived"]["ExpirationInDays"] > 2 * RECORDS_DAYS
    assert rules["outlived"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert rules["outlived"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}


def test_artifacts_go_with_their_stack_but_in_production(
    on_aws: Synthesised, in_full: Synthesised
) -> None:
    policies = [
        bucket["DeletionPolicy"]
        for template in (on_aws, in_full)
        for bucket in template.of_type(BUCKET).values()
    ]

    assert policies == ["Delete", "Retain"]
    assert len(on_aws.of_type("Custom::S3AutoDeleteObjects")) == 1
    assert in_full.of_type("Custom::S3AutoDeleteObjects") == {}


def test_without_a_key_of_its_own_everything_is_encrypted_by_aws_s(on_aws: Synthesised) -> None:
    (rule,) = on_aws.only(BUCKET)["BucketEncryption"]["ServerSideEncryptionConfiguration"]

    assert on_aws.of_type(KEY) == {}
    assert rule == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    queues = [it["Properties"] for it in on_aws.of_type(QUEUE).values()]
    assert {it["SqsManagedSseEnabled"] for it in queues} == {True}


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (
            BUCKET,
            "BucketEncryption.ServerSideEncryptionConfiguration.0."
            "ServerSideEncryptionByDefault.KMSMasterKeyID",
        ),
        (QUEUE, "KmsMasterKeyId"),
        (TOPIC, "KmsMasterKeyId"),
        ("AWS::Logs::LogGroup", "KmsKeyId"),
        ("AWS::Lambda::Function", "KmsKeyArn"),
        ("AWS::Events::EventBus", "KmsKeyIdentifier"),
        ("AWS::Scheduler::Schedule", "KmsKeyArn"),
        ("AWS::SecretsManager::Secret", "KmsKeyId"),
        ("AWS::StepFunctions::StateMachine", "EncryptionConfiguration.KmsKeyId"),
        ("AWS::DynamoDB::GlobalTable", "Replicas.0.SSESpecification.KMSMasterKeyId"),
    ],
)
def test_a_key_of_the_stack_s_own_encrypts_all_that_is_kept(
    kind: str, path: str, in_full: Synthesised
) -> None:
    key = in_full.id_of(KEY)

    found = {name: at(it["Properties"], path) for name, it in in_full.of_type(kind).items()}
    assert found
    assert {name: it for name, it in found.items() if it not in names_of(key)} == {}


def names_of(key: str) -> list[dict[str, Any]]:
    return [{"Fn::GetAtt": [key, "Arn"]}, {"Ref": key}]


def at(value: Any, path: str) -> Any:  # noqa: ANN401 - any JSON
    """Give what is at a path of names and numbers; None where it ends before."""
    for part in path.split("."):
        if isinstance(value, list):
            value = value[int(part)]
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def test_who_keeps_or_reads_may_use_the_key(in_full: Synthesised) -> None:
    key = {"Fn::GetAtt": [in_full.id_of(KEY), "Arn"]}

    for role in in_full.of_type("AWS::IAM::Role"):
        allowed = in_full.allowed(role)
        keeps = [it for it in allowed if it.startswith(KEEPING)]
        for use in ("kms:Decrypt", "kms:GenerateDataKey"):
            assert not keeps or key in allowed[use], role


def test_rules_use_the_key_and_put_into_queues_for_this_account_alone(in_full: Synthesised) -> None:
    policies = [
        in_full.only(KEY)["KeyPolicy"],
        *(
            policy["Properties"]["PolicyDocument"]
            for policy in in_full.of_type("AWS::SQS::QueuePolicy").values()
        ),
    ]

    let = [
        statement.get("Condition", {})
        for policy in policies
        for statement in policy["Statement"]
        if statement["Principal"] == {"Service": "events.amazonaws.com"}
    ]
    assert let
    for condition in let:
        account = condition.get("StringEquals", {}).get("aws:SourceAccount")
        rule = condition.get("ArnEquals", {}).get("aws:SourceArn")
        assert account == {"Ref": "AWS::AccountId"} or "Fn::GetAtt" in rule


def test_the_key_turns_and_stays_in_production(in_full: Synthesised) -> None:
    (key,) = in_full.of_type(KEY).values()

    assert key["Properties"]["EnableKeyRotation"] is True
    assert key["DeletionPolicy"] == "Retain"


def test_queues_and_topics_are_spoken_to_over_tls(on_aws: Synthesised) -> None:
    for kind, policies in ((QUEUE, "AWS::SQS::QueuePolicy"), (TOPIC, "AWS::SNS::TopicPolicy")):
        guarded = [
            target
            for policy in on_aws.of_type(policies).values()
            if any(denies_plain(it) for it in policy["Properties"]["PolicyDocument"]["Statement"])
            for target in policy["Properties"].get("Queues", policy["Properties"].get("Topics"))
        ]
        assert {it["Ref"] for it in guarded} == on_aws.of_type(kind).keys()


def denies_plain(statement: dict[str, Any]) -> bool:
    plain = {"Bool": {"aws:SecureTransport": "false"}}
    return (statement["Effect"], statement.get("Condition")) == ("Deny", plain)
