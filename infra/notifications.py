"""Telling those who may decide: a topic that letters go to, and who gets them by e-mail."""

from aws_cdk import aws_iam, aws_sns, aws_sns_subscriptions
from constructs import Construct

from infra.calls import called
from infra.encryption import Encryption
from infra.settings import Settings
from infra.statements import let


class Notifications(Construct):
    """The topic, encrypted, to which nothing is published but over TLS."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, encryption: Encryption
    ) -> None:
        super().__init__(scope, construct_id)
        self.topic = aws_sns.Topic(
            self,
            "Topic",
            display_name="Errand approvals",
            # A letter says what a run is about to do.
            master_key=encryption.of_topic(self),
            enforce_ssl=True,
        )
        # Each address gets a mail with a link that confirms the subscription.
        for address in settings.notify:
            self.topic.add_subscription(aws_sns_subscriptions.EmailSubscription(address))

    def let_publish(self, role: aws_iam.Role, *, caller: str) -> None:
        """Let a role send letters."""
        let(role, "Notify", called(caller, "topic"), [self.topic.topic_arn])
