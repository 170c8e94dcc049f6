"""Cost Explorer's answers as a table that is read like any other bill.

Two dimensions are all Cost Explorer groups by, and only one grouping adds up to the bill. So it is
asked by service and account, once for each kind of charge: regions, resources, tags and list
prices stay unknown, which the report says. Each page costs a cent.
"""

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Protocol

#: The last days that are complete.
DAYS = 30
METRICS = ("UnblendedCost", "AmortizedCost")

#: Cost Explorer's record types, in FOCUS's words; the rest are adjustments.
_CATEGORIES = {
    "Usage": "Usage",
    "DiscountedUsage": "Usage",
    "SavingsPlanCoveredUsage": "Usage",
    "Tax": "Tax",
    "Credit": "Credit",
    "Upfront": "Purchase",
    "Recurring": "Purchase",
    "Support": "Purchase",
    "SavingsPlanRecurringFee": "Purchase",
    "SavingsPlanUpfrontFee": "Purchase",
    "Other": "Purchase",
}

COLUMNS = (
    "BillingCurrency",
    "BilledCost",
    "EffectiveCost",
    "ChargeCategory",
    "ChargeDescription",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ProviderName",
    "ServiceName",
    "SubAccountId",
)


class CostExplorer(Protocol):
    """What is used of boto3's client `ce`."""

    def get_cost_and_usage(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3's
        """Give costs by day and group, a page at a time."""
        ...


def write_table(client: CostExplorer, *, today: date, to: Path) -> None:
    """Ask for the last complete days and write them as CSV.

    Raises:
        botocore.exceptions.BotoCoreError: No credentials, or no answer.
        botocore.exceptions.ClientError: AWS refused.
    """
    period = {"Start": (today - timedelta(days=DAYS)).isoformat(), "End": today.isoformat()}
    with to.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for kind in _record_types(client, period):
            writer.writerows(_rows(client, period, kind))


def _record_types(client: CostExplorer, period: dict[str, str]) -> list[str]:
    groups = [{"Type": "DIMENSION", "Key": "RECORD_TYPE"}]
    found = {
        group["Keys"][0]
        for day in _days(client, TimePeriod=period, Granularity="MONTHLY", GroupBy=groups)
        for group in day["Groups"]
    }
    return sorted(found)


def _rows(client: CostExplorer, period: dict[str, str], kind: str) -> Iterator[list[str]]:
    groups = [
        {"Type": "DIMENSION", "Key": "SERVICE"},
        {"Type": "DIMENSION", "Key": "LINKED_ACCOUNT"},
    ]
    only = {"Dimensions": {"Key": "RECORD_TYPE", "Values": [kind]}}
    days = _days(client, TimePeriod=period, Granularity="DAILY", GroupBy=groups, Filter=only)
    for day in days:
        for group in day["Groups"]:
            yield _row(kind, day["TimePeriod"], group)


def _row(kind: str, period: dict[str, str], group: dict[str, Any]) -> list[str]:
    service, account = group["Keys"]
    billed, effective = (group["Metrics"][metric] for metric in METRICS)
    return [
        billed["Unit"],
        billed["Amount"],
        effective["Amount"],
        _CATEGORIES.get(kind, "Adjustment"),
        kind,
        period["Start"],
        period["End"],
        "AWS",
        service,
        account,
    ]


def _days(client: CostExplorer, **request: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - boto3's
    page: dict[str, Any] = {}
    while True:
        answer = client.get_cost_and_usage(Metrics=list(METRICS), **request, **page)
        yield from answer["ResultsByTime"]
        if not answer.get("NextPageToken"):
            return
        page = {"NextPageToken": answer["NextPageToken"]}
