"""The report's text, in Markdown."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from agent.workflows.cost.bill import Answer, Cell
from agent.workflows.cost.figures import TOP, Figures, decimal_of
from agent.workflows.cost.findings import MEANING, Kind
from agent.workflows.cost.money import money, number
from agent.workflows.cost.summary import Summary
from agent.workflows.cost.verify import Verdict, Verified

#: What a reader loses when a column is absent.
_LOST = {
    "list_cost": "List prices: the bill has none, so savings could not be measured.",
    "contracted_cost": "Contracted prices: negotiated savings are not told apart.",
    "resource_id": "Resources: the bill names none, so idle and untagged ones are not known.",
    "tags": "Tags: the bill has none, so spend could not be given to owners.",
    "region": "Regions: the bill names none.",
    "pricing_category": "Pricing models: commitment coverage could not be measured.",
    "service_category": "Service categories: commitment coverage could not be measured.",
    "commitment_status": "Commitments: the bill shows none in use.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a report tells."""

    headline: str
    #: Who analysed: a model, or the offline playbook.
    author: str
    summary: Summary
    figures: Figures
    verdict: Verdict
    #: Names of the charts that were drawn.
    charts: Collection[str]


def headline_of(summary: Summary, figures: Figures, verdict: Verdict) -> str:
    """Say in one line what the report says."""
    costs = " and ".join(
        money(decimal_of(figures.totals[it].records()[0]["effective_cost"]), it)
        for it in summary.currencies
    )
    line = f"{costs} of cloud cost, {_period(summary)}"
    # What was saved already is good to know, and no news.
    first = next((it for it in verdict.findings if it.finding.kind is not Kind.SAVED), None)
    if first is None:
        return f"{line}; nothing stands out."
    count = len(verdict.findings)
    counted = "1 finding" if count == 1 else f"{count} findings"
    return f"{line}; {counted}, the largest: {first.finding.title} ({_amount(first)})."


def write(contents: Contents) -> str:
    """Write the report."""
    return "\n".join(_lines(contents))


def _lines(contents: Contents) -> Iterator[str]:
    summary, figures, verdict = contents.summary, contents.figures, contents.verdict
    yield from ("# Cloud cost report", "", f"**{_escaped(contents.headline)}**", "")
    if verdict.summary:
        yield from (_escaped(verdict.summary), "")
    yield from _totals(summary, figures)
    for currency in summary.currencies:
        yield from (f"## Where the money goes, {currency}", "")
        if currency == summary.currencies[0]:
            yield from _chart("Cost per day by service", "charts/daily.png", contents)
            yield from _chart("Cost by service", "charts/services.png", contents)
        yield from _currency(summary, figures, currency)
    yield from ("## Findings, largest first", "")
    yield from _chart("Findings by amount", "charts/findings.png", contents)
    yield from _findings(verdict)
    yield from _gaps(summary, verdict)
    yield from _about(summary, contents.author)
    yield from _queries(figures, verdict)


def _chart(title: str, name: str, contents: Contents) -> Iterator[str]:
    if name in contents.charts:
        yield from (f"![{title}]({name})", "")


def _totals(summary: Summary, figures: Figures) -> Iterator[str]:
    yield from ("## Totals", "")
    header = ("Currency", "Effective cost", "Billed", "Usage at list prices", "Charges", "Query")
    rows = []
    for currency in summary.currencies:
        answer = figures.totals[currency]
        record = answer.records()[0]
        rows.append(
            (
                currency,
                _number(record["effective_cost"], currency),
                _number(record["billed_cost"], currency),
                _number(record["list_cost_of_usage"], currency),
                f"{record['charges']:,}",
                f"`{answer.query.id}`",
            )
        )
    yield from _table(header, rows, numbers={1, 2, 3, 4})
    yield ""
    yield (
        "*Effective cost* spreads prepayments over what they cover; *billed* is what the invoice "
        "says. Amounts of different currencies are never added up."
    )
    yield ""


def _currency(summary: Summary, figures: Figures, currency: str) -> Iterator[str]:
    yield from _top("Service", figures.services[currency], currency)
    yield from _top("Account", figures.accounts[currency], currency)
    if "region" not in summary.absent:
        yield from _top("Region", figures.regions[currency], currency)
    answer = figures.categories[currency]
    rows = [
        (
            str(record["charge_category"]),
            _number(record["effective_cost"], currency),
            _number(record["billed_cost"], currency),
        )
        for record in answer.records()
    ]
    header = ("Kind of charge", f"Effective cost, {currency}", f"Billed, {currency}")
    yield from _table(header, rows, numbers={1, 2})
    yield from ("", f"Query `{answer.query.id}`.", "")


def _top(title: str, answer: Answer, currency: str) -> Iterator[str]:
    rows = [
        (
            _escaped(row[0]),
            _number(row[1], currency),
            "" if row[2] is None else f"{row[2]:.1f} %",
            _number(row[3], currency),
        )
        for row in answer.rows
    ]
    header = (title, f"Effective cost, {currency}", "Share", f"Billed, {currency}")
    yield from _table(header, rows, numbers={1, 2, 3})
    more = f" The {TOP} largest." if len(answer.rows) == TOP else ""
    yield from ("", f"Query `{answer.query.id}`.{more}", "")


def _findings(verdict: Verdict) -> Iterator[str]:
    if not verdict.findings:
        yield from ("Nothing stands out.", "")
        return
    rows = [
        (str(place), _escaped(found.finding.title), _amount(found), MEANING[found.finding.kind])
        for place, found in enumerate(verdict.findings, start=1)
    ]
    yield from _table(("", "Finding", "Amount", "The amount is"), rows, numbers={2})
    yield from ("", "Findings may overlap (an idle resource may also lack tags): don't add up.", "")
    for place, found in enumerate(verdict.findings, start=1):
        yield from _finding(place, found)


def _finding(place: int, found: Verified) -> Iterator[str]:
    finding = found.finding
    yield from (f"### {place}. {_escaped(finding.title)}", "")
    yield from (f"**{_amount(found)}** {MEANING[finding.kind]}.", "")
    if found.explanation:
        yield from (_escaped(found.explanation), "")
    if found.action:
        yield from (f"*What to do:* {_escaped(found.action)}", "")
    evidence = finding.evidence
    cited = f"query `{evidence.query_id}`, row {evidence.row}, column `{evidence.column}`"
    also = ", ".join(f"`{query_id}`" for query_id in finding.supporting)
    yield from (f"*Evidence:* {cited}" + (f"; also {also}" if also else "") + ".", "")


def _gaps(summary: Summary, verdict: Verdict) -> Iterator[str]:
    yield from ("## What was not covered", "")
    gaps = list(_known_gaps(summary)) + [_escaped(gap) for gap in verdict.not_covered]
    for dropped in verdict.dropped:
        gaps.append(f"Dropped: “{_escaped(dropped.title)}”, because {_escaped(dropped.why)}.")
    if verdict.sentences_left_out:
        gaps.append(
            f"Sentences left out because no query gave a number in them: "
            f"{verdict.sentences_left_out}."
        )
    for gap in gaps:
        yield f"- {gap}"
    yield ""


def _known_gaps(summary: Summary) -> Iterator[str]:
    for column, lost in _LOST.items():
        if column in summary.absent:
            yield lost
    if summary.rows_over_a_day:
        yield (
            f"Charges for more than a day ({summary.rows_over_a_day:,}) are in the totals, and in "
            "no daily figure."
        )
    if summary.rows_without_cost:
        yield f"Charges without an effective cost ({summary.rows_without_cost:,}) count as zero."
    if len(summary.currencies) > 1:
        yield f"Charts show {summary.currencies[0]} only, the currency of most charges."
    yield "How resources are used inside: a bill shows what was paid, not what was needed."


def _about(summary: Summary, author: str) -> Iterator[str]:
    yield from ("## About this report", "")
    yield f"- Bill: {_escaped(summary.name)}, {summary.format}, {summary.rows:,} charges"
    yield f"- SHA-256 of the bill: `{summary.sha256}`"
    yield f"- Period: {_period(summary)}"
    yield f"- Providers: {_escaped(', '.join(summary.providers) or 'not named')}"
    yield f"- Analysed by: {_escaped(author)}"
    yield "- Every amount was asked of the bill again when this report was written."
    yield ""


def _queries(figures: Figures, verdict: Verdict) -> Iterator[str]:
    yield from ("## Queries", "")
    yield (
        "Each is read-only SQL (DuckDB) over `bill`, the charges of one currency in the columns "
        "of `bill.parquet`."
    )
    yield ""
    asked = {answer.query.id: answer for answer in figures.all()}
    asked |= {found.answer.query.id: found.answer for found in verdict.findings}
    asked |= {answer.query.id: answer for answer in verdict.supporting}
    for query_id, answer in sorted(asked.items()):
        query = answer.query
        yield from (f"`{query_id}`, {query.currency}:", "", "```sql", query.sql.strip(), "```", "")


def _table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: set[int]
) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield (
        "|" + "|".join("---:" if place in numbers else "---" for place in range(len(header))) + "|"
    )
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _amount(found: Verified) -> str:
    return money(found.amount, found.finding.currency)


def _number(cell: Cell, currency: str) -> str:
    return "" if cell is None else number(decimal_of(cell), currency)


def _period(summary: Summary) -> str:
    first, last = summary.first_day, summary.last_day
    if first == last:
        return _day(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {_day(last)}"
    return f"{_day(first)} to {_day(last)}"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _escaped(text: object) -> str:
    """Write a text from a bill or a model so that it can't become a link, a heading or a cell."""
    plain = " ".join(str(text).split())
    for character in "\\`*_[]<>|#":
        plain = plain.replace(character, f"\\{character}")
    return plain
