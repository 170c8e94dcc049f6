"""What executing runs takes: the journal, the artifact store, the model, and named inputs."""

import re

from aws_cdk import Stack, aws_dynamodb, aws_iam

from infra.artifacts import Artifacts
from infra.encryption import Encryption
from infra.inputs import Inputs
from infra.settings import Settings
from infra.statements import let

#: A cross-region inference profile: `global.`, `us.`, `us-gov.`, `eu.`, `apac.`, …
_PROFILE = re.compile(r"[a-z]{2,6}(?:-[a-z]+)?\.(?=[a-z0-9]+\.)")
#: The agents' models stream their answers; nothing calls the action without.
_INVOKE = "bedrock:InvokeModelWithResponseStream"


def let_execute_runs(
    role: aws_iam.Role,
    *,
    settings: Settings,
    table: aws_dynamodb.ITableV2,
    artifacts: Artifacts,
    encryption: Encryption,
) -> None:
    """Let a role do what every workflow does, wherever it is executed."""
    # Transactions are authorised by what is in them. DeleteItem: a child run that is taken up again
    # loses what its failure came from.
    actions = ("DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem")
    let(role, "Journal", [f"dynamodb:{each}" for each in actions], [table.table_arn])
    artifacts.let_use(role)
    encryption.let_use(role)
    _let_call(role, settings.model)
    _let_read(role, settings.inputs)


def _let_call(role: aws_iam.Role, model: str) -> None:
    stack = Stack.of(role)
    name = _PROFILE.sub("", model, count=1)
    if name == model:
        here = f"arn:{stack.partition}:bedrock:{stack.region}::foundation-model/{model}"
        let(role, "Model", [_INVOKE], [here])
        return
    profile = stack.format_arn(service="bedrock", resource="inference-profile", resource_name=model)
    let(role, "Model", [_INVOKE], [profile])
    let(
        role,
        "ModelOfProfile",
        [_INVOKE],
        [f"arn:{stack.partition}:bedrock:*::foundation-model/{name}"],
        because="the profile sends a call to any of its regions, to which AWS adds; the condition "
        "lets nobody call them but through it",
        conditions={"StringEquals": {"bedrock:InferenceProfileArn": profile}},
    )


def _let_read(role: aws_iam.Role, inputs: Inputs) -> None:
    partition = Stack.of(role).partition
    if inputs.places:
        let(
            role,
            "Inputs",
            ["s3:GetObject"],
            [f"arn:{partition}:s3:::{bucket}/{prefix}*" for bucket, prefix in inputs.places],
            because="each place was named in the settings, with all below it",
        )
    if inputs.cost_explorer:
        let(
            role,
            "CostExplorer",
            ["ce:GetCostAndUsage"],
            ["*"],
            because="Cost Explorer has no resource that could be named",
        )
