"""What holds for every bill: sums are exact, and currencies stay apart."""

import tempfile
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.workflows.cost import queries
from agent.workflows.cost.bill import Answer
from tests.support.cost import focus, load_text, on_day

AMOUNT = st.decimals(-(10**9), 10**9, places=12).map(lambda amount: f"{amount:f}")

CHARGES = st.lists(
    st.fixed_dictionaries(
        {
            "EffectiveCost": AMOUNT,
            "BilledCost": AMOUNT,
            "BillingCurrency": st.sampled_from(["USD", "EUR", "JPY"]),
            "ServiceName": st.sampled_from(["S3", "EC2", 'O\'Hare, "Ltd"', "x\ny", "ünïcode"]),
            "ChargeCategory": st.sampled_from(["Usage", "Purchase", "Tax", "Credit"]),
            "RegionId": st.sampled_from(["", "NULL", "eu-1"]),
        }
    ),
    min_size=1,
    max_size=30,
)

Charge = dict[str, str]


def summed(charges: list[Charge], column: str) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for charge in charges:
        totals[charge["BillingCurrency"]] += Decimal(charge[column])
    return totals


def column_sum(answer: Answer, column: str) -> Decimal:
    return sum((Decimal(str(record[column])) for record in answer.records()), Decimal(0))


@settings(deadline=None, max_examples=40)
@given(CHARGES)
def test_totals_are_the_exact_sums_of_their_own_currency(charges: list[Charge]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bill, summary = load_text(focus(*charges), Path(folder))
        found = {it: bill.ask(queries.TOTALS, it).records()[0] for it in summary.currencies}
        bill.close()

    for column, name in (("EffectiveCost", "effective_cost"), ("BilledCost", "billed_cost")):
        assert {it: record[name] for it, record in found.items()} == summed(charges, column)


@settings(deadline=None, max_examples=30)
@given(CHARGES)
def test_every_grouping_adds_up_to_the_total(charges: list[Charge]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bill, summary = load_text(focus(*charges), Path(folder))
        for currency in summary.currencies:
            total = column_sum(bill.ask(queries.TOTALS, currency), "effective_cost")
            grouped = [queries.CATEGORIES, *(queries.top(by, 50) for by in queries.DIMENSIONS)]
            for sql in grouped:
                assert column_sum(bill.ask(sql, currency), "effective_cost") == total
        bill.close()


@settings(deadline=None, max_examples=20)
@given(CHARGES, st.integers(2, 28))
def test_charges_of_another_currency_change_no_answer(charges: list[Charge], day: int) -> None:
    others = [on_day(day, **charge) | {"BillingCurrency": "GBP"} for charge in charges]
    questions = [queries.TOTALS, queries.SAVINGS, queries.ANOMALIES, queries.daily()]
    francs = [*charges, {"BillingCurrency": "CHF"}]
    answers = []
    for bills in (francs, [*francs, *others]):
        with tempfile.TemporaryDirectory() as folder:
            bill, _ = load_text(focus(*bills), Path(folder))
            answers.append([bill.ask(sql, "CHF").rows for sql in questions])
            bill.close()

    assert answers[0] == answers[1]


QUESTIONS = [
    queries.TOTALS,
    queries.CATEGORIES,
    queries.SAVINGS,
    queries.ANOMALIES,
    queries.IDLE,
    queries.COMMITMENTS,
    queries.untagged(),
    queries.daily_by_service(2),
    *(queries.top(by, 5) for by in queries.DIMENSIONS),
]


@settings(deadline=None, max_examples=25)
@given(CHARGES, st.sampled_from(["0", "0.000000000001", "-0.000000000001"]))
def test_every_question_has_an_answer_even_where_credits_cancel_costs(
    charges: list[Charge], rest: str
) -> None:
    cancelled = []
    for day, charge in enumerate(charges, start=1):
        common = {
            "ResourceId": f"r{day}",
            "ResourceType": "Load Balancer",
            "ConsumedUnit": "Hours",
            "PricingCategory": "Standard",
            "ServiceCategory": "Compute",
            "CommitmentDiscountStatus": ["", "Used", "Unused"][day % 3],
            "ListCost": charge["EffectiveCost"],
        }
        cost = Decimal(charge["EffectiveCost"])
        opposite = {"EffectiveCost": f"{-cost:f}", "ListCost": f"{-cost:f}"}
        cancelled += [
            on_day(day % 28 + 1, **charge) | common,
            on_day(day % 28 + 1, **charge) | common | opposite,
        ]
    cancelled.append({"EffectiveCost": rest, "ListCost": rest, "ResourceId": "r"})
    with tempfile.TemporaryDirectory() as folder:
        bill, summary = load_text(focus(*cancelled), Path(folder))
        for currency in summary.currencies:
            for sql in QUESTIONS:
                bill.ask(sql, currency)
        bill.close()
