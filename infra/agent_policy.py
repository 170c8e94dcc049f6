"""What executing runs takes: the journal, the artifact store, the model, and named inputs."""

import re

from aws_cdk import Stack, aws_dynamodb, aws_iam

from infra.artifacts import Artifacts
from infra.calls import called
from infra.encryption import Encryption
from infra.inputs import Inputs
from infra.settings import Settings
from infra.statements import let

#: A cross-region inference profile: `global.`, `us.`, `us-gov.`, `eu.`, `apac.`, …
_PROFILE = re.compile(r"[a-z]{2,6}(?:-[a-z]+)?\.(?=[a-z0-9]+\.)")


def let_execute_runs(  # noqa: PLR0913 - all that runs are made of
    role: aws_iam.Role,
    *,
    caller: str,
    settings: Settings,
    table: aws_dynamodb.ITableV2,
    artifacts: Artifacts,
    encryption: Encryption,
) -> None:
    """Let a role do what workflows do where `caller` executes them."""
    let(role, "Journal", called(caller, "journal"), [table.table_arn])
    artifacts.let_use(role, caller=caller)
    encryption.let_use(role)
    _let_call(role, settings.model, caller=caller)
    _let_read(role, settings.inputs, caller=caller)


def _let_call(role: aws_iam.Role, model: str, *, caller: str) -> None:
    stack, invoke = Stack.of(role), called(caller, "model")
    name = _PROFILE.sub("", model, count=1)
    if name == model:
        here = f"arn:{stack.partition}:bedrock:{stack.region}::foundation-model/{model}"
        let(role, "Model", invoke, [here])
        return
    profile = stack.format_arn(service="bedrock", resource="inference-profile", resource_name=model)
    let(role, "Model", invoke, [profile])
    let(
        role,
        "ModelOfProfile",
        invoke,
        [f"arn:{stack.partition}:bedrock:*::foundation-model/{name}"],
        because="the profile sends a call to any of its regions, to which AWS adds; the condition "
        "lets nobody call them but through it",
        conditions={"StringEquals": {"bedrock:InferenceProfileArn": profile}},
    )


def _let_read(role: aws_iam.Role, inputs: Inputs, *, caller: str) -> None:
    partition = Stack.of(role).partition
    if inputs.places:
        let(
            role,
            "Inputs",
            called(caller, "inputs"),
            [f"arn:{partition}:s3:::{bucket}/{prefix}*" for bucket, prefix in inputs.places],
            because="each place was named in the settings, with all below it",
        )
    if inputs.cost_explorer:
        let(
            role,
            "CostExplorer",
            called(caller, "cost explorer"),
            ["*"],
            because="Cost Explorer has no resource that could be named",
        )
