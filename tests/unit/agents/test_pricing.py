"""What model calls cost, where that is known."""

from decimal import Decimal

import pytest
from strands.types.event_loop import Usage as StrandsUsage

from agent.models.bedrock import rates_of
from agent.models.prices import shipped_prices
from agent.models.pricing import FREE, Rates, usage_of
from runs.run import Usage

RATES = Rates(
    input=Decimal(3), output=Decimal(15), cache_read=Decimal("0.3"), cache_write=Decimal("3.75")
)


def reported(**counts: int) -> StrandsUsage:
    usage: StrandsUsage = {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}
    usage.update(counts)  # type: ignore[typeddict-item] # names of its keys
    return usage


def test_cache_tokens_on_top_of_the_input_are_kept_apart() -> None:
    usage, cost = usage_of(
        reported(
            inputTokens=1000,
            outputTokens=100,
            totalTokens=9100,
            cacheReadInputTokens=6000,
            cacheWriteInputTokens=2000,
        ),
        RATES,
    )

    assert (usage.input_tokens, usage.cache_read_tokens) == (1000, 6000)
    # 1000 x 3 + 100 x 15 + 6000 x 0.3 + 2000 x 3.75, in millionths of a dollar.
    assert cost == usage.cost_nano_usd == 13_800_000


def test_cache_tokens_inside_the_input_are_taken_out_of_it() -> None:
    usage, cost = usage_of(
        reported(inputTokens=7000, outputTokens=100, totalTokens=7100, cacheReadInputTokens=6000),
        RATES,
    )

    assert (usage.input_tokens, usage.cache_read_tokens) == (1000, 6000)
    assert cost == 6_300_000


def test_without_rates_the_cost_is_unknown_and_adds_nothing() -> None:
    usage, cost = usage_of(reported(inputTokens=5, outputTokens=5, totalTokens=10), None)

    assert cost is None
    assert usage.cost_nano_usd == 0
    assert (usage.model_calls, usage.unpriced_calls) == (1, 1)


def test_a_part_without_a_price_makes_the_cost_unknown() -> None:
    rates = Rates(input=Decimal(1), output=Decimal(2))

    assert rates.cost_nano_usd(Usage(input_tokens=1, cache_read_tokens=1)) is None
    assert rates.cost_nano_usd(Usage(input_tokens=1)) == 1000


def test_what_is_free_costs_nothing() -> None:
    assert FREE.cost_nano_usd(Usage(input_tokens=10**9, cache_write_tokens=5)) == 0


def test_amounts_below_a_billionth_are_rounded() -> None:
    rates = Rates(input=Decimal("0.0006"), output=Decimal(0))

    assert rates.cost_nano_usd(Usage(input_tokens=1)) == 1


@pytest.mark.parametrize(
    ("model_id", "input_usd"),
    [
        ("global.anthropic.claude-sonnet-4-5-20250929-v1:0", "3"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "3.3"),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "3.3"),
        ("eu.anthropic.claude-sonnet-4-20250514-v1:0", "3"),
        ("global.anthropic.claude-opus-4-6-v1", "5"),
        ("us-gov.anthropic.claude-haiku-4-5-20251001-v1:0", "1.1"),
        ("apac.amazon.nova-lite-v1:0", "0.06"),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/global.anthropic.claude-opus-5", "5"),
    ],
)
def test_an_id_is_priced_by_the_model_and_its_endpoint(model_id: str, input_usd: str) -> None:
    rates = rates_of(model_id, shipped_prices())

    assert rates is not None
    assert rates.input == Decimal(input_usd)


@pytest.mark.parametrize(
    "model_id",
    [
        "global.anthropic.claude-haiku-5-5",
        "anthropic.claude-sonnet-4-9",
        "amazon.nova-pro-2-v1:0",
        "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc123",
    ],
)
def test_a_model_that_is_not_in_the_table_has_no_price(model_id: str) -> None:
    assert rates_of(model_id, shipped_prices()) is None


def test_the_table_says_where_and_when_its_numbers_were_read() -> None:
    prices = shipped_prices()["bedrock"]

    assert prices.source.startswith("https://")
    assert prices.as_of is not None
    assert prices.as_of.year >= 2026
    assert all(rates.output > rates.input > 0 for rates in prices.rates.values())
