"""Settings come from the environment, or a sentence says which one is wrong."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from agent.config import Config, DynamoTarget, FolderTarget, S3Target, SqliteTarget
from agent.errors import ConfigError
from runs.budget import Budget

NO_AWS = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}


def read(**variables: str) -> Config:
    return Config.from_env(NO_AWS | variables)


def test_nothing_needs_to_be_set() -> None:
    config = read()

    assert config.journal == SqliteTarget(Path(".errand/journal.db"))
    assert config.artifacts == FolderTarget(Path(".errand/artifacts"))
    assert (config.port, config.host) == (8080, None)
    assert (config.debug, config.model.provider) == (False, "offline")
    assert config.limits.lease_seconds == 6


def test_the_cloud_has_longer_leases() -> None:
    config = read(ERRAND_JOURNAL="dynamodb:runs", ERRAND_ARTIFACTS="s3://bucket/some/prefix/")

    assert config.journal == DynamoTarget("runs")
    assert config.artifacts == S3Target("bucket", "some/prefix")
    assert config.limits.lease_seconds == 60


def test_everything_can_be_set() -> None:
    config = read(
        ERRAND_LEASE_SECONDS="12.5",
        ERRAND_STALL_AFTER="60",
        ERRAND_PARK_AFTER="0",
        ERRAND_DEBUG="1",
        ERRAND_MODEL="bedrock:x",
        PORT="9090",
        ERRAND_HOST="127.0.0.1",
    )

    assert config.limits.lease_seconds == 12.5
    assert config.limits.stall_after == timedelta(minutes=1)
    assert config.limits.park_after == timedelta(0)
    assert (config.port, config.host) == (9090, "127.0.0.1")
    assert (config.debug, config.model.model_id) == (True, "x")


def test_runs_asked_for_without_limits_may_be_given_some() -> None:
    config = read(ERRAND_MAX_TOKENS="200000", ERRAND_MAX_COST="0.5", ERRAND_MAX_SECONDS="600")

    assert config.budget == Budget(max_tokens=200_000, max_cost_usd=Decimal("0.5"), max_seconds=600)
    assert not read().budget.is_set


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("ERRAND_MAX_TOKENS", "many", "is 'many', expected a number"),
        ("ERRAND_MAX_TOKENS", "0.5", "is 0.5, expected 1 to 1,000,000,000,000"),
        ("ERRAND_MAX_COST", "-1", "is -1.0, expected 0.0001 to 1,000,000"),
        ("ERRAND_MAX_SECONDS", "nan", "is nan, expected 1 to 2,592,000"),
        ("ERRAND_PRICES", "nowhere.toml", "names 'nowhere.toml', which is no price table"),
        ("ERRAND_JOURNAL", "postgres:x", "expected 'sqlite:<path>' or 'dynamodb:<table>'"),
        ("ERRAND_JOURNAL", "sqlite:", "expected 'sqlite:<path>'"),
        ("ERRAND_ARTIFACTS", "s3:///x", "expected 's3://<bucket>/<prefix>'"),
        ("ERRAND_LEASE_SECONDS", "soon", "expected a number from 1 to 3600"),
        ("ERRAND_LEASE_SECONDS", "0", "expected a number from 1 to 3600"),
        ("ERRAND_STALL_AFTER", "nan", "expected a number from 1 to 86400"),
        ("ERRAND_DEBUG", "yes please", "expected 0 or 1"),
        ("ERRAND_MODEL", "gpt", "expected one of"),
        ("PORT", "99999", "expected a number from 0 to 65535"),
    ],
)
def test_a_setting_that_can_not_be_used_is_named_with_its_value(
    variable: str, value: str, expected: str
) -> None:
    with pytest.raises(ConfigError, match=variable) as refused:
        read(**{variable: value})

    assert expected in str(refused.value)
    assert value in str(refused.value)
