"""The template for AWS, as far as the emulator knows its types."""

import json
from collections.abc import Mapping
from typing import Any

from local.environment import ACCOUNT, REGION

#: Types that the emulator does not know, or can't make, and how they are checked instead;
#: docs/architecture.md has the same for readers.
NOT_EMULATED: Mapping[str, str] = {
    "AWS::BedrockAgentCore::Runtime": "test_runtime.py; its role test_statements.py; the agent "
    "behind it, as zip and image, test_agent_code.py and test_image.py; the calls to it, the "
    "stand-in of its data plane; schema by cfn-lint",
    "AWS::Logs::Delivery": "test_runtime.py; schema by cfn-lint",
    "AWS::Logs::DeliveryDestination": "test_runtime.py; schema by cfn-lint",
    "AWS::Logs::DeliverySource": "test_runtime.py; schema by cfn-lint",
    "AWS::XRay::ResourcePolicy": "test_runtime.py; schema by cfn-lint",
    # Its function is the CDK's own, and answers CloudFormation by HTTPS, which the emulator lacks.
    "Custom::S3AutoDeleteObjects": "test_keeping.py; the function is the CDK's",
}

#: What others in the template refer to of a resource that is left out.
_STAND_IN = "left-out"
_STAND_IN_ARN = f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT}:runtime/{_STAND_IN}"


def emulated(template: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out of a template what the emulator does not know, and nothing else."""
    resources: Mapping[str, Any] = template["Resources"]
    left_out = {name for name, it in resources.items() if it["Type"] in NOT_EMULATED}
    kept = {name: it for name, it in resources.items() if name not in left_out}
    whole = _without(left_out, {**template, "Resources": kept})
    for resource in whole["Resources"].values():
        needs = resource.pop("DependsOn", [])
        resource["DependsOn"] = [it for it in _listed(needs) if it not in left_out]
    parsed: dict[str, Any] = json.loads(json.dumps(whole))
    return parsed


def _without(left_out: set[str], value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, list):
        return [_without(left_out, each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("Ref") in left_out:
        return _STAND_IN
    name, *attribute = value.get("Fn::GetAtt", [None])
    if name in left_out:
        return _STAND_IN_ARN if "Arn" in attribute[0] else _STAND_IN
    return {key: _without(left_out, each) for key, each in value.items()}


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
