"""Webhooks in the template: who gets what, how often it is tried, and what the function may do."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.settings import Settings
from invoker.hooks import PAUSES
from invoker.posting import ANSWER_SECONDS, CONNECT_SECONDS
from invoker.signing import parse_secrets
from tests.support.template import Synthesised

FUNCTION = "AWS::Lambda::Function"
QUEUE = "AWS::SQS::Queue"
URLS = ("https://hooks.example/errand?team=a", "https://b.example/")


def test_nothing_is_posted_where_nobody_asked_for_it(on_aws: Synthesised) -> None:
    assert not [name for name in on_aws.template["Resources"] if name.startswith("Webhooks")]


def test_each_receiver_gets_what_is_announced_and_no_requests(in_full: Synthesised) -> None:
    rule = in_full.only("AWS::Events::Rule", "Webhooks")

    queue = {"Fn::GetAtt": [in_full.id_of(QUEUE, "WebhooksQueue"), "Arn"]}
    assert rule["EventPattern"] == {
        "source": ["errand"],
        "detail-type": [{"anything-but": ["Run Requested"]}],
        "detail": {"specversion": ["1.0"]},
    }
    assert [each["Arn"] for each in rule["Targets"]] == [queue, queue]
    for target, url in zip(rule["Targets"], URLS, strict=True):
        transformer = target["InputTransformer"]
        assert transformer["InputPathsMap"] == {"detail": "$.detail"}
        filled = transformer["InputTemplate"].replace("<detail>", '{"id": "1"}')
        assert json.loads(filled) == {"url": url, "event": {"id": "1"}}


def test_there_is_one_try_more_than_there_are_pauses(in_full: Synthesised) -> None:
    queue = in_full.only(QUEUE, "WebhooksQueue")

    dead = in_full.id_of(QUEUE, "WebhooksDeadLetters")
    assert queue["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": [dead, "Arn"]},
        "maxReceiveCount": len(PAUSES) + 1,
    }
    assert queue["MessageRetentionPeriod"] > sum(PAUSES)


def test_a_try_ends_before_its_function_does(in_full: Synthesised) -> None:
    function = in_full.only(FUNCTION, "Webhooks")
    (mapping,) = (
        each["Properties"]
        for name, each in in_full.of_type("AWS::Lambda::EventSourceMapping").items()
        if name.startswith("Webhooks")
    )

    assert function["Timeout"] > 2 * CONNECT_SECONDS + 2 * ANSWER_SECONDS
    assert in_full.only(QUEUE, "WebhooksQueue")["VisibilityTimeout"] >= 6 * function["Timeout"]
    # One that keeps its function waiting keeps no other event.
    assert mapping["BatchSize"] == 1
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_the_function_gets_its_whole_configuration(in_full: Synthesised) -> None:
    function = in_full.only(FUNCTION, "Webhooks")
    variables = function["Environment"]["Variables"]

    assert function["Handler"] == "invoker.webhooks.handler"
    assert variables["ERRAND_WEBHOOKS"].split() == list(URLS)
    # On AWS no receiver is in a network of ours.
    assert variables["ERRAND_WEBHOOK_PRIVATE"] == "no"


def test_a_secret_is_made_that_signs(in_full: Synthesised) -> None:
    made = in_full.only("AWS::SecretsManager::Secret", "Webhooks")["GenerateSecretString"]

    assert made == {"ExcludePunctuation": True, "PasswordLength": 44}
    assert len(parse_secrets(["Aa0z" * (made["PasswordLength"] // 4)])[0]) == 33


def test_on_a_laptop_secrets_are_in_a_file_and_receivers_on_this_machine(tmp_path: Path) -> None:
    local = webhooks_on_a_laptop(tmp_path)

    (parameter,) = (each for each in local["Parameters"] if each.startswith("Webhook"))
    functions = [each for each in local["Resources"].values() if each["Type"] == FUNCTION]
    (variables,) = (each["Properties"]["Environment"]["Variables"] for each in functions)
    assert variables["ERRAND_WEBHOOK_SECRETS"] == {"Ref": parameter}
    assert variables["ERRAND_WEBHOOK_PRIVATE"] == "yes"
    # The supervisor gives it by this name.
    assert parameter == "WebhookKeysFile"


def webhooks_on_a_laptop(code: Path) -> dict[str, Any]:
    """Synthesise the construct by itself: the whole stack takes seconds."""
    from aws_cdk import App, Stack, aws_events  # noqa: PLC0415 - see `synthesise`
    from aws_cdk.assertions import Template  # noqa: PLC0415

    from infra.encryption import Encryption  # noqa: PLC0415
    from infra.webhooks import Webhooks  # noqa: PLC0415

    settings = Settings.from_context({"target": "local", "webhook": "http://127.0.0.1:9000/hook"})
    stack = Stack(App(), "local")
    Webhooks(
        stack,
        "Webhooks",
        settings=settings,
        code=code,
        encryption=Encryption(stack, "Encryption", settings=settings),
        bus=aws_events.EventBus(stack, "Bus"),
    )
    template: dict[str, Any] = Template.from_stack(stack).to_json()
    return template


@pytest.mark.parametrize(
    ("webhook", "why"),
    [
        ("http://hooks.example/", "begins with https://"),
        ("https://10.0.0.1/", "a host that the internet knows"),
        ("https://[::1]/", "a host that the internet knows"),
        ("https://localhost/", "a host that the internet knows"),
        ("https://hooks.example:99999/", "a port that is one"),
        ("https://hooks.example/<id>", "without ',' and spaces"),
        ("https://a:secret@hooks.example/", "without ',' and spaces"),
        ("hooks.example", "begins with https://"),
        ("https://a.example/,https://a.example/", "twice, expected each once"),
        (",".join(f"https://{n}.example/" for n in range(6)), "6 addresses, expected at most 5"),
    ],
)
def test_a_receiver_that_can_not_be_one_is_refused_with_the_reason(webhook: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Settings.from_context({"target": "aws", "webhook": webhook})


def test_a_laptop_may_post_to_itself() -> None:
    settings = Settings.from_context({"target": "local", "webhook": "http://127.0.0.1:9000/hook"})

    assert settings.webhooks == ("http://127.0.0.1:9000/hook",)


@pytest.mark.parametrize(
    ("context", "why"),
    [
        ({"daily-cost": "0"}, "daily-cost is 0, expected US dollars, more than 0"),
        ({"daily-cost": "-1"}, "daily-cost is -1, expected US dollars, more than 0"),
        ({"daily-cost": "much"}, "context 'daily-cost' is 'much', expected a number like '12.5'"),
        ({"operators": "ops"}, "operators has 'ops', expected e-mail addresses"),
    ],
)
def test_a_wrong_setting_of_alarms_is_named(context: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Settings.from_context({"target": "aws", **context})
