"""Whose keys encrypt what the stack keeps: AWS's, or one of its own when `-c kms=own` asks."""

from collections.abc import Mapping
from typing import Any, cast

from aws_cdk import ArnFormat, Duration, Stack, aws_dynamodb, aws_iam, aws_kms, aws_sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.removal import removal
from infra.settings import Keys, Settings
from infra.statements import let

#: What it takes to write and to read what is encrypted with data keys.
_USE = ("kms:Decrypt", "kms:GenerateDataKey")
#: Services that put messages into encrypted queues and topics themselves, for rules and alarms.
_SENDERS = ("events.amazonaws.com", "cloudwatch.amazonaws.com")
#: As short as KMS allows: what it encrypted is gone with the stack.
_PENDING = Duration.days(7)


class Encryption(Construct):
    """The stack's own key if it was asked for, and how each kind of resource is encrypted."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        #: None means AWS's keys.
        self.key: aws_kms.Key | None = None
        if settings.keys is Keys.OWN:
            self.key = _key(self, settings)

    def let_use(self, role: aws_iam.Role) -> None:
        """Let a role write and read what the stack keeps."""
        if self.key is not None:
            let(role, "Key", _USE, [self.key.key_arn])

    def encrypt_table(self, table: aws_dynamodb.TableV2) -> None:
        """Encrypt a table with the stack's own key; without one, DynamoDB encrypts with its own."""
        if self.key is None:
            return
        # The table's own property for it asks for a region, and this stack is for any.
        below = cast("aws_dynamodb.CfnGlobalTable", table.node.default_child)
        below.add_property_override("SSESpecification", {"SSEEnabled": True, "SSEType": "KMS"})
        below.add_property_override(
            "Replicas.0.SSESpecification", {"KMSMasterKeyId": self.key.key_arn}
        )

    @property
    def of_queue(self) -> Mapping[str, Any]:
        """Give the keywords that a queue is made with."""
        if self.key is None:
            return {"encryption": aws_sqs.QueueEncryption.SQS_MANAGED}
        return {"encryption": aws_sqs.QueueEncryption.KMS, "encryption_master_key": self.key}

    def of_topic(self, scope: Construct) -> aws_kms.IKey:
        """Give the key of a topic that roles publish to.

        AWS's own can be used by whoever may publish, but not by alarms and rules.
        """
        return self.key or aws_kms.Alias.from_alias_name(scope, "Key", "alias/aws/sns")

    @property
    def of_machine(self) -> sfn.EncryptionConfiguration:
        """Give how a state machine's definition and history are encrypted."""
        if self.key is None:
            return sfn.AwsOwnedEncryptionConfiguration()
        return sfn.CustomerManagedEncryptionConfiguration(self.key)


def _key(scope: Construct, settings: Settings) -> aws_kms.Key:
    key = aws_kms.Key(
        scope,
        "Key",
        alias=f"alias/{settings.stack_name}",
        description=f"What {settings.stack_name} keeps of runs",
        enable_key_rotation=True,
        pending_window=None if settings.is_prod else _PENDING,
        removal_policy=removal(settings),
    )
    for service in _SENDERS:
        key.add_to_resource_policy(_let_send(scope, service))
    key.add_to_resource_policy(_let_log(scope))
    return key


def _let_send(scope: Construct, service: str) -> aws_iam.PolicyStatement:
    return aws_iam.PolicyStatement(
        sid=f"SentBy{service.partition('.')[0].title()}",
        principals=[aws_iam.ServicePrincipal(service)],
        actions=list(_USE),
        # In a key's policy this means the key.
        resources=["*"],
        conditions={"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}},
    )


def _let_log(scope: Construct) -> aws_iam.PolicyStatement:
    stack = Stack.of(scope)
    groups = stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name="*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    return aws_iam.PolicyStatement(
        sid="Logs",
        principals=[aws_iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
        actions=[
            "kms:Encrypt",
            "kms:Decrypt",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
            "kms:GenerateDataKey",
            "kms:DescribeKey",
        ],
        resources=["*"],
        conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
    )
