"""Price tables: list prices as data, with where and when they were read; ours and a user's own."""

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from agent.errors import ConfigError
from agent.models.pricing import Rates

#: Names a table of one's own, in the shape of ours: its models are added to ours or replace them.
VARIABLE = "ERRAND_PRICES"
TABLE = Path(__file__).parent / "prices.toml"
_PRICES = "usd_per_million_tokens"
#: What may follow a model's name without making it another model: `-20250929-v1:0`, `-2025-08-07`.
_VERSION = re.compile(r"(-\d{8}|-\d{4}-\d\d-\d\d)?(-v\d+)?(:\d+)?")
_PARTS = tuple(field.name for field in fields(Rates))


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """The prices of one provider's models, and where and when the numbers were read."""

    source: str = ""
    as_of: date | None = None
    rates: Mapping[str, Rates] = field(default_factory=dict)
    #: What an endpoint bound to a region costs, as a multiple; by model, 1 where it is absent.
    regional: Mapping[str, Decimal] = field(default_factory=dict)

    def find(self, model_id: str) -> Rates | None:
        """Find a model by its exact name, or by a longer one that adds a version to it."""
        name = self._name(model_id)
        return None if name is None else self.rates[name]

    def regional_factor(self, model_id: str) -> Decimal:
        """Give what a region-bound endpoint of a model costs, as a multiple of `find`."""
        name = self._name(model_id)
        return self.regional.get(name or "", Decimal(1))

    def replaced(self, by: Self) -> Self:
        """Give these prices, with those of another list where it has the model."""
        kept = {name: factor for name, factor in self.regional.items() if name not in by.rates}
        return type(self)(
            source=by.source or self.source,
            as_of=by.as_of or self.as_of,
            rates={**self.rates, **by.rates},
            regional={**kept, **by.regional},
        )

    def _name(self, model_id: str) -> str | None:
        fits = [name for name in self.rates if model_id == name or _is_version(model_id, of=name)]
        return max(fits, key=len, default=None)


#: By provider, as `ERRAND_MODEL` names it.
Prices = Mapping[str, PriceList]


@functools.cache
def shipped_prices() -> Prices:
    """Read the table that ships."""
    return read_prices(TABLE)


def find_rates(prices: Prices, provider: str, model_id: str | None) -> Rates | None:
    """Find a model's prices by its exact name, or by a longer one that adds a version to it."""
    return prices.get(provider, PriceList()).find(model_id or "")


def with_own(prices: Prices, path: Path, *, providers: frozenset[str]) -> Prices:
    """Give prices with a user's own over them.

    Raises:
        ConfigError: The file can't be read, or is not a price table of these providers.
    """
    try:
        own = read_prices(path)
    except (OSError, ValueError) as error:
        raise ConfigError(
            VARIABLE, f"names {str(path)!r}, which is no price table: {error}"
        ) from error
    if unknown := own.keys() - providers:
        known = ", ".join(sorted(providers))
        message = f"names {str(path)!r}, which has [{min(unknown)}], expected one of: {known}"
        raise ConfigError(VARIABLE, message)
    return {**prices, **{name: prices.get(name, PriceList()).replaced(own[name]) for name in own}}


def read_prices(path: Path) -> Prices:
    """Read a table.

    Raises:
        OSError: The file can't be read.
        ValueError: It is not a price table; the message names the place.
    """
    table = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    return {provider: _price_list(section, provider) for provider, section in table.items()}


def _price_list(section: object, provider: str) -> PriceList:
    rows = section.get(_PRICES) if isinstance(section, Mapping) else None
    if not isinstance(section, Mapping) or not isinstance(rows, Mapping):
        msg = f"[{provider}] is not followed by [{provider}.{_PRICES}] with a line for each model"
        raise ValueError(msg)  # noqa: TRY004 - of a file's text, not of an argument
    as_of = section.get("as_of")
    if as_of is not None and type(as_of) is not date:
        msg = f"as_of in [{provider}] is {as_of!r}, expected a date such as 2026-01-31"
        raise ValueError(msg)
    checked = {name: _row(row, f"{name!r} in [{provider}]") for name, row in rows.items()}
    return PriceList(
        source=str(section.get("source", "")),
        as_of=as_of,
        rates={name: _rates(row) for name, row in checked.items()},
        regional={name: row["regional"] for name, row in checked.items() if "regional" in row},
    )


def _row(row: object, where: str) -> Mapping[str, Decimal]:
    if not isinstance(row, Mapping) or not {"input", "output"} <= row.keys():
        msg = f"{where} is {row!r}, expected {{ input = …, output = … }}"
        raise ValueError(msg)
    return {name: _amount(value, name, where) for name, value in row.items()}


def _amount(value: Any, name: str, where: str) -> Decimal:  # noqa: ANN401 - whatever TOML has
    if name not in {*_PARTS, "regional"}:
        expected = ", ".join((*_PARTS, "regional"))
        msg = f"{where} has {name!r}, expected one of: {expected}"
        raise ValueError(msg)
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    if not is_number or not Decimal(value).is_finite() or value < 0:
        msg = f"{name} of {where} is {value!r}, expected US dollars per million tokens"
        raise ValueError(msg)
    return Decimal(value)


def _rates(row: Mapping[str, Decimal]) -> Rates:
    return Rates(**{name: value for name, value in row.items() if name != "regional"})


def _is_version(model_id: str, *, of: str) -> bool:
    return model_id.startswith(of) and bool(_VERSION.fullmatch(model_id[len(of) :]))
