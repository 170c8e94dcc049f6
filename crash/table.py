"""A journal's table in the AWS emulator."""

from botocore.exceptions import ClientError

from local.clients import Client
from runs.aws_errors import codes_of


def create_table(client: Client, name: str) -> None:
    """Make a journal's table as the infrastructure does, but for its time to live; twice is once.

    Clocks of tests stand still in the past: the store would remove what they wrote in the middle.
    """
    keys = ("PK", "SK", "status", "updated_at")
    try:
        client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[
                {"AttributeName": "PK", "KeyType": "HASH"},
                {"AttributeName": "SK", "KeyType": "RANGE"},
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by_status",
                    "KeySchema": [
                        {"AttributeName": "status", "KeyType": "HASH"},
                        {"AttributeName": "updated_at", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
        )
    except ClientError as error:
        if "ResourceInUseException" not in codes_of(error):
            raise
