"""What operators see and hear of a stack: a dashboard, alarms, and the topic that tells of them."""

from aws_cdk import (
    ArnFormat,
    Stack,
    aws_cloudwatch,
    aws_cloudwatch_actions,
    aws_iam,
    aws_sns,
    aws_sns_subscriptions,
)
from constructs import Construct

from infra.alarms import Alarm, alarms_of
from infra.dashboard import dashboard
from infra.encryption import Encryption
from infra.settings import Settings
from infra.watched import Watched


class Observability(Construct):
    """The dashboard, and the alarms with a topic of their own."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        encryption: Encryption,
        watched: Watched,
    ) -> None:
        super().__init__(scope, construct_id)
        self.topic = aws_sns.Topic(
            self,
            "Topic",
            display_name="Errand alarms",
            # Not AWS's key for SNS: alarms could not publish. Without one of the stack's own, what
            # is in transit is encrypted, and nothing of a run is in an alarm.
            master_key=encryption.key,
            enforce_ssl=True,
        )
        self.topic.add_to_resource_policy(self._let_alarms_publish(settings))
        for address in settings.operators:
            self.topic.add_subscription(aws_sns_subscriptions.EmailSubscription(address))
        made = [
            self._alarm(each, settings)
            for each in alarms_of(watched, daily_cost=settings.daily_cost)
        ]
        self.dashboard = dashboard(
            self, "Dashboard", name=settings.stack_name, watched=watched, alarms=made
        )

    def _alarm(self, alarm: Alarm, settings: Settings) -> aws_cloudwatch.Alarm:
        made = aws_cloudwatch.Alarm(
            self,
            alarm.name.title().replace("-", ""),
            alarm_name=f"{settings.stack_name}-{alarm.name}",
            alarm_description=f"{alarm.says} {settings.runbook}#alarm-{alarm.section}",
            metric=alarm.metric,
            comparison_operator=alarm.comparison,
            threshold=alarm.threshold,
            datapoints_to_alarm=alarm.periods,
            evaluation_periods=max(alarm.periods, alarm.out_of),
            treat_missing_data=alarm.missing,
        )
        action = aws_cloudwatch_actions.SnsAction(self.topic)
        made.add_alarm_action(action)
        made.add_ok_action(action)
        return made

    def _let_alarms_publish(self, settings: Settings) -> aws_iam.PolicyStatement:
        """Say that alarms may: a topic with a policy takes nothing but what that allows."""
        alarms = Stack.of(self).format_arn(
            service="cloudwatch",
            resource="alarm",
            resource_name=f"{settings.stack_name}-*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        return aws_iam.PolicyStatement(
            sid="Alarms",
            principals=[aws_iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["sns:Publish"],
            resources=[self.topic.topic_arn],
            conditions={"ArnLike": {"aws:SourceArn": alarms}},
        )
