"""The invoker: a Lambda function that accepts runs and hands them to the agent."""

from pathlib import Path

from aws_cdk import Duration, aws_dynamodb, aws_events, aws_iam, aws_logs
from constructs import Construct

from infra.approvals import LinkKeys
from infra.artifacts import Artifacts
from infra.calls import called
from infra.encryption import Encryption
from infra.functions import bundled_function, log_group, own_role
from infra.settings import Settings
from infra.statements import let

#: Longer than the invoker's slowest way: three tries at the journal and one at a cold agent.
_TIMEOUT = Duration.seconds(60)


class Invoker(Construct):
    """The function, its own role with what it really calls, and its log group."""

    def __init__(  # noqa: PLR0913 - a construct names each thing it is wired to
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        code: Path,
        table: aws_dynamodb.ITableV2,
        runtime_arn: str,
        artifacts: Artifacts,
        encryption: Encryption,
        topic_arn: str,
        bus: aws_events.IEventBus,
        approvals_url: str,
        link_keys: LinkKeys,
    ) -> None:
        super().__init__(scope, construct_id)
        self.log_group = log_group(self, "Logs", encryption=encryption)
        self.role = _role(self, table=table, runtime_arn=runtime_arn, bus=bus, logs=self.log_group)
        # Letters quote what may be too large for an item.
        artifacts.let_use(self.role, caller="invoker")
        link_keys.let_read(self.role, "LinkKeys", caller="invoker", what="link keys")
        self.function = bundled_function(
            self,
            description="Accepts runs in the journal and hands them to the agent",
            code=code,
            handler="invoker.start.handler",
            role=self.role,
            timeout=_TIMEOUT,
            logs=self.log_group,
            encryption=encryption,
            environment={
                "ERRAND_TABLE": table.table_name,
                "ERRAND_RUNTIME_ARN": runtime_arn,
                "ERRAND_WORKFLOWS": ",".join(settings.workflows),
                "ERRAND_ARTIFACTS": artifacts.uri,
                "ERRAND_REDISPATCH_SECONDS": str(settings.redispatch_seconds),
                "ERRAND_TOPIC_ARN": topic_arn,
                "ERRAND_BUS": bus.event_bus_name,
                "ERRAND_APPROVALS_URL": approvals_url,
                "ERRAND_LINK_KEYS": link_keys.place,
            },
        )


def _role(
    scope: Construct,
    *,
    table: aws_dynamodb.ITableV2,
    runtime_arn: str,
    bus: aws_events.IEventBus,
    logs: aws_logs.LogGroup,
) -> aws_iam.Role:
    role = own_role(scope, logs)
    let(role, "Journal", called("invoker", "journal"), [table.table_arn])
    let(
        role,
        "Agent",
        called("invoker", "agent"),
        [runtime_arn, f"{runtime_arn}/*"],
        because="a call is authorised on the runtime and on its end point, which lies below it",
    )
    let(role, "Announce", called("invoker", "bus"), [bus.event_bus_arn])
    return role
