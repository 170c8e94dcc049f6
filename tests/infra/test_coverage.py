"""Production's template, deployed: every type that the emulator knows, and a list of the others."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.settings import PROJECT
from local.assembly import Assembly, read_assembly
from local.deploy import deploy
from local.errors import DeploymentError
from local.own_emulator import RunningEmulator
from tests.support.emulated import NOT_EMULATED, emulated
from tests.support.probes import PROBES, Deployed
from tests.support.stack import running_emulator
from tests.support.template import Synthesised

#: Goes with its function, whatever its policy says: the CDK keeps versions over updates.
VERSION = "AWS::Lambda::Version"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """An emulator of one's own: production has names that an account can have only once."""
    with running_emulator(tmp_path_factory.mktemp("production")) as running:
        yield running


def deployed(own: RunningEmulator, synthesised: Synthesised) -> Deployed:
    assembly = read_assembly(synthesised.file.parent)
    template = emulated(synthesised.template)
    deploy(replace(assembly, template=json.dumps(template)), endpoint=own.endpoint, parameters={})
    client = own.client("cloudformation")
    pages = client.get_paginator("list_stack_resources").paginate(StackName=assembly.stack_name)
    found = [each for page in pages for each in page["StackResourceSummaries"]]
    ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}
    return Deployed(own, template["Resources"], ids)


def destroyed(own: RunningEmulator, name: str) -> None:
    client = own.client("cloudformation")
    client.delete_stack(StackName=name)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            status = client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        except ClientError:
            return
        if status == "DELETE_COMPLETE":
            return
        assert status == "DELETE_IN_PROGRESS"
        time.sleep(0.05)
    pytest.fail(f"{name} is still there")


def there(stack: Deployed, name: str) -> bool:
    try:
        stack.probe(name)
    except (ClientError, LookupError):
        return False
    return True


def test_production_comes_up_as_a_whole_and_leaves_only_what_it_keeps(
    own: RunningEmulator, in_full: Synthesised
) -> None:
    stack = deployed(own, in_full)
    missing = [name for name in stack.resources if not there(stack, name)]

    destroyed(own, "errand-prod")
    left = {name for name in stack.resources if there(stack, name)}

    assert missing == []
    assert left == {
        name
        for name, it in stack.resources.items()
        if it.get("DeletionPolicy", "Delete") != "Delete" and it["Type"] != VERSION
    }


def test_every_type_is_deployed_on_the_emulator_or_listed_with_how_it_is_checked(
    on_aws: Synthesised, in_full: Synthesised
) -> None:
    types = {
        it["Type"]
        for synthesised in (on_aws, in_full)
        for it in synthesised.template["Resources"].values()
    }

    assert types == PROBES.keys() | NOT_EMULATED.keys()


@pytest.mark.parametrize("kind", sorted(it for it in NOT_EMULATED if it.startswith("AWS::")))
def test_what_is_listed_is_still_unknown_to_the_emulator(own: RunningEmulator, kind: str) -> None:
    template: dict[str, Any] = {"Resources": {"It": {"Type": kind, "Properties": {}}}}
    assembly = Assembly(stack_name="unknown", template=json.dumps(template), assets=())

    with pytest.raises(DeploymentError, match=kind):
        deploy(assembly, endpoint=own.endpoint, parameters={})


def test_readers_are_told_what_is_checked_otherwise() -> None:
    page = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")

    assert [kind for kind in NOT_EMULATED if f"`{kind}`" not in page] == []


def test_what_checks_the_others_is_there() -> None:
    named = {
        word.rstrip(";,")
        for how in NOT_EMULATED.values()
        for word in how.split()
        if word.rstrip(";,").endswith(".py")
    }

    assert [name for name in named if not Path(__file__).with_name(name).is_file()] == []
