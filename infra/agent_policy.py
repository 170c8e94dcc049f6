"""What executing runs takes: the journal, the artifact store, the model, and named inputs."""

import re
from collections.abc import Iterator

from aws_cdk import Stack, aws_dynamodb, aws_iam

from infra.artifacts import Artifacts
from infra.encryption import Encryption
from infra.settings import Settings

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
    role.add_to_policy(
        aws_iam.PolicyStatement(
            sid="Journal",
            # Transactions are authorised by what is in them. DeleteItem: a child run that is taken
            # up again loses what its failure came from.
            actions=[
                f"dynamodb:{name}"
                for name in ("DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem")
            ],
            resources=[table.table_arn],
        )
    )
    artifacts.let_use(role)
    encryption.let_use(role)
    for statement in (*_models(Stack.of(role), settings.model), *_inputs(Stack.of(role), settings)):
        role.add_to_policy(statement)


def _models(stack: Stack, model: str) -> Iterator[aws_iam.PolicyStatement]:
    name = _PROFILE.sub("", model, count=1)
    if name == model:
        here = f"arn:{stack.partition}:bedrock:{stack.region}::foundation-model/{model}"
        yield aws_iam.PolicyStatement(sid="Model", actions=[_INVOKE], resources=[here])
        return
    profile = stack.format_arn(service="bedrock", resource="inference-profile", resource_name=model)
    yield aws_iam.PolicyStatement(sid="Model", actions=[_INVOKE], resources=[profile])
    yield aws_iam.PolicyStatement(
        sid="ModelOfProfile",
        actions=[_INVOKE],
        # In whichever region the profile sends a call to; AWS adds to these.
        resources=[f"arn:{stack.partition}:bedrock:*::foundation-model/{name}"],
        conditions={"StringEquals": {"bedrock:InferenceProfileArn": profile}},
    )


def _inputs(stack: Stack, settings: Settings) -> Iterator[aws_iam.PolicyStatement]:
    if settings.inputs.places:
        yield aws_iam.PolicyStatement(
            sid="Inputs",
            actions=["s3:GetObject"],
            resources=[
                f"arn:{stack.partition}:s3:::{bucket}/{prefix}*"
                for bucket, prefix in settings.inputs.places
            ],
        )
    if settings.inputs.cost_explorer:
        # Cost Explorer knows no resources.
        yield aws_iam.PolicyStatement(
            sid="CostExplorer", actions=["ce:GetCostAndUsage"], resources=["*"]
        )
