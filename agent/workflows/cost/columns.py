"""The one shape every bill is brought into, and how each format's columns map to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from agent.workflows.cost.errors import NotABillError

#: 26 digits before the point and 12 behind: exact sums of prices per request as of annual totals.
MONEY = "DECIMAL(38,12)"
#: ISO 4217's code for no currency: charges without one are never added to another's.
NO_CURRENCY = "XXX"


class Kind(StrEnum):
    """How a column's values are read."""

    TEXT = "text"
    #: A decimal number; what is not there stays NULL.
    NUMBER = "number"
    #: A decimal number in the row's currency; what is not there counts as zero.
    MONEY = "money"
    #: An instant, kept as UTC without a zone.
    INSTANT = "instant"
    #: JSON text of an object; an empty one counts as none.
    TAGS = "tags"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the normalised bill."""

    name: str
    kind: Kind
    meaning: str


#: In this order they are stored, and described to whoever asks SQL of them.
BILL: tuple[Column, ...] = (
    Column("currency", Kind.TEXT, "ISO 4217 code of all costs of the row"),
    Column("provider", Kind.TEXT, "the cloud or vendor"),
    Column("account_id", Kind.TEXT, "sub account, or the billing account where there is none"),
    Column("account_name", Kind.TEXT, "its name"),
    Column("service", Kind.TEXT, "what was bought, e.g. Amazon Simple Storage Service"),
    Column("service_category", Kind.TEXT, "e.g. Compute, Storage, Databases, Networking"),
    Column("region", Kind.TEXT, "region id"),
    Column("resource_id", Kind.TEXT, "provider's id of the resource, if there is one"),
    Column("resource_name", Kind.TEXT, "its name"),
    Column("resource_type", Kind.TEXT, "its type"),
    Column("charge_category", Kind.TEXT, "Usage, Purchase, Tax, Credit or Adjustment"),
    Column("charge_class", Kind.TEXT, "Correction, where a row corrects an earlier invoice"),
    Column("description", Kind.TEXT, "what the provider wrote about the charge"),
    Column("sku_id", Kind.TEXT, "provider's id of what was bought"),
    Column("quantity", Kind.NUMBER, "how much was consumed, in unit"),
    Column("unit", Kind.TEXT, "unit of quantity"),
    Column("charge_start", Kind.INSTANT, "start of the charge's time, UTC"),
    Column("charge_end", Kind.INSTANT, "end of it, exclusive"),
    Column("pricing_category", Kind.TEXT, "Standard, Dynamic, Committed or Other"),
    Column("commitment_id", Kind.TEXT, "the reservation or savings plan that applies"),
    Column("commitment_type", Kind.TEXT, "e.g. Savings Plan"),
    Column("commitment_status", Kind.TEXT, "Used or Unused"),
    Column("billed_cost", Kind.MONEY, "what the invoice says"),
    Column("effective_cost", Kind.MONEY, "cost with prepayments spread over what they cover"),
    Column("contracted_cost", Kind.MONEY, "cost at negotiated prices, before commitments"),
    Column("list_cost", Kind.MONEY, "cost at public prices"),
    Column("tags", Kind.TAGS, "JSON object of tags; read one with tags ->> '$.team'"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A kind of bill: what it must have, and where each normalised column comes from."""

    name: str
    #: Each entry lists names of which one must be there; the first is the usual one.
    required: Sequence[Sequence[str]]
    #: Gives SQL over the source for normalised columns; what it leaves out is absent.
    mapping: "Callable[[Source], Mapping[str, str]]"

    def missing(self, names: Sequence[str]) -> list[str]:
        """Name the required columns that a table does not have."""
        have = {name.lower() for name in names}
        return [any_of[0] for any_of in self.required if not have & set(map(str.lower, any_of))]


class Source:
    """The columns of a table that is to be read as a bill."""

    def __init__(self, types: Mapping[str, str]) -> None:
        self._types = {name.lower(): (name, kind) for name, kind in types.items()}

    def has(self, name: str) -> bool:
        """Say whether there is a column of that name, in any case."""
        return name.lower() in self._types

    def first(self, *names: str) -> str | None:
        """Give SQL for the first value there is among columns; None without any of them."""
        found = [quoted(self._types[name.lower()][0]) for name in names if self.has(name)]
        if not found:
            return None
        return found[0] if len(found) == 1 else f"coalesce({', '.join(found)})"

    def text(self, *names: str) -> str | None:
        """Give SQL for the first text that is not empty among columns."""
        found = [
            f"nullif(trim({quoted(self._types[name.lower()][0])}::VARCHAR), '')"
            for name in names
            if self.has(name)
        ]
        return f"coalesce({', '.join(found)})" if found else None

    def entry(self, name: str, key: str) -> str | None:
        """Give SQL for one entry of a column of key-value pairs, however it is stored."""
        json = self.json(name)
        return None if json is None else f"({json} ->> '$.{key}')"

    def json(self, name: str) -> str | None:
        """Give SQL for a column of key-value pairs as JSON; text that is not JSON gives NULL."""
        if not self.has(name):
            return None
        column, kind = self._types[name.lower()]
        if kind == "VARCHAR":
            return f"CASE WHEN json_valid({quoted(column)}) THEN {quoted(column)}::JSON END"
        return f"to_json({quoted(column)})"


def quoted(name: str) -> str:
    """Quote a name for SQL."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def choose_format(where: str, names: Sequence[str], formats: Sequence[Format]) -> Format:
    """Find the format a table has all required columns of.

    Raises:
        NotABillError: It is none; the error names what it lacks of the one it is nearest to.
    """
    lacking = [(len(form.missing(names)) / len(form.required), form) for form in formats]
    share, nearest = min(lacking, key=lambda pair: pair[0])
    if share == 0:
        return nearest
    raise NotABillError(where, nearest=nearest.name, missing=nearest.missing(names))
