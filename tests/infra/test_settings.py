from datetime import timedelta
from pathlib import Path

import pytest

from infra.scheduled import Schedule
from infra.settings import (
    CONTEXT,
    REGISTRY,
    Artifact,
    Keys,
    Settings,
    workflow_names,
)


def settings(**context: object) -> Settings:
    """Make settings for AWS; words of a name are joined by '-' in a context."""
    return Settings.from_context(
        {"target": "aws", **{name.replace("_", "-"): value for name, value in context.items()}}
    )


def test_the_local_stack_looks_more_often_than_the_cloud_s() -> None:
    local, cloud = settings(target="local"), settings()

    assert local.pace.poll_seconds < cloud.pace.poll_seconds
    assert (local.stack_name, cloud.stack_name) == ("errand-local", "errand-dev")
    assert local.is_local
    assert not cloud.is_local


def test_what_nobody_asked_for_is_the_least_there_is() -> None:
    chosen = settings()

    assert chosen.artifact is Artifact.CODE
    assert chosen.keys is Keys.AWS
    assert chosen.inputs.places == ()
    assert not chosen.inputs.cost_explorer
    assert chosen.schedule is None
    assert chosen.notify == ()


@pytest.mark.parametrize("target", [None, "", "azure"])
def test_a_target_nobody_knows_is_told_with_those_there_are(target: str | None) -> None:
    with pytest.raises(ValueError, match=r"'target' is .*, expected one of: local, aws"):
        settings(target=target)


@pytest.mark.parametrize("stage", ["Prod", "1st", "a" * 21, "a_b", "-a"])
def test_a_stage_that_could_not_name_resources_is_refused(stage: str) -> None:
    with pytest.raises(ValueError, match="expected at most 20 lower case letters"):
        settings(stage=stage)


@pytest.mark.parametrize("address", ["ada", "ada@", "@example.com", "ada@example", "a b@c.de"])
def test_an_address_that_is_none_is_told(address: str) -> None:
    with pytest.raises(ValueError, match=f"notify has {address!r}, expected e-mail addresses"):
        settings(notify=f"bob@example.com,{address}")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("artifact", "zip", "'artifact' is 'zip', expected one of: code, container"),
        ("kms", "mine", "'kms' is 'mine', expected one of: aws, own"),
        ("durable", "yes", "'durable' is 'yes', expected one of: on, off"),
        ("stage", 3, "'stage' is 3, expected text"),
        ("longest_run", "2", "'longest-run' is '2', expected hours and minutes like '2h30m'"),
        ("longest_run", "8h", "longest-run is 8:00:00, expected 1m to 7h45m"),
        ("longest_run", "0m", "longest-run is 0:00:00, expected 1m to 7h45m"),
        ("model", "a model", "model is 'a model', expected the id of a model"),
        ("inputs", "aws,bills", "inputs has 'bills', expected 'aws' or 's3://<bucket>"),
        ("inputs", "s3://bills/*", "inputs has 's3://bills/\\*', expected 'aws' or"),
        ("unitok", "unitok.example", "unitok is 'unitok.example', expected an address"),
        ("schedule", "rate(1 day)", "schedule-request is {}, expected a request with a 'prompt'"),
        ("schedule_request", "{}, ", "'schedule-request' is '{},', expected a JSON object"),
        ("schedule_request", '["aws"]', "'schedule-request' is .*, expected a JSON object"),
        ("schedule_request", '{"input": "aws"}', "schedule-request is given without a schedule"),
    ],
)
def test_a_wrong_value_is_told_with_what_was_expected(
    name: str, value: object, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        settings(**{name: value})


@pytest.mark.parametrize(
    ("slip", "meant"),
    [("longest_run", "longest-run"), ("longestrun", "longest-run"), ("targets", "target")],
)
def test_a_slip_of_a_name_is_told(slip: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f"context has {slip!r}, expected {meant!r}"):
        Settings.from_context({"target": "aws", slip: "2h"})


def test_names_of_the_cdk_are_left_to_it() -> None:
    Settings.from_context(
        {
            "target": "aws",
            "aws:cdk:bundling-stacks": [],
            "@aws-cdk/core:stackRelativeExports": True,
            "acknowledged-issue-numbers": [1],
            "availability-zones:account=000000000000:region=us-east-1": ["us-east-1a"],
        }
    )


def test_the_emulator_is_not_asked_for_a_schedule() -> None:
    with pytest.raises(ValueError, match="schedule is for target aws: the emulator runs none"):
        settings(target="local", schedule="rate(1 day)", schedule_request='{"prompt": "?"}')


def test_times_that_are_none_are_told() -> None:
    with pytest.raises(ValueError, match="schedule is 'daily', expected cron"):
        settings(schedule="daily", schedule_request='{"prompt": "?"}')


def test_each_value_is_taken() -> None:
    chosen = settings(
        artifact="container",
        kms="own",
        durable="off",
        longest_run="2h30m",
        model="eu.amazon.nova-pro-v1:0",
        inputs="aws, s3://bills/exports/, s3://more-bills",
        unitok="https://unitok.example/api",
        schedule="cron(0 6 ? * MON *)",
        schedule_request='{"prompt": "What stands out?"}',
    )

    assert chosen.artifact is Artifact.CONTAINER
    assert chosen.keys is Keys.OWN
    assert not chosen.durable
    assert chosen.longest_run == timedelta(hours=2, minutes=30)
    assert chosen.model == "eu.amazon.nova-pro-v1:0"
    assert chosen.inputs.cost_explorer
    assert chosen.inputs.places == (("bills", "exports/"), ("more-bills", ""))
    assert chosen.unitok == "https://unitok.example/api"
    assert chosen.schedule == Schedule(
        times="cron(0 6 ? * MON *)", request={"prompt": "What stands out?"}
    )


def test_a_session_lives_a_little_longer_than_the_longest_run_and_no_longer_than_it_can() -> None:
    assert settings(longest_run="2h").longest_session == timedelta(hours=2, minutes=15)
    assert settings().longest_session == timedelta(hours=8)


def test_every_name_of_the_context_is_read() -> None:
    """A name that is known and never read would be taken and do nothing."""
    read: set[str] = set()

    class Context(dict[str, object]):
        def get(self, name: str, default: object = None) -> object:
            read.add(name)
            return super().get(name, default)

    Settings.from_context(Context(target="aws"))

    assert read == CONTEXT


def test_only_production_outlives_its_stack() -> None:
    assert settings(stage="prod").is_prod
    assert not settings(stage="dev").is_prod


def test_the_workflows_are_those_of_the_agent_s_registry() -> None:
    assert settings().workflows == workflow_names(REGISTRY)
    assert "cost-analysis" in workflow_names(REGISTRY)


def test_a_registry_without_workflows_is_refused(tmp_path: Path) -> None:
    registry = tmp_path / "registry.toml"
    registry.write_text("# none\n")

    with pytest.raises(ValueError, match="there are no workflows"):
        Settings.from_context({"target": "aws"}, registry=registry)
