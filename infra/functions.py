"""What the Lambda functions of a stack share: the bundle, and a role and a log of their own."""

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import Duration, RemovalPolicy, aws_iam, aws_lambda, aws_logs
from constructs import Construct

from infra.code_version import VARIABLE, code_version
from infra.encryption import Encryption
from infra.interpreter import PYTHON
from infra.settings import PROJECT
from infra.statements import accept


def log_group(
    scope: Construct, construct_id: str, *, encryption: Encryption, name: str | None = None
) -> aws_logs.LogGroup:
    """Make a group whose logs are kept for a month; CloudWatch encrypts each."""
    return aws_logs.LogGroup(
        scope,
        construct_id,
        log_group_name=name,
        retention=aws_logs.RetentionDays.ONE_MONTH,
        encryption_key=encryption.key,
        removal_policy=RemovalPolicy.DESTROY,
    )


def vended_log_group(scope: Construct, name: str, *, encryption: Encryption) -> aws_logs.LogGroup:
    """Make a group that a service delivers logs to itself.

    For other names that fails once the account's policy for it is full.
    """
    return log_group(scope, "Logs", encryption=encryption, name=f"/aws/vendedlogs/{name}")


def own_role(scope: Construct, logs: aws_logs.LogGroup) -> aws_iam.Role:
    """Make a role of its own: the managed policy would let it write to every log group."""
    role = aws_iam.Role(scope, "Role", assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"))
    logs.grant_write(role)
    return role


def bundled_function(  # noqa: PLR0913 - a function is what differs from the others
    scope: Construct,
    *,
    description: str,
    code: Path,
    handler: str,
    role: aws_iam.Role,
    logs: aws_logs.LogGroup,
    encryption: Encryption,
    timeout: Duration,
    environment: Mapping[str, str],
) -> aws_lambda.Function:
    """Make a function of a handler in the invoker's bundle; its role may use the stack's key."""
    encryption.let_use(role)
    accept(role, "IAM5[Resource::*]", because="traces have no resource that could be named")
    function = aws_lambda.Function(
        scope,
        "Function",
        description=description,
        runtime=getattr(aws_lambda.Runtime, f"PYTHON_{PYTHON.replace('.', '_')}"),
        architecture=aws_lambda.Architecture.ARM_64,
        code=aws_lambda.Code.from_asset(str(code)),
        handler=handler,
        role=role,
        timeout=timeout,
        # CPU comes with memory: with less, importing boto3 takes longer than the work.
        memory_size=512,
        log_group=logs,
        logging_format=aws_lambda.LoggingFormat.JSON,
        environment={**environment, VARIABLE: code_version(PROJECT)},
        environment_encryption=encryption.key,
        # Without it the agent's spans would be dropped, as those of a call nobody traces.
        tracing=aws_lambda.Tracing.ACTIVE,
    )
    accept(function, "L1", because="the bundle's byte code is for the Python the agent has, too")
    return function
