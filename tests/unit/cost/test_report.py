"""The report says what queries gave, and can't be bent by what a bill's texts hold."""

import json
from decimal import Decimal
from pathlib import Path

import matplotlib as mpl
import pytest

from agent.workflows.cost import queries
from agent.workflows.cost.findings import Analysis, Evidence, Finding, Kind
from agent.workflows.cost.report import Report, write_report
from tests.support.cost import focus, load_text, on_day

NASTY = "a|b <script>[x](http://evil) `c` **d**\n# e $f$ _g"


def report_of(text: str, folder: Path, *, kind: Kind = Kind.OTHER) -> Report:
    bill, summary = load_text(text, folder)
    asked = bill.ask(queries.top("service", 3), summary.currencies[0])
    name, cost = asked.rows[0][0], asked.rows[0][1]
    finding = Finding(
        kind=kind,
        title=f"{name} is large",
        amount=str(cost),
        currency=summary.currencies[0],
        evidence=Evidence(query_id=asked.query.id, row=1, column="effective_cost"),
        explanation=f"Look at {name}. It grew by 4321 %.",
    )
    analysis = Analysis(summary=f"{name} leads.", findings=(finding,))
    report = write_report(bill, summary, analysis, author="a test")
    bill.close()
    return report


def file(report: Report, name: str) -> bytes:
    return next(file.data for file in report.files if file.name == name)


def text_of(report: Report) -> str:
    return file(report, "report.md").decode()


CHARGES = [on_day(day, EffectiveCost=str(day), ServiceName="EC2") for day in range(1, 6)]


def test_the_report_and_its_charts_are_the_same_bytes_every_time(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    first = report_of(focus(*CHARGES), tmp_path / "a")

    assert report_of(focus(*CHARGES), tmp_path / "b").files == first.files
    assert [file.name for file in first.files] == [
        "charts/daily.png",
        "charts/services.png",
        "charts/findings.png",
        "findings.json",
        "report.md",
    ]


def test_a_users_own_chart_settings_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = report_of(focus(*CHARGES), tmp_path / "a")

    with mpl.rc_context({"font.size": 30, "figure.facecolor": "red", "savefig.dpi": 20}):
        second = report_of(focus(*CHARGES), tmp_path / "b")
        assert mpl.rcParams["font.size"] == 30

    assert first.files == second.files


def test_the_report_has_its_parts_in_order(tmp_path: Path) -> None:
    text = text_of(report_of(focus(*CHARGES), tmp_path))

    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        "## Totals",
        "## Where the money goes, USD",
        "## Findings, largest first",
        "## What was not covered",
        "## About this report",
        "## Queries",
    ]
    assert text.startswith("# Cloud cost report\n\n**USD 15.00 of cloud cost, 1 to 5 September")
    assert "EC2 is large (USD 15.00)" in text.splitlines()[2]


def test_every_query_that_is_cited_is_printed(tmp_path: Path) -> None:
    text = text_of(report_of(focus(*CHARGES), tmp_path))
    body, _, printed = text.partition("## Queries")
    cited = {word.strip("`.,") for word in body.split() if word.startswith("`q")}

    assert len(cited) >= 5
    assert all(f"`{query_id}`, USD:" in printed for query_id in cited)


def test_a_number_no_query_gave_is_not_in_the_report(tmp_path: Path) -> None:
    text = text_of(report_of(focus(*CHARGES), tmp_path))

    assert "4321" not in text
    assert "Sentences left out because no query gave a number in them: 1." in text


def test_texts_of_the_bill_stay_texts(tmp_path: Path) -> None:
    charges = [on_day(day, ServiceName=NASTY, SubAccountName=NASTY) for day in range(1, 3)]

    report = report_of(focus(*charges), tmp_path)

    body = text_of(report).partition("## Queries")[0]
    assert "<script>" not in body.replace("\\<script\\>", "")
    assert "[x](" not in body.replace("\\[x\\](", "")
    assert "\n# e" not in body
    rows = [line for line in body.splitlines() if line.startswith("| a\\|b")]
    assert rows
    assert all(line.replace("\\|", "").count("|") == 5 for line in rows)


@pytest.mark.filterwarnings("error")
def test_names_in_any_script_can_be_drawn(tmp_path: Path) -> None:
    report = report_of(focus(on_day(1, ServiceName="雲端服務 \u200f خدمة 🚀")), tmp_path)

    assert file(report, "charts/services.png").startswith(b"\x89PNG")


def test_currencies_have_tables_of_their_own_and_no_sum(tmp_path: Path) -> None:
    euros = on_day(1, EffectiveCost="100", BillingCurrency="EUR")

    report = report_of(focus(*CHARGES, euros), tmp_path)

    text = text_of(report)
    assert report.totals == {
        "USD": {"billed_cost": "5", "effective_cost": "15"},
        "EUR": {"billed_cost": "1", "effective_cost": "100"},
    }
    assert "USD 15.00 and EUR 100.00" in report.headline
    assert "## Where the money goes, EUR" in text
    assert "Charts show USD only" in text
    assert "115" not in text


def test_what_the_bill_lacks_is_listed(tmp_path: Path) -> None:
    month = {"ChargePeriodStart": "2025-09-01", "ChargePeriodEnd": "2025-10-01"}
    text = focus(*CHARGES, month | {"EffectiveCost": ""})

    report = text_of(report_of(text, tmp_path))

    assert "- Tags: the bill has none" in report
    assert "- Resources: the bill names none" in report
    assert "- Charges for more than a day (1) are in the totals" in report
    assert "- Charges without an effective cost (1) count as zero." in report


def test_a_bill_without_days_has_no_chart_of_days(tmp_path: Path) -> None:
    month = {"ChargePeriodStart": "2025-09-01", "ChargePeriodEnd": "2025-10-01"}

    report = report_of(focus(month), tmp_path)

    assert "charts/daily.png" not in {file.name for file in report.files}
    assert "charts/daily.png" not in text_of(report)


def test_without_findings_the_report_says_so(tmp_path: Path) -> None:
    bill, summary = load_text(focus(*CHARGES), tmp_path)

    report = write_report(bill, summary, Analysis(summary="", findings=()), author="a test")

    assert report.headline == "USD 15.00 of cloud cost, 1 to 5 September 2025; nothing stands out."
    assert "Nothing stands out." in text_of(report)
    assert report.findings == 0


def test_what_was_saved_already_is_not_the_news(tmp_path: Path) -> None:
    report = report_of(focus(*CHARGES), tmp_path, kind=Kind.SAVED)

    assert report.headline.endswith("nothing stands out.")
    assert "**USD 15.00** saved already." in text_of(report)


def test_findings_are_data_too_with_exact_amounts_and_sql(tmp_path: Path) -> None:
    text = focus(on_day(1, EffectiveCost="0.123456789012", ServiceName="EC2"))

    data = json.loads(file(report_of(text, tmp_path), "findings.json"))

    found = data["findings"][0]
    assert Decimal(found["amount"]) == Decimal("0.123456789012")
    assert found["evidence"]["sql"] == queries.top("service", 3).strip()
    assert data["bill"]["currencies"] == ["USD"]


def test_credits_can_be_drawn(tmp_path: Path) -> None:
    credit = on_day(1, EffectiveCost="-40", ServiceName="Credits")

    report = report_of(focus(*CHARGES, credit), tmp_path)

    assert "| Credits | -40.00 |" in text_of(report)
