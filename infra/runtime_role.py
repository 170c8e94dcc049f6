"""The role of the agent's runtime, with what AgentCore itself does in its name."""

from collections.abc import Iterator

from aws_cdk import Stack, aws_iam
from constructs import Construct

_SERVICE = "bedrock-agentcore.amazonaws.com"
_LOG_GROUPS = "/aws/bedrock-agentcore/runtimes"
_IDENTITIES = "workload-identity-directory/default"


def runtime_role(scope: Construct, name: str) -> aws_iam.Role:
    """Make the role that a runtime of this name runs under.

    The statements are those that the service asks for, on what belongs to the runtime. (The CDK's
    own role has them for every runtime of the account.)
    https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-permissions.html
    """
    stack = Stack.of(scope)
    runtimes = stack.format_arn(
        service="bedrock-agentcore", resource="runtime", resource_name=f"{name}-*"
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
    for statement in _statements(stack, name):
        role.add_to_policy(statement)
    return role


def _statements(stack: Stack, name: str) -> Iterator[aws_iam.PolicyStatement]:
    logs = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group"
    # The service adds its own id to the name.
    own = f"{logs}:{_LOG_GROUPS}/{name}-*"
    core = f"arn:{stack.partition}:bedrock-agentcore:{stack.region}:{stack.account}"
    for sid, actions, resources in (
        ("LogGroups", ["logs:CreateLogGroup", "logs:DescribeLogStreams"], [own]),
        ("FindLogGroups", ["logs:DescribeLogGroups"], [f"{logs}:*"]),
        ("Logs", ["logs:CreateLogStream", "logs:PutLogEvents"], [f"{own}:log-stream:*"]),
        (
            "Identity",
            ["bedrock-agentcore:GetWorkloadAccessToken"],
            [f"{core}:{_IDENTITIES}", f"{core}:{_IDENTITIES}/workload-identity/{name}-*"],
        ),
        (
            # There is no resource to name: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
            "Traces",
            [
                "xray:GetSamplingRules",
                "xray:GetSamplingTargets",
                "xray:PutTelemetryRecords",
                "xray:PutTraceSegments",
            ],
            ["*"],
        ),
    ):
        yield aws_iam.PolicyStatement(sid=sid, actions=actions, resources=resources)
    yield aws_iam.PolicyStatement(
        sid="Metrics",
        actions=["cloudwatch:PutMetricData"],
        # Only the name space can be named.
        resources=["*"],
        conditions={"StringEquals": {"cloudwatch:namespace": "bedrock-agentcore"}},
    )
