from datetime import timedelta

import pytest

from invoker.config import Config, WebhookConfig
from invoker.errors import ConfigurationError

ENVIRON = {
    "ERRAND_TABLE": "journal",
    "ERRAND_RUNTIME_ARN": "arn:aws:bedrock-agentcore:us-east-1:000000000000:runtime/errand",
    "ERRAND_WORKFLOWS": "cost-analysis, research-report,",
    "ERRAND_ARTIFACTS": "s3://bucket/prefix",
    "ERRAND_REDISPATCH_SECONDS": "1.5",
    "ERRAND_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:approvals",
    "ERRAND_BUS": "errand-dev",
    "ERRAND_APPROVALS_URL": "https://api.example",
    "ERRAND_LINK_KEYS": "/keys",
}


def test_the_environment_is_read() -> None:
    config = Config.from_env(ENVIRON)

    assert config.table == "journal"
    assert config.workflows == {"cost-analysis", "research-report"}
    assert config.redispatch == timedelta(seconds=1.5)
    assert config.topic_arn == "arn:aws:sns:us-east-1:000000000000:approvals"
    assert (config.approvals_url, config.link_keys) == ("https://api.example", "/keys")


@pytest.mark.parametrize("name", sorted(ENVIRON))
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Config.from_env(ENVIRON | {name: " "})


@pytest.mark.parametrize("seconds", ["soon", "0", "-1", "nan", "3601"])
def test_an_interval_that_is_none_is_named_with_its_value(seconds: str) -> None:
    with pytest.raises(ConfigurationError, match=f"ERRAND_REDISPATCH_SECONDS is '?{seconds}"):
        Config.from_env(ENVIRON | {"ERRAND_REDISPATCH_SECONDS": seconds})


WEBHOOKS = {
    "ERRAND_WEBHOOKS": "https://a.example/ https://b.example/x?y=1,2",
    "ERRAND_WEBHOOK_SECRETS": "/webhook-secrets",
    "ERRAND_WEBHOOK_QUEUE": "https://sqs.example/webhooks",
    "ERRAND_WEBHOOK_PRIVATE": "no",
}


def test_the_environment_of_webhooks_is_read() -> None:
    config = WebhookConfig.from_env(WEBHOOKS)

    assert config.urls == {"https://a.example/", "https://b.example/x?y=1,2"}
    assert (config.secrets, config.allow_private) == ("/webhook-secrets", False)
    assert WebhookConfig.from_env(WEBHOOKS | {"ERRAND_WEBHOOK_PRIVATE": "yes"}).allow_private


@pytest.mark.parametrize("name", sorted(WEBHOOKS))
def test_a_missing_variable_of_webhooks_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        WebhookConfig.from_env(WEBHOOKS | {name: ""})


def test_a_switch_is_on_or_off() -> None:
    with pytest.raises(ConfigurationError, match="ERRAND_WEBHOOK_PRIVATE is 'maybe', expected yes"):
        WebhookConfig.from_env(WEBHOOKS | {"ERRAND_WEBHOOK_PRIVATE": "maybe"})
