"""A stack on AWS, found by its name through CloudFormation."""

from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.session import Session

from cli.environment import aws_region
from cli.errors import UnreachableError
from cli.remedies import aws_remedy
from cli.stack import Clients, Stack, said_by_aws
from runs.artifacts.base import ArtifactStore
from runs.artifacts.folder import FolderStore
from runs.artifacts.s3 import S3Store

#: A person is waiting, and reads are repeated by whoever watches.
_CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3}
)
#: The stack's parameter (or output) that says where large payloads are.
_ARTIFACTS = "ArtifactsUri"


class AwsPlace(Stack):
    """See `cli.places.StackPlace`."""

    @property
    def is_remote(self) -> bool:
        """See `StackPlace.is_remote`."""
        return True

    @property
    def is_usual(self) -> bool:
        """See `Place.is_usual`."""
        return True

    def advice(self) -> str:
        """See `StackPlace.advice`."""
        machine = self.outputs.get("StateMachineArn", "the state machine")
        letters = self.outputs.get("DeadLetterQueueUrl", "the rule's dead-letter queue")
        return f"look at the executions of {machine} and at the messages in {letters}"


def aws_place(stack: str, *, profile: str | None, region: str | None) -> AwsPlace:
    """Find a stack with the credentials the AWS CLI would use.

    Raises:
        UnreachableError: AWS can't be asked, or has no such stack.
    """
    name = f"stack {stack!r} on AWS"
    with said_by_aws(name, remedy=aws_remedy):
        clients = _clients(Session(profile=profile), region=aws_region(region))
        answer = clients("cloudformation").describe_stacks(StackName=stack)
    found: dict[str, Any] = answer["Stacks"][0]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())}
    parameters = {
        each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", ())
    }
    where = outputs.get(_ARTIFACTS) or parameters.get(_ARTIFACTS)
    if where is None:
        msg = f"{name} says nowhere where its artifacts are ({_ARTIFACTS}); is it one of Errand's?"
        raise UnreachableError(msg)
    return AwsPlace(
        name=name,
        stack_name=stack,
        outputs=outputs,
        clients=clients,
        artifacts=_artifacts(where, clients),
        remedy=aws_remedy,
    )


def _clients(session: Session, *, region: str | None) -> Clients:
    return lambda service: session.create_client(service, region_name=region, config=_CONFIG)


def _artifacts(where: str, clients: Clients) -> ArtifactStore:
    if not where.startswith("s3://"):
        return FolderStore(Path(where))
    bucket, _, prefix = where.removeprefix("s3://").partition("/")
    return S3Store(clients("s3"), bucket=bucket, prefix=prefix)
