"""Deploying templates into the emulator."""

import json
from typing import Any

import pytest

from local.assembly import Assembly
from local.deploy import deploy
from local.errors import DeploymentError
from local.own_emulator import RunningEmulator


def assembly(name: str, *, queues: int = 1, **resources: object) -> Assembly:
    template: dict[str, Any] = {
        "Parameters": {"Owner": {"Type": "String"}},
        "Resources": {
            **{f"Queue{number}": {"Type": "AWS::SQS::Queue"} for number in range(queues)},
            **resources,
        },
        "Outputs": {
            "Owner": {"Value": {"Ref": "Owner"}},
            "Last": {"Value": {"Ref": f"Queue{queues - 1}"}},
        },
    }
    return Assembly(stack_name=name, template=json.dumps(template), assets=())


def test_outputs_and_parameters_come_through_and_unknown_parameters_are_left_out(
    emulator: RunningEmulator,
) -> None:
    parameters = {"Owner": "errand", "Unknown": "x"}

    outputs = deploy(assembly("first"), endpoint=emulator.endpoint, parameters=parameters)

    assert outputs["Owner"] == "errand"
    assert outputs["Last"].startswith("http://")


def test_deploying_again_changes_nothing_and_a_changed_template_is_followed(
    emulator: RunningEmulator,
) -> None:
    parameters = {"Owner": "errand"}
    first = deploy(assembly("again"), endpoint=emulator.endpoint, parameters=parameters)

    same = deploy(assembly("again"), endpoint=emulator.endpoint, parameters=parameters)
    more = deploy(assembly("again", queues=2), endpoint=emulator.endpoint, parameters=parameters)

    assert same == first
    assert "Queue1" in more["Last"]


def test_a_resource_that_fails_is_named_with_its_reason(emulator: RunningEmulator) -> None:
    layer = "arn:aws:lambda:us-east-1:000000000000:layer:none:1"
    code = {"ZipFile": "def handler(event, context): pass"}
    broken = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Code": code,
            "Handler": "index.handler",
            "Layers": [layer],
            "Role": "arn:aws:iam::000000000000:role/none",
            "Runtime": "python3.13",
        },
    }

    with pytest.raises(DeploymentError, match=r"Invoker \(AWS::Lambda::Function\): .*layer"):
        deploy(
            assembly("failing", Invoker=broken),
            endpoint=emulator.endpoint,
            parameters={"Owner": "errand"},
        )


def test_a_template_that_is_refused_is_quoted(emulator: RunningEmulator) -> None:
    unknown = {"Type": "AWS::No::Such"}

    with pytest.raises(DeploymentError, match=r"stack 'refused' is not accepted: .*AWS::No::Such"):
        deploy(
            assembly("refused", Odd=unknown),
            endpoint=emulator.endpoint,
            parameters={"Owner": "errand"},
        )
