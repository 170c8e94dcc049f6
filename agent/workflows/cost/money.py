"""How amounts are written for people: in their currency's own unit, and never as zero if not."""

from decimal import ROUND_HALF_EVEN, Decimal

#: Currencies whose smallest unit is not a hundredth (ISO 4217).
_DIGITS = {
    **dict.fromkeys(("CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
#: Digits that count of an amount below the smallest unit.
_SMALL = 2


def money(amount: Decimal, currency: str) -> str:
    """Write an amount: `USD 1,234.56`."""
    return f"{currency} {number(amount, currency)}"


def number(amount: Decimal, currency: str) -> str:
    """Write an amount without its currency: `1,234.56`."""
    unit = Decimal(1).scaleb(-_DIGITS.get(currency, 2))
    rounded = amount.quantize(unit, rounding=ROUND_HALF_EVEN)
    if rounded == 0 and amount != 0:
        rounded = amount.quantize(
            Decimal(1).scaleb(amount.adjusted() - _SMALL + 1), rounding=ROUND_HALF_EVEN
        )
    # `+ 0` turns a negative zero into zero.
    return f"{rounded + 0:,f}"
