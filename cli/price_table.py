"""What AWS's services cost, as data with its date, and how far each number is to be trusted."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("aws_prices.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One price in us-east-1."""

    service: str
    usd: Decimal
    #: Of what.
    unit: str
    #: Whether nobody looked it up for this table.
    is_belief: bool
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTable:
    """The prices by name, and what regions cost as a multiple of us-east-1."""

    as_of: date
    prices: Mapping[str, Price]
    regions: Mapping[str, Decimal]


@cache
def shipped_table() -> PriceTable:
    """Read the table that ships."""
    return read_table(TABLE)


def read_table(path: Path) -> PriceTable:
    """Read a table."""
    table = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    return PriceTable(
        as_of=table["as_of"],
        prices={
            name: Price(
                service=row["service"],
                usd=Decimal(row["usd"]),
                unit=row["unit"],
                is_belief=row["basis"] != "seen",
                source=row["source"],
            )
            for name, row in table["prices"].items()
        },
        regions={name: Decimal(factor) for name, factor in table["regions"].items()},
    )
