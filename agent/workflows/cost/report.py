"""The report: what a finance reader gets, made of answers to queries and of nothing else."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.workflows.cost.bill import Answer, Bill
from agent.workflows.cost.figures import ask, decimal_of, draw
from agent.workflows.cost.findings import MEANING, Analysis
from agent.workflows.cost.markdown import Contents, headline_of, write
from agent.workflows.cost.summary import Summary
from agent.workflows.cost.verify import Verdict, Verified, verify
from runs.json_types import Json


@dataclass(frozen=True, slots=True)
class File:
    """One file of the report."""

    name: str
    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The report's files and what is said of it in one line."""

    headline: str
    totals: Mapping[str, Mapping[str, str]]
    #: How many findings held.
    findings: int
    files: Sequence[File]


def write_report(bill: Bill, summary: Summary, analysis: Analysis, *, author: str) -> Report:
    """Write the report's files: the same bytes for the same bill and analysis.

    Args:
        bill: Answers the report's own queries, and again those the analysis cites.
        summary: What is known of the bill.
        analysis: What the analyst handed in; only what holds is reported.
        author: Who analysed: a model, or the offline playbook.

    Raises:
        AttemptStoppedError: The attempt must stop.
    """
    figures = ask(bill, summary)
    verdict = verify(analysis, bill, shown=list(figures.all()))
    headline = headline_of(summary, figures, verdict)
    charts = dict(draw(figures, verdict.findings, currency=summary.currencies[0]))
    contents = Contents(
        headline=headline,
        author=author,
        summary=summary,
        figures=figures,
        verdict=verdict,
        charts=charts.keys(),
    )
    totals = {it: _total(figures.totals[it]) for it in summary.currencies}
    data = _findings_json(headline, totals, summary, verdict)
    files = [
        *(File(name, image, "image/png") for name, image in charts.items()),
        File("findings.json", _encoded(data), "application/json"),
        File("report.md", write(contents).encode(), "text/markdown; charset=utf-8"),
    ]
    return Report(headline=headline, totals=totals, findings=len(verdict.findings), files=files)


def _encoded(data: Json) -> bytes:
    return (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode()


def _total(answer: Answer) -> dict[str, str]:
    record = answer.records()[0]
    return {
        "billed_cost": format(decimal_of(record["billed_cost"]), "f"),
        "effective_cost": format(decimal_of(record["effective_cost"]), "f"),
    }


def _findings_json(
    headline: str,
    totals: Mapping[str, Mapping[str, str]],
    summary: Summary,
    verdict: Verdict,
) -> dict[str, Json]:
    return {
        "headline": headline,
        "bill": summary.to_json(),
        "totals": totals,
        "findings": [_finding_json(found) for found in verdict.findings],
        "dropped": [{"title": it.title, "why": it.why} for it in verdict.dropped],
    }


def _finding_json(found: Verified) -> dict[str, Json]:
    finding = found.finding
    return {
        "kind": finding.kind.value,
        "title": finding.title,
        "amount": format(found.amount, "f"),
        "currency": finding.currency,
        "amount_is": MEANING[finding.kind],
        "explanation": found.explanation,
        "action": found.action,
        "evidence": {
            **finding.evidence.model_dump(),
            "sql": found.answer.query.sql.strip(),
            "supporting": list(finding.supporting),
        },
    }
