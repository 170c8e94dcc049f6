"""The journal's table."""

from aws_cdk import aws_dynamodb
from constructs import Construct

from infra.encryption import Encryption
from infra.removal import removal
from infra.settings import Settings


class JournalTable(Construct):
    """What is recorded about runs, with its index of heads and approvals by status."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, encryption: Encryption
    ) -> None:
        super().__init__(scope, construct_id)
        string = aws_dynamodb.AttributeType.STRING
        self.table = aws_dynamodb.TableV2(
            self,
            "Table",
            partition_key=aws_dynamodb.Attribute(name="PK", type=string),
            sort_key=aws_dynamodb.Attribute(name="SK", type=string),
            billing=aws_dynamodb.Billing.on_demand(),
            time_to_live_attribute="ttl",
            point_in_time_recovery_specification=aws_dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            # Only heads and approvals have a status, so the index holds few entries per run. Its
            # keys say what to read: a copy of every head would be written at every change of one.
            global_secondary_indexes=[
                aws_dynamodb.GlobalSecondaryIndexPropsV2(
                    index_name="by_status",
                    partition_key=aws_dynamodb.Attribute(name="status", type=string),
                    sort_key=aws_dynamodb.Attribute(name="updated_at", type=string),
                    projection_type=aws_dynamodb.ProjectionType.KEYS_ONLY,
                )
            ],
            deletion_protection=settings.is_prod,
            removal_policy=removal(settings),
        )
        encryption.encrypt_table(self.table)
