"""What model calls cost: list prices as data, and tokens counted the same way for every provider.

A model that is not in the table has no price here, and its calls no cost: that is written as
unknown (null), never as zero. The head's sum can only add up what is known.
"""

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from strands.types.event_loop import Usage as StrandsUsage

from runs.run import Usage

#: Names a table of one's own, in the shape of ours: its models are added to ours, or replace them.
PRICES_VARIABLE = "ERRAND_PRICES"
TABLE = Path(__file__).parent / "prices.toml"
#: A price is in US dollars for a million tokens, a cost in billionths of a dollar.
_NANO_PER_PRICED_TOKEN = 1000
#: What may follow a model's name without making it another model: `-20250929-v1:0`, `-2025-08-07`.
_VERSION = re.compile(r"(-\d{8}|-\d{4}-\d\d-\d\d)?(-v\d+)?(:\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """List prices of one model in US dollars per million tokens; None where none is known."""

    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None

    def cost_nano_usd(self, usage: Usage) -> int | None:
        """Price a usage, in billionths of a dollar; None if a part of it has no known price."""
        parts = (
            (usage.input_tokens, self.input),
            (usage.output_tokens, self.output),
            (usage.cache_read_tokens, self.cache_read),
            (usage.cache_write_tokens, self.cache_write),
        )
        total = Decimal(0)
        for tokens, rate in parts:
            if tokens and rate is None:
                return None
            total += tokens * (rate or Decimal(0))
        return int((total * _NANO_PER_PRICED_TOKEN).to_integral_value(ROUND_HALF_UP))

    def scaled(self, factor: Decimal) -> "Rates":
        """Give these prices times a factor."""
        return Rates(
            input=self.input * factor,
            output=self.output * factor,
            cache_read=None if self.cache_read is None else self.cache_read * factor,
            cache_write=None if self.cache_write is None else self.cache_write * factor,
        )


#: What runs on one's own machine is not billed by the token.
FREE = Rates(input=Decimal(0), output=Decimal(0), cache_read=Decimal(0), cache_write=Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """The price table of one provider, and where and when its numbers were read."""

    source: str
    as_of: date
    rates: Mapping[str, Rates]
    #: What an endpoint bound to a region costs, as a multiple; by model, 1 where it is absent.
    regional: Mapping[str, Decimal]

    def find(self, model_id: str) -> Rates | None:
        """Find a model by its exact name, or by a longer one that adds a version to it."""
        name = self._name(model_id)
        return None if name is None else self.rates[name]

    def regional_factor(self, model_id: str) -> Decimal:
        """Give what a region-bound endpoint of a model costs, as a multiple of `find`."""
        name = self._name(model_id)
        return self.regional.get(name or "", Decimal(1))

    def _name(self, model_id: str) -> str | None:
        fits = [name for name in self.rates if model_id == name or _is_version(model_id, of=name)]
        return max(fits, key=len, default=None)


@functools.cache
def price_list(provider: str) -> PriceList:
    """Read one provider's table."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"), parse_float=Decimal)[provider]
    rows: dict[str, dict[str, Decimal]] = table["usd_per_million_tokens"]
    return PriceList(
        source=table["source"],
        as_of=table["as_of"],
        rates={name: _rates(row) for name, row in rows.items()},
        regional={name: row["regional"] for name, row in rows.items() if "regional" in row},
    )


def usage_of(reported: StrandsUsage, rates: Rates | None) -> tuple[Usage, int | None]:
    """Count a model call as ours, with its cost if that is known.

    Providers differ in what `inputTokens` means. Where input and output make up the total, tokens
    read from and written to a cache are inside the input (OpenAI); otherwise they come on top of
    it (Bedrock). Ours are always apart: `input_tokens` are those paid in full.
    """
    read = reported.get("cacheReadInputTokens") or 0
    written = reported.get("cacheWriteInputTokens") or 0
    fresh = reported["inputTokens"]
    if fresh + reported["outputTokens"] == reported["totalTokens"]:
        fresh = max(0, fresh - read - written)
    usage = Usage(
        model_calls=1,
        input_tokens=fresh,
        output_tokens=reported["outputTokens"],
        cache_read_tokens=read,
        cache_write_tokens=written,
    )
    cost = None if rates is None else rates.cost_nano_usd(usage)
    return replace(usage, cost_nano_usd=cost or 0, unpriced_calls=int(cost is None)), cost


def _is_version(model_id: str, *, of: str) -> bool:
    return model_id.startswith(of) and bool(_VERSION.fullmatch(model_id[len(of) :]))


def _rates(row: Mapping[str, Decimal | int]) -> Rates:
    known = {name: Decimal(value) for name, value in row.items() if name != "regional"}
    return Rates(**known)
