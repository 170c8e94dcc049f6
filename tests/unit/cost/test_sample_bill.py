"""The sample bill is what its script makes, and is FOCUS 1.0."""

import csv
import gzip
import importlib.util
import io
import json
from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from tests.support.cost import PROJECT, SAMPLE

Row = dict[str, str]

#: FOCUS 1.0: columns that must be there and may not be empty.
NOT_NULL = (
    "BilledCost",
    "BillingAccountId",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
)
#: FOCUS 1.0: what else must be there.
NULLABLE = (
    "AvailabilityZone",
    "BillingAccountName",
    "ChargeClass",
    "ChargeDescription",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedUnitPrice",
    "ListUnitPrice",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "SkuId",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "Tags",
)
ALLOWED = {
    "ChargeCategory": {"Usage", "Purchase", "Tax", "Credit", "Adjustment"},
    "ChargeClass": {"", "Correction"},
    "ChargeFrequency": {"One-Time", "Recurring", "Usage-Based"},
    "CommitmentDiscountCategory": {"", "Spend", "Usage"},
    "CommitmentDiscountStatus": {"", "Used", "Unused"},
    "PricingCategory": {"", "Standard", "Dynamic", "Committed", "Other"},
    "ServiceCategory": {
        "AI and Machine Learning",
        "Analytics",
        "Business Applications",
        "Compute",
        "Databases",
        "Developer Tools",
        "Multicloud",
        "Identity",
        "Integration",
        "Internet of Things",
        "Management and Governance",
        "Media",
        "Migration",
        "Mobile",
        "Networking",
        "Security",
        "Storage",
        "Web",
        "Other",
    },
}
NUMBERS = (
    "BilledCost",
    "ConsumedQuantity",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "ListCost",
    "ListUnitPrice",
    "PricingQuantity",
)
INSTANTS = ("BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart")


@cache
def rows() -> list[Row]:
    text = gzip.decompress(SAMPLE.read_bytes()).decode()
    return list(csv.DictReader(io.StringIO(text)))


def regular(category: str) -> list[Row]:
    return [row for row in rows() if row["ChargeCategory"] == category and not row["ChargeClass"]]


def script() -> Any:  # noqa: ANN401 - a module
    spec = importlib.util.spec_from_file_location("sample", PROJECT / "data/make_sample_bill.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_bill_is_the_one_its_script_makes() -> None:
    assert gzip.decompress(SAMPLE.read_bytes()).decode() == script().table()


def test_it_is_a_few_thousand_charges_mostly_in_dollars() -> None:
    dollars = sum(row["BillingCurrency"] == "USD" for row in rows())

    assert 2_000 < len(rows()) < 10_000
    assert dollars > 0.9 * len(rows())
    assert {row["BillingCurrency"] for row in rows()} == {"USD", "EUR"}


def test_it_has_every_column_in_the_order_of_its_names() -> None:
    assert tuple(rows()[0]) == tuple(sorted([*NOT_NULL, *NULLABLE]))


@pytest.mark.parametrize("column", NOT_NULL)
def test_what_may_not_be_null_is_not(column: str) -> None:
    assert all(row[column] for row in rows())


@pytest.mark.parametrize("column", ALLOWED)
def test_closed_lists_are_kept_to(column: str) -> None:
    assert {row[column] for row in rows()} <= ALLOWED[column]


def test_numbers_are_decimals_that_fit_twelve_places() -> None:
    for row in rows():
        for column in NUMBERS:
            value = Decimal(row[column] or 0)
            assert value == value.quantize(Decimal("1e-12"))
            assert "E" not in row[column]


def test_instants_are_utc_and_periods_run_forward() -> None:
    for row in rows():
        start, end, from_, to = (
            datetime.strptime(row[column], "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007 - its Z is checked
            for column in (
                "ChargePeriodStart",
                "ChargePeriodEnd",
                "BillingPeriodStart",
                "BillingPeriodEnd",
            )
        )
        assert start < end
        assert row["ChargeClass"] or from_ <= start < end <= to


def test_costs_are_prices_times_quantities() -> None:
    for row in [*regular("Usage"), *regular("Purchase")]:
        quantity = Decimal(row["PricingQuantity"])
        assert Decimal(row["ListUnitPrice"]) * quantity == Decimal(row["ListCost"])
        assert Decimal(row["ContractedUnitPrice"]) * quantity == Decimal(row["ContractedCost"])
        assert row["SkuPriceId"]
        assert row["PricingUnit"]


def test_discounts_only_lower_what_usage_costs() -> None:
    for row in regular("Usage"):
        if row["CommitmentDiscountStatus"] != "Unused":
            listed, contracted = Decimal(row["ListCost"]), Decimal(row["ContractedCost"])
            assert Decimal(row["EffectiveCost"]) <= contracted <= listed
            assert row["ConsumedQuantity"]
            assert row["ConsumedUnit"]


def test_a_price_belongs_to_one_sku() -> None:
    skus = defaultdict(set)
    for row in rows():
        if row["SkuPriceId"]:
            skus[row["SkuPriceId"]].add(row["SkuId"])

    assert all(len(found) == 1 for found in skus.values())


def test_commitments_are_named_priced_and_balanced() -> None:
    spent: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows():
        committed = row["CommitmentDiscountId"]
        names = (row["CommitmentDiscountCategory"], row["CommitmentDiscountType"])
        assert all(names) if committed else not any(names)
        assert (row["PricingCategory"] == "Committed") == bool(committed)
        is_usage = row["ChargeCategory"] == "Usage"
        assert bool(row["CommitmentDiscountStatus"]) == bool(committed and is_usage)
        if committed:
            column = "EffectiveCost" if is_usage else "BilledCost"
            spent[committed, row["ChargeCategory"]] += Decimal(row[column])
            assert Decimal(row["BilledCost" if is_usage else "EffectiveCost"]) == 0

    for committed, category in list(spent):
        assert spent[committed, "Usage"] == spent[committed, "Purchase"], (committed, category)


def test_purchases_are_not_usage_based_and_tax_has_no_price() -> None:
    assert all(row["ChargeFrequency"] != "Usage-Based" for row in regular("Purchase"))
    for row in regular("Tax"):
        assert not row["PricingCategory"]
        assert not row["ListUnitPrice"]


def test_resources_have_types_and_tags_are_flat_objects() -> None:
    for row in rows():
        assert bool(row["ResourceId"]) == bool(row["ResourceType"])
        if row["Tags"]:
            found = json.loads(row["Tags"])
            assert found
            assert all(isinstance(value, str) for value in found.values())
