"""The agent on AgentCore Runtime: what executes runs, and what it may do."""

from collections.abc import Callable, Mapping
from pathlib import Path

from aws_cdk import (
    CfnParameter,
    Duration,
    aws_bedrockagentcore,
    aws_ecr_assets,
    aws_iam,
    aws_s3,
    aws_s3_assets,
)
from constructs import Construct

from infra.agent_code import ENTRY_POINT
from infra.encryption import Encryption
from infra.functions import vended_log_group
from infra.runtime_role import runtime_role
from infra.settings import PROJECT, Artifact, Settings
from infra.statements import accept, let

#: A finished or parked run's session is stopped by the state machine; this bounds what a lost stop
#: costs.
_IDLE = Duration.minutes(5)


class AgentRuntime(Construct):
    """The runtime; on a laptop the ARN of what stands in for it, which a parameter names."""

    def __init__(  # noqa: PLR0913 - a construct names each thing it is wired to
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        encryption: Encryption,
        code: Callable[[], Path],
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(scope, construct_id)
        #: Who the agent is; None on a laptop, where nobody checks.
        self.role: aws_iam.Role | None = None
        #: What metrics call it; None on a laptop, where nothing measures it.
        self.name: str | None = None
        if settings.is_local:
            parameter = CfnParameter(
                scope,
                "RuntimeArn",
                type="String",
                description="The AgentCore runtime that executes runs",
                allowed_pattern=r"arn:[\w-]+:bedrock-agentcore:[\w-]+:\d{12}:runtime/[\w-]+",
            )
            self.arn = str(parameter.value_as_string)
            return
        # Letters, digits and '_' are all that a runtime's name may have.
        self.name = name = settings.stack_name.replace("-", "_")
        self.role = runtime_role(self, name)
        logs = vended_log_group(
            self, f"bedrock-agentcore/{settings.stack_name}", encryption=encryption
        )
        runtime = aws_bedrockagentcore.Runtime(
            self,
            "Runtime",
            runtime_name=name,
            description="Executes Errand's runs",
            agent_runtime_artifact=_artifact(self, settings, code=code, role=self.role),
            # The service's default differs from region to region.
            platform_version=aws_bedrockagentcore.PlatformVersion.V2,
            # The CDK would add statements for every runtime of the account, and for all code that
            # was ever deployed.
            execution_role=self.role.without_policy_updates(),
            environment_variables=dict(environment),
            lifecycle_configuration=aws_bedrockagentcore.LifecycleConfiguration(
                idle_runtime_session_timeout=_IDLE,
                max_lifetime=Duration.seconds(int(settings.longest_session.total_seconds())),
            ),
            logging_configs=[
                aws_bedrockagentcore.LoggingConfig(
                    log_type=aws_bedrockagentcore.LogType.APPLICATION_LOGS,
                    destination=aws_bedrockagentcore.LoggingDestination.cloud_watch_logs(logs),
                )
            ],
            tracing_enabled=True,
        )
        # When it is made, the service looks whether the role may have the code.
        runtime.node.add_dependency(self.role)
        self.arn = str(runtime.agent_runtime_arn)


def _artifact(
    scope: Construct, settings: Settings, *, code: Callable[[], Path], role: aws_iam.Role
) -> aws_bedrockagentcore.AgentRuntimeArtifact:
    if settings.artifact is Artifact.CODE:
        return _code(scope, code(), role)
    return _image(scope, role)


def _code(
    scope: Construct, code: Path, role: aws_iam.Role
) -> aws_bedrockagentcore.AgentRuntimeArtifact:
    zipped = aws_s3_assets.Asset(scope, "Code", path=str(code))
    let(role, "Code", ["s3:GetObject"], [zipped.bucket.arn_for_objects(zipped.s3_object_key)])
    return aws_bedrockagentcore.AgentRuntimeArtifact.from_s3(
        aws_s3.Location(bucket_name=zipped.s3_bucket_name, object_key=zipped.s3_object_key),
        aws_bedrockagentcore.AgentCoreRuntime.PYTHON_3_13,
        list(ENTRY_POINT),
    )


def _image(scope: Construct, role: aws_iam.Role) -> aws_bedrockagentcore.AgentRuntimeArtifact:
    image = aws_ecr_assets.DockerImageAsset(
        scope,
        "Image",
        directory=str(PROJECT),
        # Otherwise it would be built for the machine that deploys, and the runtime refuses others.
        platform=aws_ecr_assets.Platform.LINUX_ARM64,
    )
    image.repository.grant_pull(role)
    because = "a token for the registry has no resource that could be named"
    accept(role, "IAM5[Resource::*]", because=because)
    return aws_bedrockagentcore.AgentRuntimeArtifact.from_image_uri(image.image_uri)
