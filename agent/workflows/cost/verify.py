"""Every finding against its own evidence: what a query does not give is not reported."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from agent.workflows.cost.bill import Answer, Bill, Cell
from agent.workflows.cost.errors import QueryError
from agent.workflows.cost.findings import Analysis, Finding
from agent.workflows.cost.numbers import Known, Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A finding whose amount its evidence gave again, with the text that holds."""

    finding: Finding
    #: From the query, not from the analyst.
    amount: Decimal
    explanation: str
    action: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class Dropped:
    """A finding that is not reported."""

    title: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What of an analysis can be reported."""

    summary: str
    #: Largest first within a currency; currencies in the bill's order.
    findings: tuple[Verified, ...]
    dropped: tuple[Dropped, ...]
    #: Answers that findings take further numbers from.
    supporting: tuple[Answer, ...]
    not_covered: tuple[str, ...]
    #: Sentences left out because a number in them is in no answer.
    sentences_left_out: int


class _UnverifiedError(Exception):
    """A finding does not hold; the message says why."""


def verify(analysis: Analysis, bill: Bill, *, shown: Sequence[Answer] = ()) -> Verdict:
    """Ask every evidence query again and keep what its answer confirms.

    Args:
        analysis: What an analyst handed in.
        bill: Answers the queries it cites.
        shown: What the report shows anyway; texts may take numbers from there.

    Raises:
        AttemptStoppedError: The attempt must stop.
    """
    verified: list[Verified] = []
    dropped: list[Dropped] = []
    left_out = 0
    for finding in analysis.findings:
        try:
            found, count = _verified(finding, bill, shown)
        except _UnverifiedError as why:
            dropped.append(Dropped(_harmless(finding.title), str(why)))
        else:
            verified.append(found)
            left_out += count
    supporting = _supporting(verified, bill)
    known = Known([*shown, *(found.answer for found in verified), *supporting])
    summary, count = known.keep_known(analysis.summary)
    left_out += count
    gaps = [gap for gap in analysis.not_covered if not known.unknown_in(gap)]
    return Verdict(
        summary=summary,
        findings=tuple(sorted(verified, key=lambda found: _order(found, bill))),
        dropped=tuple(dropped),
        supporting=tuple(supporting),
        not_covered=tuple(gaps),
        sentences_left_out=left_out + len(analysis.not_covered) - len(gaps),
    )


def _verified(finding: Finding, bill: Bill, shown: Sequence[Answer]) -> tuple[Verified, int]:
    answer = _answer(finding.evidence.query_id, bill)
    if answer.query.currency != finding.currency:
        why = f"its evidence is in {answer.query.currency}, not in {finding.currency}"
        raise _UnverifiedError(why)
    amount = _amount(finding, answer)
    supporting = [_answer(query_id, bill) for query_id in finding.supporting]
    known = Known([answer, *supporting, *shown])
    if unknown := known.unknown_in(finding.title):
        why = f"its title has {unknown[0]}, which no query it cites gave"
        raise _UnverifiedError(why)
    explanation, left_out = known.keep_known(finding.explanation)
    action, also_left_out = known.keep_known(finding.action)
    verified = Verified(
        finding=finding, amount=amount, explanation=explanation, action=action, answer=answer
    )
    return verified, left_out + also_left_out


def _answer(query_id: str, bill: Bill) -> Answer:
    query = bill.log.get(query_id)
    if query is None:
        why = f"it cites query {query_id!r}, which was not asked"
        raise _UnverifiedError(why)
    try:
        return bill.ask(query.sql, query.currency)
    except QueryError as error:
        why = f"query {query_id!r} gave no answer the second time"
        raise _UnverifiedError(why) from error


def _amount(finding: Finding, answer: Answer) -> Decimal:
    evidence = finding.evidence
    if evidence.column not in answer.columns or evidence.row > len(answer.rows):
        why = f"{evidence.query_id} has no row {evidence.row} with a column {evidence.column!r}"
        raise _UnverifiedError(why)
    cell: Cell = answer.records()[evidence.row - 1][evidence.column]
    if isinstance(cell, bool) or not isinstance(cell, int | Decimal):
        why = f"{evidence.column!r} in row {evidence.row} of {evidence.query_id} is no number"
        raise _UnverifiedError(why)
    claimed = _claimed(finding.amount)
    exact = Decimal(cell)
    if claimed is None or not claimed.is_rounded_from(exact):
        why = f"it claims {finding.amount}, and its evidence gives another amount"
        raise _UnverifiedError(why)
    return exact


def _claimed(text: str) -> Number | None:
    try:
        value = Decimal(text.replace(",", "").strip())
    except InvalidOperation:
        return None
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        return None
    return Number(text, abs(value), Decimal(1).scaleb(exponent))


def _supporting(verified: Iterable[Verified], bill: Bill) -> list[Answer]:
    ids = {query_id for found in verified for query_id in found.finding.supporting}
    return [_answer(query_id, bill) for query_id in sorted(ids)]


def _order(found: Verified, bill: Bill) -> tuple[int, Decimal, str]:
    place = bill.currencies.index(found.finding.currency)
    return place, -abs(found.amount), found.finding.title


def _harmless(title: str) -> str:
    """Name a finding that does not hold without the numbers that may be wrong in it."""
    return "".join("#" if character.isdigit() else character for character in title)
