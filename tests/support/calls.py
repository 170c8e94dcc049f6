"""Calls of AWS APIs as they were recorded, and what IAM asks for each."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: On the path of processes that import nothing else of the tests.
PLUGIN = Path(__file__).with_name("calls_plugin")
_PLUGIN_HERE = "tests.support.calls_plugin.errand_calls"

#: DynamoDB authorises a transaction by what is in it:
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
_IN_TRANSACTION = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}
#: Services that IAM knows by another name than botocore.
_PREFIXES = {"bedrock-runtime": "bedrock", "stepfunctions": "states"}
#: Operations that need the leave for another action; the API's reference says so for each.
_ACTIONS = {
    ("bedrock-runtime", "Converse"): "bedrock:InvokeModel",
    ("bedrock-runtime", "ConverseStream"): "bedrock:InvokeModelWithResponseStream",
    ("s3", "HeadObject"): "s3:GetObject",
}
#: The parameter that says what a call is about. The Service Authorization Reference names the
#: resources of each action: https://docs.aws.amazon.com/service-authorization/latest/reference/
_TOLD_BY = {
    "bedrock-agentcore": ("agentRuntimeArn",),
    "bedrock-runtime": ("modelId",),
    "lambda": ("DurableExecutionArn", "CallbackId"),
    "s3": ("Bucket",),
    "secretsmanager": ("SecretId",),
    "sns": ("TopicArn",),
    "sqs": ("QueueUrl",),
    "stepfunctions": ("stateMachineArn", "executionArn", "taskToken"),
}


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """What a call needs leave for: an action on something, named as the call names it."""

    service: str
    action: str
    on: str


def environment(file: Path, *, is_fork: bool = False) -> dict[str, str]:
    """Give the variables that have a process's calls written to a file.

    Args:
        file: Which.
        is_fork: The process is this one's own, and reads no path.
    """
    variables = {"BOTOCORE_EXPERIMENTAL__PLUGINS": "calls=errand_calls", "ERRAND_CALLS": str(file)}
    if is_fork:
        return variables | {"BOTOCORE_EXPERIMENTAL__PLUGINS": f"calls={_PLUGIN_HERE}"}
    return variables | {"PYTHONPATH": str(PLUGIN)}


def needs_in(file: Path) -> set[Need]:
    """Read what the calls in a file need; none, if nothing was called."""
    if not file.exists():
        return set()
    with file.open(encoding="utf-8") as lines:
        return {need for line in lines for need in needs_of(**json.loads(line))}


def needs_of(service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[Need]:
    """Give what one call needs.

    Raises:
        ValueError: It is not known here what it is about.
    """
    action = _ACTIONS.get((service, operation), f"{_PREFIXES.get(service, service)}:{operation}")
    about = _SPECIAL.get(service)
    if about is not None:
        for name, on in about(operation, parameters):
            yield Need(service, name or action, on)
        return
    told = [parameters[name] for name in _TOLD_BY.get(service, ()) if name in parameters]
    if not told:
        msg = f"{service} {operation} with {sorted(parameters)}: nothing known says what it is on"
        raise ValueError(msg)
    yield Need(service, action, str(told[0]))


def _of_table(operation: str, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if operation == "TransactWriteItems":
        for write in parameters["TransactItems"]:
            ((kind, item),) = write.items()
            yield f"dynamodb:{_IN_TRANSACTION[kind]}", item["TableName"]
        return
    if operation == "BatchGetItem":
        for table in parameters["RequestItems"]:
            yield "", table
        return
    index = parameters.get("IndexName")
    yield "", f"{parameters['TableName']}/index/{index}" if index else parameters["TableName"]


def _of_bus(_: str, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for entry in parameters["Entries"]:
        yield "", entry["EventBusName"]


def _of_costs(_: str, _parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "", "*"


_SPECIAL: Mapping[str, Callable[[str, Mapping[str, Any]], Iterator[tuple[str, str]]]] = {
    "ce": _of_costs,
    "dynamodb": _of_table,
    "events": _of_bus,
}
