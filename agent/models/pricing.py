"""What model calls cost: rates, and tokens counted the same way for every provider.

A model that is not in the table has no price here, and its calls no cost: that is written as
unknown (null), never as zero. The head's sum can only add up what is known.
"""

from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal

from strands.types.event_loop import Usage as StrandsUsage

from runs.run import Usage

#: A price is in US dollars for a million tokens, a cost in billionths of a dollar.
_NANO_PER_PRICED_TOKEN = 1000


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
