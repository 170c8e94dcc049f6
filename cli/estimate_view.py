"""What runs cost, as a table for people and as data."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli import text
from cli.estimating import Estimator, Line, total
from cli.run_shape import RunShape
from runs.json_types import Json

#: Beside numbers that nobody looked up for the table.
_BELIEF = "*"
_LONGEST_SESSION_SECONDS = 8 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """An estimate: of one run, and of so many in a month."""

    shape: RunShape
    estimator: Estimator
    model: str
    #: None if nobody knows its price.
    model_usd: Decimal | None
    runs: int
    is_region_known: bool

    @property
    def lines(self) -> tuple[Line, ...]:
        """Give what one run costs besides its model."""
        return self.estimator.lines(self.shape)

    @property
    def run_usd(self) -> Decimal:
        """Give what one run costs, its model too where that is known."""
        return total(self.lines) + (self.model_usd or Decimal(0))

    @property
    def month_usd(self) -> Decimal:
        """Give what a month costs."""
        return self.run_usd * self.runs + total(self.estimator.monthly())


def bill_to_json(bill: Bill) -> Json:
    """Give the JSON object of `errand estimate --json`; amounts are decimal texts."""
    estimator, shape = bill.estimator, bill.shape
    return {
        "workflow": shape.workflow,
        "basis": shape.source,
        "prices_as_of": estimator.table.as_of.isoformat(),
        "region": estimator.region,
        "region_factor": str(estimator.factor),
        "is_region_known": bill.is_region_known,
        "working_seconds": shape.working_seconds,
        "waiting_seconds": shape.waiting_seconds,
        "run": {
            "lines": [_line_to_json(line) for line in bill.lines],
            "infrastructure_usd": _amount(total(bill.lines)),
            "model": bill.model,
            "input_tokens": shape.usage.input_tokens,
            "output_tokens": shape.usage.output_tokens,
            "model_usd": None if bill.model_usd is None else _amount(bill.model_usd),
            "usd": _amount(bill.run_usd),
        },
        "month": {
            "runs": bill.runs,
            "fixed": [_line_to_json(line) for line in estimator.monthly()],
            "usd": _amount(bill.month_usd),
        },
        "polled_run_usd": _amount(estimator.polled(shape)),
    }


def _line_to_json(line: Line) -> Json:
    return {
        "service": line.price.service,
        "what": line.what,
        "quantity": str(line.quantity),
        "unit": line.price.unit,
        "usd": _amount(line.usd),
        "is_belief": line.price.is_belief,
        "source": line.price.source,
    }


def _amount(usd: Decimal) -> str:
    return f"{usd:.9f}"


def bill_view(bill: Bill) -> RenderableType:
    """Draw an estimate: by service, for a run and for a month, and what it rests on."""
    return Group(_table(bill), Text(""), *_notes(bill))


def _table(bill: Bill) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_row(
        "",
        "",
        Text("a run", "dim"),
        Text(f"{bill.runs:,} a month", "dim"),
    )
    tokens = bill.shape.usage
    said = f"{bill.model}: {text.tokens(tokens.input_tokens)} tokens in, "
    said += f"{text.tokens(tokens.output_tokens)} out"
    unknown = bill.model_usd is None
    grid.add_row(
        "Model",
        Text(text.clean(said)),
        "unknown" if unknown else text.money(bill.model_usd or Decimal(0)),
        "unknown" if unknown else text.money((bill.model_usd or Decimal(0)) * bill.runs),
    )
    for service, lines in _by_service(bill.lines):
        usd = total(lines)
        grid.add_row(
            service, _what(lines), text.money(usd), f"{text.money(usd * bill.runs)}{_mark(lines)}"
        )
    fixed = bill.estimator.monthly()
    grid.add_row("any month", _what(fixed), "", f"{text.money(total(fixed))}{_mark(fixed)}")
    grid.add_row(
        Text("all", "bold"),
        "without the model" if unknown else "",
        Text(text.money(bill.run_usd), "bold"),
        Text(text.money(bill.month_usd), "bold"),
    )
    return grid


def _by_service(lines: Iterable[Line]) -> Iterator[tuple[str, tuple[Line, ...]]]:
    services: dict[str, list[Line]] = {}
    for line in lines:
        services.setdefault(line.price.service, []).append(line)
    ordered = sorted(services.items(), key=lambda pair: -total(tuple(pair[1])))
    return ((service, tuple(found)) for service, found in ordered)


def _what(lines: Iterable[Line]) -> str:
    told = dict.fromkeys(f"{_number(line.quantity)} {_unit(line)}" for line in lines)
    return ", ".join(told)


def _number(quantity: Decimal) -> str:
    if quantity >= 100 or quantity == quantity.to_integral_value():
        return f"{quantity:,.0f}"
    return f"{quantity:.3g}" if quantity >= Decimal("0.001") else f"{quantity:.1g}"


def _unit(line: Line) -> str:
    unit = line.price.unit.removesuffix(" and month")
    return unit if line.quantity == 1 or unit.startswith("GB of") else f"{unit}s"


def _mark(lines: Iterable[Line]) -> str:
    return _BELIEF if any(line.price.is_belief for line in lines) else ""


def _notes(bill: Bill) -> Iterator[Text]:
    shape, estimator = bill.shape, bill.estimator
    waits = f", waits {text.duration(shape.waiting_seconds)}" if shape.waiting_seconds else ""
    yield Text(
        f"{shape.workflow}: works {text.duration(shape.working_seconds)}{waits}. "
        f"What it does is that of {shape.source}."
    )
    assumed = estimator.assumed
    yield Text(
        f"Assumed of a session: {assumed.busy_vcpu:.0%} of a vCPU while it works, "
        f"{assumed.memory_gb} GB."
    )
    run_usd, polled = total(bill.lines), estimator.polled(shape)
    times = f"{polled / run_usd:.1f}" if run_usd else "?"
    yield Text(
        f"Polled every 10 s, and its session left on while it waits and for 15 min after: "
        f"{text.money(polled)} a run besides its model, {times} times as much."
    )
    if shape.working_seconds + shape.waiting_seconds > _LONGEST_SESSION_SECONDS:
        yield Text("(No session lives for longer than 8 h: it could not be done like that.)", "dim")
    where = f"{estimator.region}, {estimator.factor} times us-east-1"
    if not bill.is_region_known:
        where = f"us-east-1: of {estimator.region} no factor is known"
    yield Text(
        f"List prices of {estimator.table.as_of}, {where}. {_BELIEF} rests on prices that were not "
        f"looked up again; see docs/costs.md.",
        "dim",
    )
