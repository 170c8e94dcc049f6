"""AWS CUR 2.0: line items come into FOCUS's words, amortised by the rules of its user guide."""

from decimal import Decimal
from pathlib import Path

import duckdb

from agent.workflows.cost import queries
from tests.support.cost import csv_text, load_path, load_text

ITEM = {
    "line_item_currency_code": "USD",
    "line_item_product_code": "AmazonEC2",
    "line_item_usage_account_id": "111122223333",
    "line_item_usage_account_name": "prod",
    "line_item_usage_start_date": "2025-09-01T00:00:00.000Z",
    "line_item_usage_end_date": "2025-09-02T00:00:00.000Z",
    "line_item_line_item_description": "m6i.large",
    "line_item_resource_id": "",
    "line_item_usage_amount": "24",
    "line_item_usage_type": "BoxUsage:m6i.large",
    "pricing_unit": "Hrs",
    "pricing_term": "OnDemand",
    "product": '{"product_name": "Amazon Elastic Compute Cloud", "region": "US East"}',
    "product_region_code": "us-east-1",
    "resource_tags": '{"user_team": "shop"}',
}


def item(kind: str, unblended: str, **more: str) -> dict[str, str]:
    return {
        **ITEM,
        "line_item_line_item_type": kind,
        "line_item_unblended_cost": unblended,
        **more,
    }


#: A day on which a plan of 10 dollars covers 12 dollars' worth for 8, and 2 stay unused; a
#: reservation of 5 covers 6 dollars' worth for 4, and 1 stays unused.
LINES = [
    item("Usage", "20", pricing_public_on_demand_cost="20", line_item_resource_id="i-1"),
    item("Usage", "1", pricing_public_on_demand_cost="3", pricing_term="Spot"),
    item(
        "SavingsPlanCoveredUsage",
        "12",
        pricing_public_on_demand_cost="12",
        savings_plan_savings_plan_effective_cost="8",
        savings_plan_savings_plan_a_r_n="arn:sp",
    ),
    item("SavingsPlanNegation", "-12", savings_plan_savings_plan_a_r_n="arn:sp"),
    item(
        "SavingsPlanRecurringFee",
        "10",
        savings_plan_savings_plan_a_r_n="arn:sp",
        savings_plan_total_commitment_to_date="10",
        savings_plan_used_commitment="8",
    ),
    item("SavingsPlanUpfrontFee", "0", savings_plan_savings_plan_a_r_n="arn:sp"),
    item(
        "DiscountedUsage",
        "0",
        pricing_public_on_demand_cost="6",
        reservation_effective_cost="4",
        reservation_reservation_a_r_n="arn:ri",
    ),
    item(
        "RIFee",
        "5",
        reservation_reservation_a_r_n="arn:ri",
        reservation_unused_amortized_upfront_fee_for_billing_period="0.4",
        reservation_unused_recurring_fee_for_billing_period="0.6",
    ),
    # The upfront part of a reservation, which its usage carries; and a fee for something else.
    item("Fee", "300", reservation_reservation_a_r_n="arn:ri"),
    item("Fee", "7", line_item_product_code="AmazonRegistrar", product="{}"),
    item("Tax", "3"),
    item("Credit", "-5"),
    item("Refund", "-2"),
    item("EdpDiscount", "-1"),
]


def test_billed_is_the_invoice_and_effective_is_amortised(tmp_path: Path) -> None:
    bill, summary = load_text(csv_text(LINES), tmp_path)

    record = bill.ask(queries.TOTALS, "USD").records()[0]

    assert summary.format == "AWS CUR 2.0"
    # 20 + 1 + 12 - 12 + 10 + 0 + 0 + 5 + 300 + 7 + 3 - 5 - 2 - 1
    assert record["billed_cost"] == 338
    # 20 + 1 + 8 + 0 + 2 + 0 + 4 + 1 + 0 + 7 + 3 - 5 - 2 - 1
    assert record["effective_cost"] == 38
    # 20 + 3 + 12 + 6
    assert record["list_cost_of_usage"] == 41


def test_line_items_are_given_focus_categories(tmp_path: Path) -> None:
    bill, _ = load_text(csv_text(LINES), tmp_path)

    found = {row["charge_category"]: row for row in bill.ask(queries.CATEGORIES, "USD").records()}

    assert {name: row["charges"] for name, row in found.items()} == {
        "Usage": 4,
        "Purchase": 5,
        "Tax": 1,
        "Credit": 1,
        "Adjustment": 3,
    }


def test_commitments_are_found(tmp_path: Path) -> None:
    bill, _ = load_text(csv_text(LINES), tmp_path)

    record = bill.ask(queries.COMMITMENTS, "USD").records()[0]

    assert record["covered_cost"] == 12
    assert record["covered_list_cost"] == 18
    assert record["unused_commitment_cost"] == 3
    assert record["on_demand_cost"] == 20
    assert record["utilisation_percent"] == 80


def test_names_come_from_the_product_and_the_account(tmp_path: Path) -> None:
    bill, summary = load_text(csv_text(LINES[:1]), tmp_path)
    sql = "SELECT service, service_category, account_name, region, tags ->> '$.user_team' FROM bill"

    assert bill.ask(sql, "USD").rows == (
        ("Amazon Elastic Compute Cloud", "Compute", "prod", "us-east-1", "shop"),
    )
    assert "contracted_cost" in summary.absent
    assert summary.last_day.isoformat() == "2025-09-01"


def test_a_cur_without_optional_columns_is_a_bill(tmp_path: Path) -> None:
    needed = (
        "line_item_currency_code",
        "line_item_line_item_type",
        "line_item_product_code",
        "line_item_unblended_cost",
        "line_item_usage_account_id",
        "line_item_usage_end_date",
        "line_item_usage_start_date",
    )
    line = item("Usage", "2")

    bill, summary = load_text(csv_text([{name: line[name] for name in needed}]), tmp_path)

    assert bill.ask("SELECT service, effective_cost FROM bill", "USD").rows == (("AmazonEC2", 2),)
    assert {"list_cost", "resource_id", "tags", "region"} <= set(summary.absent)


def test_parquet_with_maps_and_doubles_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cur.snappy.parquet"
    duckdb.execute(
        f"""COPY (SELECT 'USD' AS line_item_currency_code, 'Usage' AS line_item_line_item_type,
            'AmazonS3' AS line_item_product_code, 0.1::DOUBLE AS line_item_unblended_cost,
            '1' AS line_item_usage_account_id,
            TIMESTAMP '2025-09-01 00:00:00' AS line_item_usage_start_date,
            TIMESTAMP '2025-09-01 01:00:00' AS line_item_usage_end_date,
            MAP {{'product_name': 'Amazon S3'}} AS product,
            MAP {{'user_team': 'shop'}} AS resource_tags) TO '{path}'"""
    )

    loaded = load_path(path, tmp_path / "work")

    (tmp_path / "out.parquet").write_bytes(loaded.data)
    assert duckdb.execute(
        f"SELECT service, effective_cost, tags FROM read_parquet('{tmp_path / 'out.parquet'}')"  # noqa: S608 - ours
    ).fetchall() == [("Amazon S3", Decimal("0.1"), '{"user_team":"shop"}')]
