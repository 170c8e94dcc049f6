from pathlib import Path

import pytest

from infra.settings import REGISTRY, Settings, Target, workflow_names


def test_the_local_stack_looks_more_often_than_the_cloud_s() -> None:
    local = Settings.from_context(target="local", stage=None)
    cloud = Settings.from_context(target="aws", stage=None)

    assert local.pace.poll_seconds < cloud.pace.poll_seconds
    assert (local.stack_name, cloud.stack_name) == ("errand-local", "errand-dev")
    assert local.is_local
    assert not cloud.is_local


@pytest.mark.parametrize("target", [None, "", "azure"])
def test_a_target_nobody_knows_is_told_with_those_there_are(target: str | None) -> None:
    with pytest.raises(ValueError, match=f"'target' is {target!r}, expected one of: local, aws"):
        Settings.from_context(target=target, stage=None)


@pytest.mark.parametrize("stage", ["Prod", "1st", "a" * 21, "a_b", "-a"])
def test_a_stage_that_could_not_name_resources_is_refused(stage: str) -> None:
    with pytest.raises(ValueError, match="expected at most 20 lower case letters"):
        Settings.from_context(target=Target.AWS, stage=stage)


@pytest.mark.parametrize("address", ["ada", "ada@", "@example.com", "ada@example", "a b@c.de"])
def test_an_address_that_is_none_is_told(address: str) -> None:
    with pytest.raises(ValueError, match=f"notify has {address!r}, expected e-mail addresses"):
        Settings.from_context(target="aws", stage=None, notify=f"bob@example.com,{address}")


def test_nobody_is_told_by_default() -> None:
    assert Settings.from_context(target="aws", stage=None).notify == ()


def test_the_workflows_are_those_of_the_agent_s_registry() -> None:
    assert Settings.from_context(target="aws", stage=None).workflows == workflow_names(REGISTRY)
    assert "cost-analysis" in workflow_names(REGISTRY)


def test_a_registry_without_workflows_is_refused(tmp_path: Path) -> None:
    registry = tmp_path / "registry.toml"
    registry.write_text("# none\n")

    with pytest.raises(ValueError, match="there are no workflows"):
        Settings.from_context(target="aws", stage=None, registry=registry)
