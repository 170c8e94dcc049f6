"""The figures a report shows: answers to its own queries, by currency, and charts of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from agent.workflows.cost import queries
from agent.workflows.cost.bill import Answer, Bill, Cell
from agent.workflows.cost.charts import Series, bars, daily_costs
from agent.workflows.cost.findings import Kind
from agent.workflows.cost.summary import Summary
from agent.workflows.cost.verify import Verified

#: Rows of a table.
TOP = 10
CHART_SERVICES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The answers the report itself asks for, by currency."""

    totals: Mapping[str, Answer]
    categories: Mapping[str, Answer]
    services: Mapping[str, Answer]
    accounts: Mapping[str, Answer]
    regions: Mapping[str, Answer]
    daily: Answer

    def all(self) -> Iterator[Answer]:
        """Give every answer."""
        for part in (self.totals, self.categories, self.services, self.accounts, self.regions):
            yield from part.values()
        yield self.daily


def ask(bill: Bill, summary: Summary) -> Figures:
    """Ask what every report shows.

    Raises:
        AttemptStoppedError: The attempt must stop.
    """

    def each(sql: str) -> dict[str, Answer]:
        return {currency: bill.ask(sql, currency) for currency in summary.currencies}

    return Figures(
        totals=each(queries.TOTALS),
        categories=each(queries.CATEGORIES),
        services=each(queries.top("service", TOP)),
        accounts=each(queries.top("account_name", TOP)),
        regions=each(queries.top("region", TOP)),
        daily=bill.ask(queries.daily_by_service(CHART_SERVICES), summary.currencies[0]),
    )


def draw(
    figures: Figures, findings: Sequence[Verified], *, currency: str
) -> Iterator[tuple[str, bytes]]:
    """Draw the charts there are numbers for, in one currency; give their names and bytes."""
    days, series = _series(figures.daily)
    if days:
        yield "charts/daily.png", daily_costs(days, series, currency=currency)
    services = [(str(row[0]), decimal_of(row[1])) for row in figures.services[currency].rows]
    yield "charts/services.png", bars(services, title="Cost by service", currency=currency)
    found = [
        (it.finding.title, it.amount)
        for it in findings
        if it.finding.currency == currency and it.finding.kind is not Kind.SAVED
    ]
    if found:
        yield "charts/findings.png", bars(found, title="Findings by amount", currency=currency)


def _series(answer: Answer) -> tuple[list[date], list[Series]]:
    """Give the days and, for each service, its cost on each of them; the rest comes last."""
    costs: dict[str, dict[str, Decimal]] = {}
    for day, service, cost in answer.rows:
        costs.setdefault(str(service), {})[str(day)] = decimal_of(cost)
    days = sorted({str(row[0]) for row in answer.rows})
    totals = {service: sum(by_day.values()) for service, by_day in costs.items()}
    order = sorted(costs, key=lambda service: (service == "Other", -totals[service], service))
    series: list[Series] = [(it, [costs[it].get(day, Decimal(0)) for day in days]) for it in order]
    return [date.fromisoformat(day) for day in days], series


def decimal_of(cell: Cell) -> Decimal:
    """Give a cell that holds a number; nothing counts as zero."""
    return Decimal(0) if cell is None else Decimal(str(cell))
