"""The questions every bill is asked, against small bills whose answers are counted by hand."""

from decimal import Decimal
from pathlib import Path

from agent.workflows.cost import queries
from agent.workflows.cost.bill import Cell
from tests.support.cost import focus, load_text, on_day

Record = dict[str, Cell]


def asked(text: str, folder: Path, sql: str, currency: str = "USD") -> list[Record]:
    bill, _ = load_text(text, folder)
    records = bill.ask(sql, currency).records()
    bill.close()
    return records


def hours(day: int, cost: str, **charge: str) -> dict[str, str]:
    """Give a day of computing that a commitment could cover."""
    return on_day(
        day,
        EffectiveCost=cost,
        ListCost=charge.pop("ListCost", cost),
        ConsumedUnit="Hours",
        ConsumedQuantity="24",
        PricingCategory=charge.pop("PricingCategory", "Standard"),
        ServiceCategory="Compute",
        **charge,
    )


def test_totals_leave_purchases_out_of_list_prices(tmp_path: Path) -> None:
    text = focus(
        {"BilledCost": "0", "EffectiveCost": "7", "ListCost": "10"},
        {
            "BilledCost": "8",
            "EffectiveCost": "0",
            "ListCost": "8",
            "ChargeCategory": "Purchase",
        },
        {"BilledCost": "100", "EffectiveCost": "100", "BillingCurrency": "EUR"},
    )

    assert asked(text, tmp_path, queries.TOTALS) == [
        {"charges": 2, "billed_cost": 8, "effective_cost": 7, "list_cost_of_usage": 10}
    ]


def test_the_largest_parts_have_shares_and_ties_have_an_order(tmp_path: Path) -> None:
    text = focus(
        {"ServiceName": "b", "EffectiveCost": "1"},
        {"ServiceName": "a", "EffectiveCost": "1"},
        {"ServiceName": "c", "EffectiveCost": "6"},
        {"ServiceName": "", "EffectiveCost": "-0.5"},
    )

    found = asked(text, tmp_path, queries.top("service", 3))

    assert [(row["service"], row["percent"]) for row in found] == [
        ("c", Decimal(80)),
        ("a", Decimal("13.3")),
        ("b", Decimal("13.3")),
    ]


def test_where_credits_leave_next_to_nothing_there_are_no_shares(tmp_path: Path) -> None:
    text = focus(
        {"ServiceName": "a", "EffectiveCost": "1000000.9"},
        {"ServiceName": "b", "EffectiveCost": "-1000000.899999999999"},
    )

    found = asked(text, tmp_path, queries.top("service", 3))

    assert [(row["service"], row["percent"]) for row in found] == [("a", None), ("b", None)]


def test_days_hold_usage_of_a_day_at_most(tmp_path: Path) -> None:
    month = {"ChargePeriodStart": "2025-09-01", "ChargePeriodEnd": "2025-10-01"}
    text = focus(
        on_day(1, EffectiveCost="1"),
        on_day(1, EffectiveCost="0.5", ServiceName="O'Hare"),
        on_day(2, EffectiveCost="2"),
        on_day(2, EffectiveCost="9", ChargeCategory="Tax"),
        on_day(2, EffectiveCost="9", ChargeClass="Correction"),
        month | {"EffectiveCost": "100"},
    )

    assert asked(text, tmp_path, queries.daily()) == [
        {"day": "2025-09-01", "effective_cost": Decimal("1.5")},
        {"day": "2025-09-02", "effective_cost": 2},
    ]
    assert asked(text, tmp_path, queries.daily("O'Hare")) == [
        {"day": "2025-09-01", "effective_cost": Decimal("0.5")}
    ]


def test_small_services_are_one_in_the_days_by_service(tmp_path: Path) -> None:
    text = focus(
        on_day(1, ServiceName="big", EffectiveCost="5"),
        on_day(1, ServiceName="x", EffectiveCost="1"),
        on_day(1, ServiceName="y", EffectiveCost="2"),
    )

    assert asked(text, tmp_path, queries.daily_by_service(1)) == [
        {"day": "2025-09-01", "service": "big", "effective_cost": 5},
        {"day": "2025-09-01", "service": "Other", "effective_cost": 3},
    ]


def test_a_peak_is_told_with_its_days_and_what_is_above_the_usual(tmp_path: Path) -> None:
    costs = ["10", "11", "9", "10", "60", "70", "10", "9", "11", "10"]
    text = focus(*(on_day(day, EffectiveCost=cost) for day, cost in enumerate(costs, start=1)))

    assert asked(text, tmp_path, queries.ANOMALIES) == [
        {
            "service": "Storage",
            "account_name": "(none)",
            "first_day": "2025-09-05",
            "last_day": "2025-09-06",
            "days": 2,
            "cost": 130,
            "usual_cost_per_day": 10,
            "excess": 110,
        }
    ]


def test_a_steady_cost_has_no_peak_nor_has_what_is_used_now_and_then(tmp_path: Path) -> None:
    steady = [on_day(day, EffectiveCost=str(10 + day % 2)) for day in range(1, 11)]
    rare = [on_day(day, EffectiveCost="30", ServiceName="Batch") for day in (1, 4, 7, 10)]

    assert asked(focus(*steady, *rare), tmp_path, queries.ANOMALIES) == []


def test_what_came_up_once_is_a_peak(tmp_path: Path) -> None:
    steady = [on_day(day, EffectiveCost="10") for day in range(1, 11)]
    once = on_day(4, EffectiveCost="30", ServiceName="Batch", SubAccountName="lab")

    found = asked(focus(*steady, once), tmp_path, queries.ANOMALIES)

    assert [(row["service"], row["account_name"], row["excess"]) for row in found] == [
        ("Batch", "lab", 30)
    ]


def test_less_than_a_week_has_no_usual(tmp_path: Path) -> None:
    text = focus(*(on_day(day, EffectiveCost="99" if day == 3 else "1") for day in range(1, 7)))

    assert asked(text, tmp_path, queries.ANOMALIES) == []


def passage(name: str, kind: str, *, traffic: str | None) -> list[dict[str, str]]:
    """Give what a load balancer or gateway costs by time, and by traffic if there is any."""
    resource = {"ResourceId": f"id-{name}", "ResourceName": name, "ResourceType": kind}
    time = {"ConsumedUnit": "Hours", "ConsumedQuantity": "24", "EffectiveCost": "0.54"}
    if traffic is None:
        return [resource | time]
    units = {"ConsumedUnit": "GB", "ConsumedQuantity": traffic, "EffectiveCost": "0.1"}
    return [resource | time, resource | units]


def test_what_nothing_passes_through_is_idle(tmp_path: Path) -> None:
    text = focus(
        *passage("busy", "Load Balancer", traffic="12"),
        *passage("asleep", "Load Balancer", traffic=None),
        *passage("measured", "Load Balancer", traffic="0"),
        # Nothing of this type has traffic in the bill: its absence says nothing.
        *passage("unknown", "VPN Connection", traffic=None),
        # Not something to pass through.
        {
            "ResourceId": "i-1",
            "ResourceType": "Instance",
            "ConsumedUnit": "Hours",
            "EffectiveCost": "9",
        },
    )

    assert asked(text, tmp_path, queries.IDLE) == [
        {
            "why": "on all the time, nothing passed through it",
            "resource_type": "Load Balancer",
            "resources": 2,
            "cost": Decimal("1.18"),
            "largest": "measured, asleep",
        }
    ]


def test_what_the_provider_calls_idle_is_idle(tmp_path: Path) -> None:
    address = {"ResourceType": "Elastic IP", "ChargeDescription": "$0.005 per Idle public IPv4"}
    text = focus(
        address | {"ResourceId": "ip-1", "EffectiveCost": "2"},
        address | {"ResourceId": "ip-1", "EffectiveCost": "1"},
        address | {"ResourceId": "ip-2", "EffectiveCost": "5"},
        # A word that only contains the other.
        {"ResourceId": "x", "ChargeDescription": "Middle idler tier", "EffectiveCost": "7"},
        # The unused part of a commitment is reported as that.
        {"ResourceId": "y", "ChargeDescription": "unused", "CommitmentDiscountStatus": "Unused"},
    )

    assert asked(text, tmp_path, queries.IDLE) == [
        {
            "why": "billed as idle",
            "resource_type": "Elastic IP",
            "resources": 2,
            "cost": 8,
            "largest": "ip-2, ip-1",
        }
    ]


def test_commitments_are_measured_in_use_and_in_reach(tmp_path: Path) -> None:
    used = {
        "CommitmentDiscountId": "sp",
        "CommitmentDiscountStatus": "Used",
        "PricingCategory": "Committed",
    }
    unused = {"CommitmentDiscountId": "sp", "CommitmentDiscountStatus": "Unused"}
    text = focus(
        hours(1, "70", ListCost="100", **used),
        on_day(2, EffectiveCost="10", ListCost="0", **unused),
        hours(1, "40"),
        hours(2, "60"),
        # Not what commitments are for: bought by size, at changing prices, in other categories.
        on_day(1, EffectiveCost="500", ConsumedUnit="GB-Months", PricingCategory="Standard"),
        hours(2, "500", PricingCategory="Dynamic"),
        hours(1, "500", ChargeDescription="per Unused Reservation Instance Hour"),
    )

    assert asked(text, tmp_path, queries.COMMITMENTS) == [
        {
            "covered_cost": 70,
            "covered_list_cost": 100,
            "unused_commitment_cost": 10,
            "on_demand_cost": 100,
            # 40 on the day with less, on each of two days.
            "steady_on_demand_cost": 80,
            "coverage_percent": 50,
            "utilisation_percent": Decimal("87.5"),
            "discount_percent": 30,
            "estimated_saving": 24,
        }
    ]


def test_use_that_was_not_there_every_day_is_not_steady(tmp_path: Path) -> None:
    text = focus(hours(1, "40"), on_day(2, EffectiveCost="1"))

    record = asked(text, tmp_path, queries.COMMITMENTS)[0]

    assert record["on_demand_cost"] == 40
    assert record["steady_on_demand_cost"] == 0
    assert record["utilisation_percent"] is None


def test_savings_are_split_into_negotiated_and_committed(tmp_path: Path) -> None:
    text = focus(
        {"ListCost": "100", "ContractedCost": "90", "EffectiveCost": "60"},
        {"ListCost": "0", "ContractedCost": "0", "EffectiveCost": "5"},
        {"ListCost": "50", "EffectiveCost": "50", "ChargeCategory": "Purchase"},
    )

    assert asked(text, tmp_path, queries.SAVINGS) == [
        {
            "list_cost": 100,
            "contracted_cost": 90,
            "effective_cost": 65,
            "negotiated_saving": 10,
            "commitment_saving": 25,
            "saving": 35,
            "saving_percent": 35,
        }
    ]


def test_untagged_spend_is_told_in_all_and_by_account(tmp_path: Path) -> None:
    resource = {"ResourceId": "r1", "SubAccountName": "prod"}
    text = focus(
        resource | {"Tags": '{"team": "shop"}', "EffectiveCost": "6"},
        resource | {"ResourceId": "r2", "Tags": "{}", "EffectiveCost": "1"},
        resource | {"ResourceId": "r2", "Tags": "NULL", "EffectiveCost": "1"},
        {"ResourceId": "r3", "SubAccountName": "lab", "EffectiveCost": "2"},
        # Nothing to put a tag on.
        {"EffectiveCost": "50"},
    )

    everything = asked(text, tmp_path, queries.untagged())

    assert [list(record.values()) for record in everything] == [
        ["(all)", 4, 10, 40, 2],
        ["lab", 2, 2, 100, 1],
        ["prod", 2, 8, 25, 1],
    ]
    assert asked(text, tmp_path, queries.untagged("team"))[0] == everything[0]
    assert asked(text, tmp_path, queries.untagged("owner"))[0]["untagged_cost"] == 10


def test_tags_that_are_not_json_count_as_none(tmp_path: Path) -> None:
    text = focus({"ResourceId": "r1", "Tags": "team=shop"})

    assert asked(text, tmp_path, queries.untagged())[0]["untagged_cost"] == 1


def test_a_peak_is_taken_apart_whatever_its_names_hold(tmp_path: Path) -> None:
    peak = {"ServiceName": "O'Hare", "SubAccountName": "x; DROP VIEW bill"}
    text = focus(
        on_day(3, ResourceName="log", ChargeDescription="per GB", EffectiveCost="3", **peak),
        on_day(4, ResourceName="log", ChargeDescription="per GB", EffectiveCost="3", **peak),
        on_day(4, EffectiveCost="2", **peak),
        on_day(5, EffectiveCost="9", **peak),
    )
    sql = queries.driver(
        "O'Hare", "x; DROP VIEW bill", first_day="2025-09-03", last_day="2025-09-04"
    )

    assert [list(record.values()) for record in asked(text, tmp_path, sql)] == [
        ["log", "per GB", "(none)", 6, 75],
        ["(none)", "(none)", "(none)", 2, 25],
    ]


def test_a_charge_without_names_is_found_under_no_name(tmp_path: Path) -> None:
    text = focus(on_day(3, ServiceName="", EffectiveCost="3"))
    sql = queries.driver("(none)", "(none)", first_day="2025-09-03", last_day="2025-09-03")

    assert asked(text, tmp_path, sql)[0]["effective_cost"] == 3
