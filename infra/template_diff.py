"""What a template changes of the one before, and which of its changes destroy what is kept."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cfnlint.schema import ResourceNotFoundError
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

#: A template's resources by their logical ids: `Type`, `Properties`, `DeletionPolicy`.
Resources = Mapping[str, Mapping[str, Any]]

#: What deployments lose with a resource of a type.
KEPT_IN = {
    "AWS::ApiGatewayV2::Api": "the address in letters that were sent",
    "AWS::BedrockAgentCore::Runtime": "the sessions of runs at work",
    "AWS::DynamoDB::GlobalTable": "the journal",
    "AWS::Events::EventBus": "the rules that others made on it",
    "AWS::KMS::Key": "whatever it encrypts",
    "AWS::S3::Bucket": "artifacts",
    "AWS::SNS::Topic": "subscriptions, which people confirmed",
    "AWS::SQS::Queue": "messages",
    "AWS::SecretsManager::Secret": "keys, and with them open links",
    "AWS::StepFunctions::StateMachine": "the executions of runs at work",
}

#: The service's own schemas, which cfn-lint ships, say which properties an update can't change.
_REGION = "us-east-1"
_CREATE_ONLY = ("createOnlyProperties", "conditionalCreateOnlyProperties")
#: Of code and bundles: new with each change of the code, and no change of the template.
_HASH = re.compile(r"[0-9a-f]{20,}")
_NO_HASH = "…"
#: From the safest on: whoever goes to the right takes something away.
_DELETION_POLICIES = ("Retain", "RetainExceptOnCreate", "Snapshot", "Delete")


class Kind(StrEnum):
    """How a resource differs."""

    ADDED = "added"
    REMOVED = "removed"
    #: CloudFormation makes a new one and removes the old one.
    REPLACED = "replaced"
    CHANGED = "changed"
    #: It would go with its stack, or on replacement, and did not before.
    EXPOSED = "no longer kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One resource that is not as it was."""

    kind: Kind
    resource: str
    type: str
    #: The properties that differ.
    properties: tuple[str, ...] = ()

    @property
    def loss(self) -> str | None:
        """Say what is lost with it; None if nothing that is kept."""
        is_harmless = self.kind in {Kind.ADDED, Kind.CHANGED}
        return None if is_harmless else KEPT_IN.get(self.type)

    def __str__(self) -> str:
        of = f" ({', '.join(self.properties)})" if self.properties else ""
        loss = f": {self.loss} would be lost" if self.loss else ""
        return f"{self.kind} {self.type} {self.resource}{of}{loss}"


def plain(resources: Resources) -> dict[str, dict[str, Any]]:
    """Give resources without what differs from one build of the code to the next."""
    return {
        _without_hashes(name): {
            key: _without_hashes(resource[key])
            for key in ("Type", "DeletionPolicy", "Properties")
            if key in resource
        }
        for name, resource in sorted(resources.items())
    }


def differences(before: Resources, after: Resources) -> list[Difference]:
    """Compare two templates' resources, as `plain` gives them, in the order of their names."""
    return [
        found
        for name in sorted(before.keys() | after.keys())
        for found in _compared(name, before.get(name), after.get(name))
    ]


def _compared(
    name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> Iterator[Difference]:
    if before is None or after is None:
        kind, there = (Kind.ADDED, after) if before is None else (Kind.REMOVED, before)
        yield Difference(kind=kind, resource=name, type=(there or {})["Type"])
        return
    if before["Type"] != after["Type"]:
        yield Difference(kind=Kind.REPLACED, resource=name, type=before["Type"])
        return
    old, new = before.get("Properties", {}), after.get("Properties", {})
    fixed = tuple(path for path in _create_only(before["Type"]) if _at(old, path) != _at(new, path))
    changed = tuple(sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key)))
    if changed:
        kind = Kind.REPLACED if fixed else Kind.CHANGED
        yield Difference(kind=kind, resource=name, type=before["Type"], properties=fixed or changed)
    if _exposure(after) > _exposure(before):
        yield Difference(kind=Kind.EXPOSED, resource=name, type=before["Type"])


def _exposure(resource: Mapping[str, Any]) -> int:
    return _DELETION_POLICIES.index(resource.get("DeletionPolicy", "Delete"))


def _create_only(resource_type: str) -> Iterator[str]:
    """Give the paths of properties that only a new resource can have otherwise."""
    try:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, resource_type).schema
    except ResourceNotFoundError:
        return
    for key in _CREATE_ONLY:
        for path in schema.get(key, ()):
            yield path.removeprefix("/properties/").partition("/*")[0]


def _at(properties: Mapping[str, Any], path: str) -> object:
    found: Any = properties
    for name in path.split("/"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _without_hashes(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        return _HASH.sub(_NO_HASH, value)
    if isinstance(value, Mapping):
        return {name: _without_hashes(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_without_hashes(each) for each in value]
    return value
