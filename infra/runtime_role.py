"""The role of the agent's runtime, with what AgentCore itself does in its name."""

from aws_cdk import Stack, aws_iam
from constructs import Construct

from infra.statements import let

_SERVICE = "bedrock-agentcore.amazonaws.com"
_LOG_GROUPS = "/aws/bedrock-agentcore/runtimes"
_SUFFIX = "the service adds an id of its own to the runtime's name"


def runtime_role(scope: Construct, name: str) -> aws_iam.Role:
    """Make the role that a runtime of this name runs under.

    The statements are those that the service asks for, on what belongs to the runtime. (The CDK's
    own role has them for every runtime of the account.)
    https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-permissions.html
    """
    stack = Stack.of(scope)
    runtimes = stack.format_arn(
        service="bedrock-agentcore", resource="runtime", resource_name=f"{name}*"
    )
    role = aws_iam.Role(
        scope,
        "Role",
        description="What the agent may do",
        assumed_by=aws_iam.ServicePrincipal(
            _SERVICE,
            conditions={
                "StringEquals": {"aws:SourceAccount": stack.account},
                "ArnLike": {"aws:SourceArn": runtimes},
            },
        ),
    )
    _let_log(role, stack, name)
    _let_trace(role)
    identities = stack.format_arn(
        service="bedrock-agentcore", resource="workload-identity-directory", resource_name="default"
    )
    let(
        role,
        "Identity",
        ["bedrock-agentcore:GetWorkloadAccessToken"],
        [identities, f"{identities}/workload-identity/{name}-*"],
        because=_SUFFIX,
    )
    return role


def _let_log(role: aws_iam.Role, stack: Stack, name: str) -> None:
    groups = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group"
    own = f"{groups}:{_LOG_GROUPS}/{name}-*"
    let(
        role, "LogGroup", ["logs:CreateLogGroup", "logs:DescribeLogStreams"], [own], because=_SUFFIX
    )
    let(
        role,
        "Logs",
        ["logs:CreateLogStream", "logs:PutLogEvents"],
        [f"{own}:log-stream:*"],
        because=f"{_SUFFIX}, and names the streams",
    )
    let(
        role,
        "FindLogGroup",
        ["logs:DescribeLogGroups"],
        [f"{groups}:*"],
        because="a search is authorised on all that could be found",
    )


def _let_trace(role: aws_iam.Role) -> None:
    let(
        role,
        "Traces",
        [
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
            "xray:PutTelemetryRecords",
            "xray:PutTraceSegments",
        ],
        ["*"],
        because="traces have no resource that could be named",
    )
    let(
        role,
        "Metrics",
        ["cloudwatch:PutMetricData"],
        ["*"],
        because="of metrics only the name space can be named",
        conditions={"StringEquals": {"cloudwatch:namespace": "bedrock-agentcore"}},
    )
