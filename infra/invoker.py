"""The invoker: a Lambda function that accepts runs and hands them to the agent."""

from pathlib import Path

from aws_cdk import Duration, RemovalPolicy, aws_dynamodb, aws_iam, aws_lambda, aws_logs
from constructs import Construct

from infra.approvals import LinkKeys
from infra.artifacts import let_use_artifacts
from infra.settings import Settings

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
        artifacts: str,
        topic_arn: str,
        approvals_url: str,
        link_keys: LinkKeys,
    ) -> None:
        super().__init__(scope, construct_id)
        self.log_group = aws_logs.LogGroup(
            self,
            "Logs",
            retention=aws_logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.role = _role(self, table=table, runtime_arn=runtime_arn, log_group=self.log_group)
        if not settings.is_local:
            # Letters quote what may be too large for an item.
            self.role.add_to_policy(let_use_artifacts(artifacts))
        link_keys.let_read(self.role)
        self.function = aws_lambda.Function(
            self,
            "Function",
            description="Accepts runs in the journal and hands them to the agent",
            runtime=aws_lambda.Runtime.PYTHON_3_14,
            architecture=aws_lambda.Architecture.ARM_64,
            code=aws_lambda.Code.from_asset(str(code), exclude=["**/__pycache__"]),
            handler="invoker.start.handler",
            role=self.role,
            timeout=_TIMEOUT,
            # CPU comes with memory: with less, importing boto3 takes longer than the work.
            memory_size=512,
            log_group=self.log_group,
            logging_format=aws_lambda.LoggingFormat.JSON,
            environment={
                "ERRAND_TABLE": table.table_name,
                "ERRAND_RUNTIME_ARN": runtime_arn,
                "ERRAND_WORKFLOWS": ",".join(settings.workflows),
                "ERRAND_ARTIFACTS": artifacts,
                "ERRAND_REDISPATCH_SECONDS": str(settings.redispatch_seconds),
                "ERRAND_TOPIC_ARN": topic_arn,
                "ERRAND_APPROVALS_URL": approvals_url,
                "ERRAND_LINK_KEYS": link_keys.place,
            },
        )


def _role(
    scope: Construct,
    *,
    table: aws_dynamodb.ITableV2,
    runtime_arn: str,
    log_group: aws_logs.LogGroup,
) -> aws_iam.Role:
    """Make a role of its own: the managed policy would let it write to every log group."""
    role = aws_iam.Role(scope, "Role", assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"))
    log_group.grant_write(role)
    for statement in (
        aws_iam.PolicyStatement(
            sid="Journal",
            # Transactions are authorised by what is in them: heads and events, put whole. Query
            # finds the children of a run that ends.
            actions=["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"],
            resources=[table.table_arn],
        ),
        aws_iam.PolicyStatement(
            sid="Agent",
            actions=[
                "bedrock-agentcore:InvokeAgentRuntime",
                "bedrock-agentcore:StopRuntimeSession",
            ],
            # A call is authorised on the runtime and on its end point, which lies below it.
            resources=[runtime_arn, f"{runtime_arn}/*"],
        ),
    ):
        role.add_to_policy(statement)
    return role
