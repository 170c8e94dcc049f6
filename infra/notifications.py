"""Telling those who may decide: a topic that letters go to, and who gets them by e-mail."""

from aws_cdk import aws_iam, aws_kms, aws_sns, aws_sns_subscriptions
from constructs import Construct

from infra.settings import Settings


class Notifications(Construct):
    """The topic, encrypted, to which nothing is published but over TLS."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        self.topic = aws_sns.Topic(
            self,
            "Topic",
            display_name="Errand approvals",
            # The key that AWS manages for SNS: a letter says what a run is about to do. Whoever may
            # publish needs no leave to use it.
            master_key=aws_kms.Alias.from_alias_name(self, "Key", "alias/aws/sns"),
            enforce_ssl=True,
        )
        # Each address gets a mail with a link that confirms the subscription.
        for address in settings.notify:
            self.topic.add_subscription(aws_sns_subscriptions.EmailSubscription(address))

    def let_publish(self, role: aws_iam.Role) -> None:
        """Let a role send letters."""
        role.add_to_policy(
            aws_iam.PolicyStatement(
                sid="Notify", actions=["sns:Publish"], resources=[self.topic.topic_arn]
            )
        )
