"""The analyst's tools: questions to the loaded bill. All of them only read."""

import json
import re
from collections.abc import Callable

from strands import tool

from agent.effects import effect
from agent.errors import AttemptStoppedError
from agent.workflows.cost import queries
from agent.workflows.cost.bill import Answer, Bill
from agent.workflows.cost.errors import QueryFailedError, QueryRefusedError
from agent.workflows.cost.summary import Summary

MAX_TOP = 50
_TAG_KEY = re.compile(r"[\w .:/=+@-]{1,128}")


class BillTools:
    """The questions an analyst can ask of one bill, each a tool."""

    def __init__(self, open_bill: Callable[[], Bill], summary: Summary) -> None:
        """Make the tools.

        Args:
            open_bill: Gives the bill; called when the first question comes, so that an analysis
                that is finished already opens nothing.
            summary: What is known of the bill.
        """
        self._open_bill = open_bill
        self._summary = summary

    def all(self) -> list[object]:
        """Give the tools, to be passed to an agent."""
        return [
            self.describe_bill,
            self.top_costs,
            self.daily_costs,
            self.cost_anomalies,
            self.list_versus_effective,
            self.commitment_coverage,
            self.untagged_spend,
            self.idle_resources,
            self.run_sql,
        ]

    @effect(idempotent=True)
    @tool
    def describe_bill(self) -> str:
        """Tell what the bill covers: period, providers, currencies, totals by charge category.

        Ask this first. Amounts of different currencies are never added up.
        """
        summary = self._summary
        facts = {
            "name": summary.name,
            "format": summary.format,
            "charges": summary.rows,
            "first_day": summary.first_day.isoformat(),
            "last_day": summary.last_day.isoformat(),
            "providers": list(summary.providers),
            "currencies": list(summary.currencies),
            "absent_columns": list(summary.absent),
            "totals": [self._ask(queries.TOTALS, it).to_json() for it in summary.currencies],
            "categories": [
                self._ask(queries.CATEGORIES, it).to_json() for it in summary.currencies
            ],
        }
        return json.dumps(facts, ensure_ascii=False)

    @effect(idempotent=True)
    @tool
    def top_costs(self, by: queries.Dimension, currency: str, limit: int = 10) -> str:
        """Give the largest parts of the effective cost.

        Args:
            by: What to group by.
            currency: One of the bill's currencies.
            limit: How many rows, at most 50.
        """
        return self._answer(queries.top(by, max(1, min(limit, MAX_TOP))), currency, needs=(by,))

    @effect(idempotent=True)
    @tool
    def daily_costs(self, currency: str, service: str | None = None) -> str:
        """Give the effective usage cost of each day.

        Args:
            currency: One of the bill's currencies.
            service: One service; all when left out.
        """
        return self._answer(queries.daily(service), currency)

    @effect(idempotent=True)
    @tool
    def cost_anomalies(self, currency: str) -> str:
        """Find days on which a service in an account cost far more than it usually does.

        Compares with the median day; `excess` is the cost above it. Needs a week of daily charges.

        Args:
            currency: One of the bill's currencies.
        """
        return self._answer(queries.ANOMALIES, currency)

    @effect(idempotent=True)
    @tool
    def list_versus_effective(self, currency: str) -> str:
        """Compare usage at list, contracted and effective cost: what discounts saved.

        Args:
            currency: One of the bill's currencies.
        """
        return self._answer(queries.SAVINGS, currency, needs=("list_cost",))

    @effect(idempotent=True)
    @tool
    def commitment_coverage(self, currency: str) -> str:
        """Tell how well reservations and savings plans are used, and what they leave uncovered.

        `steady_on_demand_cost` is the part of the on-demand cost that was there on every day;
        `estimated_saving` is that part at the discount existing commitments give.

        Args:
            currency: One of the bill's currencies.
        """
        needs = ("pricing_category", "service_category", "unit")
        return self._answer(queries.COMMITMENTS, currency, needs=needs)

    @effect(idempotent=True)
    @tool
    def untagged_spend(self, currency: str, tag: str | None = None) -> str:
        """Give the cost of resources without tags by account; the first row is the total.

        Args:
            currency: One of the bill's currencies.
            tag: Look for this one tag instead of any.
        """
        if tag is not None and not _TAG_KEY.fullmatch(tag):
            why = f"the tag {tag!r} has characters tags do not have"
            raise QueryRefusedError(why)
        return self._answer(queries.untagged(tag), currency, needs=("tags", "resource_id"))

    @effect(idempotent=True)
    @tool
    def idle_resources(self, currency: str) -> str:
        """Find resources that are paid for and not used, as far as a bill can tell.

        These are resources the provider itself bills as idle, and load balancers, gateways and
        endpoints that nothing passed through.

        Args:
            currency: One of the bill's currencies.
        """
        needs = ("resource_id", "description", "unit")
        return self._answer(queries.IDLE, currency, needs=needs)

    @effect(idempotent=True)
    @tool
    def run_sql(self, sql: str, currency: str) -> str:
        """Execute one SELECT (DuckDB's dialect) over the view `bill`, which it only reads.

        The view holds the charges of one currency. ORDER BY makes row numbers reliable.

        Args:
            sql: One SELECT.
            currency: One of the bill's currencies.
        """
        return self._answer(sql, currency)

    def _answer(self, sql: str, currency: str, *, needs: tuple[str, ...] = ()) -> str:
        if absent := [column for column in needs if column in self._summary.absent]:
            why = f"this bill has no {' and no '.join(absent)}"
            raise QueryFailedError(why)
        return json.dumps(self._ask(sql, currency).to_json(), ensure_ascii=False)

    def _ask(self, sql: str, currency: str) -> Answer:
        try:
            return self._open_bill().ask(sql, currency)
        except AttemptStoppedError as error:
            # The agent stops at its own edge; the ledger does not keep what this call gave.
            why = "the run is stopping"
            raise QueryFailedError(why) from error
