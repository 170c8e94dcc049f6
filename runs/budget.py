"""A run's budget: what it may use, and when it has used it up.

It counts over all attempts and all child runs: the run that began a family holds the budget for
all of it. A limit is reached when as much is used; whoever is about to use more looks first.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from decimal import Decimal
from types import MappingProxyType

from runs.json_types import Json

#: The error type of a run that ended because its budget was used up.
BUDGET_EXCEEDED = "BudgetExceeded"


#: The highest limits there are. A run may work all the time it may have, and that is 30 days:
#: Step Functions executions may last a year, ours stay well below.
MAX_TOKENS = 10**12
MAX_COST_USD = 1_000_000
MAX_SECONDS = 30 * 24 * 3600

_HIGHEST = MappingProxyType(
    {"max_tokens": MAX_TOKENS, "max_cost_usd": MAX_COST_USD, "max_seconds": MAX_SECONDS}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a run may use at most; None is no limit.

    Raises:
        ValueError: A limit is no number, below zero or beyond the highest there is. On a head it
            could not be read again.
    """

    #: Of model calls: input, output, read from and written to a cache.
    max_tokens: int | None = None
    max_cost_usd: Decimal | None = None
    #: Of work: what its attempts and those of its children took, not what it waited parked.
    max_seconds: float | None = None

    def __post_init__(self) -> None:
        for limit, highest in _HIGHEST.items():
            _check(limit, getattr(self, limit), highest)

    @property
    def is_set(self) -> bool:
        """Say whether there is any limit."""
        return self != Budget()

    def or_else(self, default: "Budget") -> "Budget":
        """Give these limits, and those of a default where this has none."""
        return Budget(
            max_tokens=default.max_tokens if self.max_tokens is None else self.max_tokens,
            max_cost_usd=default.max_cost_usd if self.max_cost_usd is None else self.max_cost_usd,
            max_seconds=default.max_seconds if self.max_seconds is None else self.max_seconds,
        )

    def raised(self, by: "Budget") -> "Budget":
        """Give the higher of both, limit by limit: of two that raise at once, none lowers it."""
        both = {name: (getattr(self, name), getattr(by, name)) for name in LIMITS}
        given = {name: [each for each in pair if each is not None] for name, pair in both.items()}
        return Budget(**{name: max(amounts, default=None) for name, amounts in given.items()})

    def to_json(self) -> dict[str, Json]:
        """Give the limits by name; null is none."""
        return {
            "max_tokens": self.max_tokens,
            "max_cost_usd": None if self.max_cost_usd is None else float(self.max_cost_usd),
            "max_seconds": self.max_seconds,
        }


#: The names of the limits, in the order in which they are checked.
LIMITS = tuple(field.name for field in fields(Budget))


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What counts against a budget."""

    tokens: int
    cost_usd: Decimal
    seconds: float

    def of(self, limit: str) -> Decimal:
        """Give what counts against the limit of a name."""
        match limit:
            case "max_tokens":
                return Decimal(self.tokens)
            case "max_cost_usd":
                return self.cost_usd
            case _:
                return Decimal(str(self.seconds))

    def to_json(self) -> dict[str, Json]:
        """Give what is used, under the names of the limits."""
        return {
            "max_tokens": self.tokens,
            "max_cost_usd": float(self.cost_usd),
            "max_seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One limit, and how much of it is used."""

    #: As the budget and requests name it.
    limit: str
    allowed: Decimal
    used: Decimal

    @property
    def left(self) -> Decimal:
        """Give what may still be used; never below zero."""
        return max(self.allowed - self.used, Decimal(0))

    @property
    def is_reached(self) -> bool:
        """Say whether nothing is left."""
        return self.used >= self.allowed

    def __str__(self) -> str:
        """Say how it stands, as messages do."""
        allowed, used = _text(self.limit, self.allowed), _text(self.limit, self.used)
        return f"{self.limit} is {allowed}, used is {used}"


def standings(budget: Budget, used: Used) -> Iterator[Standing]:
    """Give how each limit of a budget stands."""
    for limit in LIMITS:
        allowed = getattr(budget, limit)
        if allowed is not None:
            yield Standing(limit=limit, allowed=Decimal(str(allowed)), used=used.of(limit))


def reached(budget: Budget, used: Used) -> Standing | None:
    """Give the first limit that is reached; None while none is."""
    return next((each for each in standings(budget, used) if each.is_reached), None)


def _check(limit: str, amount: object, highest: int) -> None:
    if amount is None or _is_limit(limit, amount, highest):
        return
    kind = "a whole number" if limit == "max_tokens" else "a number"
    msg = f"{limit} is {amount!r}, expected {kind} from 0 to {highest:,}"
    raise ValueError(msg)


def _is_limit(limit: str, amount: object, highest: int) -> bool:
    if isinstance(amount, bool) or not isinstance(amount, int | float | Decimal):
        return False
    if limit == "max_tokens" and not isinstance(amount, int):
        return False
    # Floats that are no number are between no two; a decimal may not even be asked.
    is_number = not isinstance(amount, Decimal) or amount.is_finite()
    return is_number and 0 <= amount <= highest


def _text(limit: str, amount: Decimal) -> str:
    match limit:
        case "max_cost_usd":
            return f"${amount.normalize():,f}"
        case "max_seconds":
            return f"{amount:,.1f} s"
        case _:
            return f"{amount:,}"
