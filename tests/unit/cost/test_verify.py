"""Findings are reported as far as their own evidence gives them again."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agent.workflows.cost import queries
from agent.workflows.cost.bill import Bill
from agent.workflows.cost.findings import Analysis, Evidence, Finding, Kind
from agent.workflows.cost.verify import Verdict, verify
from tests.support.cost import focus, load_text

TOP = queries.top("service", 5)


@pytest.fixture
def bill(tmp_path: Path) -> Iterator[Bill]:
    text = focus(
        {"ServiceName": "EC2", "EffectiveCost": "1234.567"},
        {"ServiceName": "S3", "EffectiveCost": "20"},
        {"ServiceName": "VM", "EffectiveCost": "700", "BillingCurrency": "EUR"},
    )
    opened, _ = load_text(text, tmp_path)
    yield opened
    opened.close()


def finding(query_id: str, **changes: Any) -> Finding:  # noqa: ANN401 - fields
    values: dict[str, Any] = {
        "kind": Kind.OTHER,
        "title": "EC2 is large",
        "amount": "1234.57",
        "currency": "USD",
        "evidence": Evidence(query_id=query_id, row=1, column="effective_cost"),
        "explanation": "EC2 cost USD 1,234.57.",
        "action": "Look at it.",
    }
    return Finding(**(values | changes))


def judged(bill: Bill, *findings: Finding, summary: str = "", **more: Any) -> Verdict:  # noqa: ANN401 - fields
    return verify(Analysis(summary=summary, findings=findings, **more), bill)


def test_a_finding_gets_its_amount_from_the_query(bill: Bill) -> None:
    query_id = bill.ask(TOP, "USD").query.id

    verdict = judged(bill, finding(query_id))

    found = verdict.findings[0]
    assert found.amount == Decimal("1234.567")
    assert (found.explanation, found.action) == ("EC2 cost USD 1,234.57.", "Look at it.")
    assert verdict.dropped == ()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"amount": "1234.60"}, "it claims 1234.60, and its evidence gives another amount"),
        ({"amount": "20"}, "it claims 20, and"),
        ({"amount": "a lot"}, "it claims a lot, and"),
        ({"amount": "NaN"}, "it claims NaN, and"),
        ({"currency": "EUR"}, "its evidence is in USD, not in EUR"),
        ({"title": "EC2 cost USD 9,999"}, "its title has 9,999, which no query it cites gave"),
        ({"supporting": ("q0000000000",)}, "it cites query 'q0000000000', which was not asked"),
    ],
)
def test_a_finding_its_evidence_does_not_bear_out_is_dropped(
    bill: Bill, changes: dict[str, Any], why: str
) -> None:
    query_id = bill.ask(TOP, "USD").query.id

    verdict = judged(bill, finding(query_id, **changes))

    assert verdict.findings == ()
    assert why in verdict.dropped[0].why
    # A wrong number in a title must not come into the report by way of the list of dropped ones.
    assert "9,999" not in verdict.dropped[0].title


@pytest.mark.parametrize(
    ("evidence", "why"),
    [
        ({"row": 3}, "has no row 3 with a column 'effective_cost'"),
        ({"column": "cost"}, "has no row 1 with a column 'cost'"),
        ({"column": "service"}, "is no number"),
        ({"query_id": "q123"}, "it cites query 'q123', which was not asked"),
        ({"query_id": "../../../etc/passwd"}, "which was not asked"),
    ],
)
def test_evidence_that_is_not_there_drops_the_finding(
    bill: Bill, evidence: dict[str, Any], why: str
) -> None:
    query_id = bill.ask(TOP, "USD").query.id
    cited: dict[str, Any] = {"query_id": query_id, "row": 1, "column": "effective_cost"}

    verdict = judged(bill, finding(query_id, evidence=Evidence(**(cited | evidence))))

    assert why in verdict.dropped[0].why


def test_a_sentence_with_a_number_of_its_own_is_left_out(bill: Bill) -> None:
    query_id = bill.ask(TOP, "USD").query.id
    text = "EC2 cost USD 1,234.57. You could save USD 600."

    verdict = judged(bill, finding(query_id, explanation=text, action="Save 50 %."))

    assert verdict.findings[0].explanation == "EC2 cost USD 1,234.57."
    assert verdict.findings[0].action == ""
    assert verdict.sentences_left_out == 2


def test_numbers_may_come_from_supporting_queries_and_from_what_the_report_shows(
    bill: Bill,
) -> None:
    query_id = bill.ask(TOP, "USD").query.id
    count = bill.ask("SELECT 777 AS x", "USD").query.id
    totals = bill.ask(queries.TOTALS, "EUR")
    text = "There are 777 of them. EUR 700 elsewhere."

    without = judged(bill, finding(query_id, explanation=text))
    analysis = Analysis(
        summary="All is well. It is EUR 700.",
        findings=(finding(query_id, explanation=text, supporting=(count,)),),
    )
    verdict = verify(analysis, bill, shown=[totals])

    assert without.findings[0].explanation == ""
    assert verdict.findings[0].explanation == text
    assert verdict.summary == "All is well. It is EUR 700."
    assert [answer.query.id for answer in verdict.supporting] == [count]


def test_the_summary_and_the_gaps_are_checked_too(bill: Bill) -> None:
    verdict = judged(
        bill,
        summary="Spend grew by 40 %. It is fine.",
        not_covered=["Nothing from 2019.", "Kubernetes namespaces."],
    )

    assert verdict.summary == "It is fine."
    assert verdict.not_covered == ("Kubernetes namespaces.",)
    assert verdict.sentences_left_out == 2


def test_findings_come_largest_first_currency_by_currency(bill: Bill) -> None:
    dollars = bill.ask(TOP, "USD").query.id
    euros = bill.ask(TOP, "EUR").query.id
    small = Evidence(query_id=dollars, row=2, column="effective_cost")

    verdict = judged(
        bill,
        finding(euros, title="c", amount="700", currency="EUR"),
        finding(dollars, title="b", amount="20", evidence=small),
        finding(dollars, title="a"),
    )

    assert [found.finding.title for found in verdict.findings] == ["a", "b", "c"]
