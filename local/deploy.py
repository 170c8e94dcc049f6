"""Deploying a synthesised template into the emulator, with boto3 alone."""

import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from local.assembly import Assembly
from local.clients import Client, local_client
from local.errors import DeploymentError

_BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
_BOOTSTRAP_VERSION = "31"
_TEMPLATES = "errand-templates"
_POLL_SECONDS = 0.05
_TIMEOUT_SECONDS = 120.0


def deploy(assembly: Assembly, *, endpoint: str, parameters: Mapping[str, str]) -> dict[str, str]:
    """Bring the emulator's stack to a template, and give the stack's outputs.

    Doing it again with the same template changes nothing.

    Args:
        assembly: What to deploy.
        endpoint: The emulator.
        parameters: Values for the template's parameters; those it does not have are left out.

    Raises:
        DeploymentError: A resource failed; the message says which and why.
    """
    template_url = _upload(assembly, endpoint)
    local_client("ssm", endpoint).put_parameter(
        Name=_BOOTSTRAP_PARAMETER, Value=_BOOTSTRAP_VERSION, Type="String", Overwrite=True
    )
    client = local_client("cloudformation", endpoint)
    request = {
        "StackName": assembly.stack_name,
        "TemplateURL": template_url,
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in parameters.items()
            if name in assembly.parameters
        ],
    }
    _submit(client, request)
    return _outputs(client, assembly.stack_name)


def _upload(assembly: Assembly, endpoint: str) -> str:
    """Upload what the template names, and the template: a request has room for 51,200 bytes."""
    client = local_client("s3", endpoint)
    for bucket in sorted({asset.bucket for asset in assembly.assets}):
        client.create_bucket(Bucket=bucket)
    for asset in assembly.assets:
        client.put_object(Bucket=asset.bucket, Key=asset.key, Body=asset.read())
    key = f"{assembly.stack_name}.json"
    client.create_bucket(Bucket=_TEMPLATES)
    client.put_object(Bucket=_TEMPLATES, Key=key, Body=assembly.template.encode())
    return f"{endpoint}/{_TEMPLATES}/{key}"


def _submit(client: Client, request: Mapping[str, Any]) -> None:
    name = request["StackName"]
    found = _find(client, name)
    try:
        if found is None:
            client.create_stack(**request)
        else:
            client.update_stack(**request)
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise DeploymentError(name, "not accepted", reasons=(str(error),)) from error


def _outputs(client: Client, name: str) -> dict[str, str]:
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while True:
        stack = _find(client, name)
        status = "missing" if stack is None else stack["StackStatus"]
        if stack and status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return {out["OutputKey"]: out["OutputValue"] for out in stack.get("Outputs", ())}
        if not status.endswith("_IN_PROGRESS") or time.monotonic() > deadline:
            raise DeploymentError(name, status, reasons=_reasons(client, name))
        time.sleep(_POLL_SECONDS)


def _find(client: Client, name: str) -> dict[str, Any] | None:
    try:
        stack: dict[str, Any] = client.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack


def _reasons(client: Client, name: str) -> tuple[str, ...]:
    events = client.describe_stack_events(StackName=name)["StackEvents"]
    return tuple(
        f"{event['LogicalResourceId']} ({event['ResourceType']}): "
        f"{event.get('ResourceStatusReason', 'no reason given')}"
        for event in reversed(events)
        if event["ResourceStatus"].endswith("_FAILED")
    )
