"""A price table of the user's own, and what is said of one that is none."""

from decimal import Decimal
from pathlib import Path

import pytest

from agent.errors import ConfigError
from agent.models.bedrock import rates_of
from agent.models.conversation import Turn
from agent.models.prices import find_rates, shipped_prices
from agent.models.select import choose_model, load_model

OWN = """
[bedrock]
source = "our contract"
as_of = 2026-11-01

[bedrock.usd_per_million_tokens]
"anthropic.claude-sonnet-4-5" = { input = 1, output = 2 }
"arn:aws:bedrock:us-east-1:1:application-inference-profile/abc123" = { input = 7, output = 8 }

[openai.usd_per_million_tokens]
"gpt-oss-120b" = { input = 0.15, output = 0.6, cache_read = 0.05 }

[offline.usd_per_million_tokens]
"offline" = { input = 3, output = 4 }
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "prices.toml"


def environ(path: Path, model: str = "offline") -> dict[str, str]:
    return {"ERRAND_PRICES": str(path), "ERRAND_MODEL": model}


def test_own_prices_are_added_and_take_the_place_of_ours(path: Path) -> None:
    path.write_text(OWN)

    prices = choose_model(environ(path)).prices

    sonnet = rates_of("us.anthropic.claude-sonnet-4-5-20250929-v1:0", prices)
    profile = rates_of("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc123", prices)
    assert sonnet is not None
    # The price is the user's own, so no surcharge of ours is on it.
    assert [sonnet.input, sonnet.output] == [1, 2]
    assert sonnet.cache_read is None
    assert profile is not None
    assert profile.input == 7
    opus = "global.anthropic.claude-opus-4-6-v1"
    assert rates_of(opus, prices) == rates_of(opus, shipped_prices())
    assert (prices["bedrock"].source, str(prices["bedrock"].as_of)) == (
        "our contract",
        "2026-11-01",
    )


def test_models_of_any_provider_may_have_a_price(path: Path) -> None:
    path.write_text(OWN)

    choice = choose_model(environ(path, "openai:http://127.0.0.1:1/v1#gpt-oss-120b"))
    offline = load_model(
        choose_model(environ(path)), agent="a", playbook=lambda _: Turn("done")
    ).rates

    rates = find_rates(choice.prices, "openai", choice.model_id)
    assert rates is not None
    assert (rates.input, rates.output) == (Decimal("0.15"), Decimal("0.6"))
    assert load_model(choice, agent="a", playbook=None).rates == rates
    assert offline is not None
    assert offline.output == 4
    assert find_rates(choice.prices, "openai", "gpt-oss-20b") is None


def test_without_a_table_of_one_s_own_ours_stands() -> None:
    assert choose_model({"ERRAND_MODEL": "offline"}).prices is shipped_prices()
    assert (
        load_model(
            choose_model({"ERRAND_MODEL": "ollama:llama3.1"}), agent="a", playbook=None
        ).rates
        == load_model(
            choose_model({"ERRAND_MODEL": "offline"}), agent="a", playbook=lambda _: Turn("done")
        ).rates
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[bedrock", "which is no price table: "),
        ("bedrock = 3", r"\[bedrock\] is not followed by \[bedrock.usd_per_million_tokens\]"),
        ('[bedrock]\nsource = "x"', r"\[bedrock\] is not followed by"),
        (
            '[openai]\nas_of = "May"\n[openai.usd_per_million_tokens]',
            r"as_of in \[openai\] is 'May', expected a date such as 2026-01-31",
        ),
        (
            "[openai.usd_per_million_tokens]\nm = { input = 1 }",
            r"'m' in \[openai\] is .*, expected { input = …, output = … }",
        ),
        (
            "[openai.usd_per_million_tokens]\nm = { input = 1, output = '2' }",
            r"output of 'm' in \[openai\] is '2', expected US dollars per million tokens",
        ),
        (
            "[openai.usd_per_million_tokens]\nm = { input = -1, output = 2 }",
            r"input of 'm' in \[openai\] is -1, expected US dollars",
        ),
        (
            "[openai.usd_per_million_tokens]\nm = { input = 1, output = inf }",
            r"output of 'm' in \[openai\] is Decimal\('Infinity'\), expected US dollars",
        ),
        (
            "[openai.usd_per_million_tokens]\nm = { input = 1, output = 2, cached = 3 }",
            "has 'cached', expected one of: input, output, cache_read, cache_write, regional",
        ),
        (
            "[mistral.usd_per_million_tokens]\nm = { input = 1, output = 2 }",
            r"which has \[mistral\], expected one of: bedrock, llamacpp, offline, ollama, openai",
        ),
    ],
)
def test_a_table_that_is_none_is_refused_with_the_place(
    path: Path, text: str, message: str
) -> None:
    path.write_text(text)

    with pytest.raises(ConfigError, match=message) as raised:
        choose_model(environ(path))
    assert str(raised.value).startswith(f"ERRAND_PRICES names {str(path)!r}, which")


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        choose_model(environ(tmp_path / "gone.toml"))
