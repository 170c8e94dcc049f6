"""The analyst without a language model: a fixed round of questions, and what their answers say.

It asks the same tools a model would ask and writes findings from what they gave, so that every
number in them is one a query gave.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from agent.models.conversation import Answer, Conversation, ToolCall, Turn
from agent.workflows.cost import queries
from agent.workflows.cost.findings import Analysis, Kind
from agent.workflows.cost.money import money
from runs.json_types import Json

#: Bills with more currencies than this are rare; the rest get their totals and no findings.
MAX_CURRENCIES = 4
#: Peaks that get a question of their own, for each currency.
MAX_DRIVERS = 3

#: How many names the tool gives of idle resources.
NAMED = 3

_OVERVIEW = ("service", "account_name", "region")
_CHECKS = (
    "cost_anomalies",
    "idle_resources",
    "untagged_spend",
    "commitment_coverage",
    "list_versus_effective",
)

Record = Mapping[str, Any]
Draft = dict[str, Json]


def answer(conversation: Conversation) -> Turn:
    """Give the analyst's next turn: a pure function of the conversation so far."""
    described = conversation.answers_of("describe_bill")
    if not described:
        text = "I am the offline playbook, not a language model. First: what is in this bill?"
        return Turn(text, [ToolCall("describe_bill")])
    if described[0].is_error:
        return _hand_in(summary="The bill could not be described.", findings=[], gaps=[])
    facts: Record = described[0].json()  # type: ignore[assignment]  # our own tool's
    currencies: Sequence[str] = facts["currencies"][:MAX_CURRENCIES]
    if not conversation.answers_of("top_costs"):
        return Turn("Where the money goes.", list(_overview(currencies)))
    if not conversation.answers_of("cost_anomalies"):
        calls = [ToolCall(tool, {"currency": it}) for it in currencies for tool in _CHECKS]
        return Turn("What is unusual, unused, uncovered or without an owner.", calls)
    peaks = list(_peaks(conversation))
    if peaks and not conversation.answers_of("run_sql"):
        return Turn("What drove the peaks.", [_driver(peak) for peak in peaks])
    return _concluded(conversation, facts, currencies)


def _overview(currencies: Sequence[str]) -> Iterator[ToolCall]:
    for currency in currencies:
        for by in _OVERVIEW:
            yield ToolCall("top_costs", {"by": by, "currency": currency, "limit": 10})
        yield ToolCall("daily_costs", {"currency": currency})


def _peaks(conversation: Conversation) -> Iterator[tuple[str, Record]]:
    for given in conversation.answers_of("cost_anomalies"):
        for record in _records(given)[:MAX_DRIVERS]:
            yield _currency(given), record


def _driver(peak: tuple[str, Record]) -> ToolCall:
    currency, record = peak
    sql = queries.driver(
        record["service"],
        record["account_name"],
        first_day=record["first_day"],
        last_day=record["last_day"],
    )
    return ToolCall("run_sql", {"sql": sql, "currency": currency})


def _concluded(conversation: Conversation, facts: Record, currencies: Sequence[str]) -> Turn:
    findings: list[Draft] = []
    for tool, write in _WRITERS.items():
        for given in conversation.answers_of(tool):
            if not given.is_error:
                findings += write(given, conversation)
    gaps = [
        f"{given.call.name} in {_currency(given)} was not answered: {given.text}"
        for given in conversation.answers
        if given.is_error
    ]
    left = facts["currencies"][MAX_CURRENCIES:]
    gaps += [f"Charges in {currency} were added up and not looked into." for currency in left]
    summary = _summary(conversation, facts, currencies)
    return _hand_in(summary=summary, findings=findings, gaps=gaps)


def _hand_in(*, summary: str, findings: list[Draft], gaps: list[str]) -> Turn:
    analysis: Draft = {"summary": summary, "findings": findings, "not_covered": gaps}
    return Turn(calls=[ToolCall(Analysis.__name__, analysis)])


def _summary(conversation: Conversation, facts: Record, currencies: Sequence[str]) -> str:
    sentences = []
    for totals in facts["totals"]:
        record = _rows(totals)[0]
        cost = money(Decimal(record["effective_cost"]), totals["currency"])
        billed = money(Decimal(record["billed_cost"]), totals["currency"])
        sentences.append(f"{cost} effective cost, {billed} billed.")
    for currency in currencies:
        largest = _largest_service(conversation, currency)
        if largest:
            sentences.append(largest)
    return " ".join(sentences)


def _largest_service(conversation: Conversation, currency: str) -> str | None:
    for given in conversation.answers_of("top_costs"):
        if given.call.input["by"] != "service" or _currency(given) != currency:
            continue
        first = next(iter(_records(given)), None)
        if first is None or first["percent"] is None:
            return None
        return f"{first['service']} is the largest service with {first['percent']} % in {currency}."
    return None


def _anomalies(given: Answer, conversation: Conversation) -> Iterator[Draft]:
    currency = _currency(given)
    for row, record in enumerate(_records(given)[:MAX_DRIVERS], start=1):
        yield _anomaly(given, row, record, _driver_of(conversation, currency, record))


def _anomaly(given: Answer, row: int, record: Record, driver: Answer | None) -> Draft:
    currency = _currency(given)
    first, last = record["first_day"], record["last_day"]
    when = f"on {first}" if first == last else f"from {first} to {last}"
    cost = money(Decimal(record["cost"]), currency)
    usual = money(Decimal(record["usual_cost_per_day"]), currency)
    text = (
        f"{record['service']} in account {record['account_name']} cost {cost} {when}; "
        f"a usual day costs {usual}."
    )
    made_of = _records(driver)[0] if driver and _records(driver) else None
    if made_of and made_of["percent"] is not None:
        text += (
            f" {made_of['percent']} % of it is resource {made_of['resource_name']}, "
            f"charged as “{made_of['description']}”."
        )
    return _draft(
        Kind.ANOMALY,
        f"{record['service']} peaked in {record['account_name']} {when}",
        given,
        row=row,
        column="excess",
        explanation=text,
        action=f"Ask the owner of {record['account_name']} what changed, and set a budget alert.",
        supporting=[_id(driver)] if driver else [],
    )


def _driver_of(conversation: Conversation, currency: str, record: Record) -> Answer | None:
    wanted = _driver((currency, record)).input
    for given in conversation.answers_of("run_sql"):
        if given.call.input == wanted and not given.is_error:
            return given
    return None


def _idle(given: Answer, _: Conversation) -> Iterator[Draft]:
    for row, record in enumerate(_records(given), start=1):
        kind = record["resource_type"]
        yield _draft(
            Kind.IDLE,
            f"{kind}: {record['why']}",
            given,
            row=row,
            column="cost",
            explanation=_named(record),
            action="Delete what nobody claims; keep what is on stand-by on purpose.",
        )


def _named(record: Record) -> str:
    count = record["resources"]
    if count == 1:
        return f"One resource: {record['largest']}."
    if count <= NAMED:
        return f"{count} resources: {record['largest']}."
    return f"{count} resources; the ones that cost most: {record['largest']}."


def _untagged(given: Answer, _: Conversation) -> Iterator[Draft]:
    records = _records(given)
    total = records[0] if records else None
    if not total or Decimal(total["untagged_cost"]) <= 0:
        return
    text = (
        f"{total['untagged_resources']} resources have no tags at all. They are "
        f"{_share(total['untagged_percent'])} of the cost of resources."
    )
    worst = records[1] if len(records) > 1 else None
    if worst and Decimal(worst["untagged_cost"]) > 0:
        cost = money(Decimal(worst["untagged_cost"]), _currency(given))
        text += f" {cost} of it is in account {worst['account_name']}."
    yield _draft(
        Kind.UNTAGGED,
        "Spend on resources without tags",
        given,
        row=1,
        column="untagged_cost",
        explanation=text,
        action="Tag these resources, and refuse new ones without tags by policy.",
    )


def _commitments(given: Answer, _: Conversation) -> Iterator[Draft]:
    records = _records(given)
    if not records:
        return
    record, currency = records[0], _currency(given)
    if Decimal(record["unused_commitment_cost"]) > 0:
        yield _draft(
            Kind.UNUSED_COMMITMENT,
            "Commitments that were paid for and not used",
            given,
            row=1,
            column="unused_commitment_cost",
            explanation=f"Commitments were used to {record['utilisation_percent']} %.",
            action="Move work that can wait to the days with room, or commit to less next time.",
        )
    steady = money(Decimal(record["steady_on_demand_cost"]), currency)
    on_demand = money(Decimal(record["on_demand_cost"]), currency)
    if Decimal(record["estimated_saving"]) > 0:
        yield _draft(
            Kind.UNCOVERED,
            "Steady compute and database use at on-demand prices",
            given,
            row=1,
            column="estimated_saving",
            explanation=(
                f"{on_demand} of compute and databases was bought on demand; "
                f"{steady} of it was there every day. Commitments cover "
                f"{record['coverage_percent']} % of such use, at a discount of "
                f"{record['discount_percent']} %. The saving is estimated at that discount."
            ),
            action="Check that the use will stay, then commit to the steady part.",
        )
    elif Decimal(record["steady_on_demand_cost"]) > 0:
        yield _draft(
            Kind.OTHER,
            "Steady compute and database use without any commitment",
            given,
            row=1,
            column="steady_on_demand_cost",
            explanation=(
                f"{on_demand} of compute and databases was bought on demand; "
                f"{steady} of it was there every day. The bill holds no commitment whose discount "
                "would tell what one could save."
            ),
            action="Get an offer for a reservation or savings plan.",
        )


def _savings(given: Answer, _: Conversation) -> Iterator[Draft]:
    records = _records(given)
    if not records or Decimal(records[0]["saving"]) <= 0:
        return
    record, currency = records[0], _currency(given)
    text = (
        f"Usage would cost {money(Decimal(record['list_cost']), currency)} at list prices and cost "
        f"{money(Decimal(record['effective_cost']), currency)}."
    )
    if record["saving_percent"] is not None:
        text += f" That is {record['saving_percent']} % less."
    if record["negotiated_saving"] is not None:
        negotiated = money(Decimal(record["negotiated_saving"]), currency)
        committed = money(Decimal(record["commitment_saving"]), currency)
        text += f" Negotiated prices saved {negotiated}, commitments {committed}."
    yield _draft(
        Kind.SAVED,
        "What negotiated prices and commitments saved",
        given,
        row=1,
        column="saving",
        explanation=text,
    )


def _draft(  # noqa: PLR0913 - what a finding is
    kind: Kind,
    title: str,
    given: Answer,
    *,
    row: int,
    column: str,
    explanation: str,
    action: str = "",
    supporting: Sequence[str] = (),
) -> Draft:
    return {
        "kind": kind.value,
        "title": title,
        "amount": str(_records(given)[row - 1][column]),
        "currency": _currency(given),
        "evidence": {"query_id": _id(given), "row": row, "column": column},
        "supporting": list(supporting),
        "explanation": explanation,
        "action": action,
    }


def _share(percent: str | None) -> str:
    return "a part" if percent is None else f"{percent} %"


def _records(given: Answer) -> list[Record]:
    return [] if given.is_error else _rows(given.json())


def _rows(shape: Any) -> list[Record]:  # noqa: ANN401 - JSON of our own tools
    return [dict(zip(shape["columns"], row, strict=True)) for row in shape["rows"]]


def _id(given: Answer) -> str:
    shape: Any = given.json()
    return str(shape["query_id"])


def _currency(given: Answer) -> str:
    return str(given.call.input.get("currency", ""))


_WRITERS: Mapping[str, Callable[[Answer, Conversation], Iterator[Draft]]] = {
    "cost_anomalies": _anomalies,
    "idle_resources": _idle,
    "untagged_spend": _untagged,
    "commitment_coverage": _commitments,
    "list_versus_effective": _savings,
}
