"""The analyst's tools answer in JSON, and say what a bill can't tell."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from strands import Agent

from agent.effects import effect_of
from agent.models.offline import OfflineModel, Turn
from agent.workflows.cost.bill import Bill
from agent.workflows.cost.errors import QueryFailedError, QueryRefusedError
from agent.workflows.cost.summary import Summary
from agent.workflows.cost.tools import BillTools
from tests.support.cost import focus, load_text, on_day

Opened = tuple[Bill, Summary]
#: `BillTools`, of whose methods Strands' types do not know that they are bound.
Tools = Any


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    text = focus(
        on_day(1, EffectiveCost="1.10", ResourceId="r", SubAccountName="prod", RegionId="eu-1"),
        on_day(2, EffectiveCost="2", BillingCurrency="EUR"),
    )
    bill, summary = load_text(text, tmp_path)
    yield bill, summary
    bill.close()


@pytest.fixture
def tools(opened: Opened) -> Tools:
    bill, summary = opened
    return BillTools(lambda: bill, summary)


def read(text: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(text)


def test_the_bill_is_described_with_totals_of_each_currency(tools: Tools) -> None:
    facts = read(tools.describe_bill())

    assert facts["charges"] == 2
    assert facts["currencies"] == ["EUR", "USD"]
    assert "tags" in facts["absent_columns"]
    costs = {
        it["currency"]: dict(zip(it["columns"], it["rows"][0], strict=True))
        for it in facts["totals"]
    }
    assert costs["USD"]["effective_cost"] == "1.1"
    assert costs["EUR"]["effective_cost"] == "2"


def test_an_answer_names_its_query_by_which_it_can_be_asked_again(
    opened: Opened, tools: Tools
) -> None:
    answer = read(tools.top_costs(by="service", currency="USD"))

    query = opened[0].log.get(answer["query_id"])
    assert query is not None
    assert opened[0].ask(query.sql, query.currency).to_json() == answer
    assert answer["rows"] == [["Storage", "1.1", "100", "1", 1]]


def test_every_question_is_answered_for_its_currency(tools: Tools) -> None:
    answers = [
        tools.top_costs(by="account_name", currency="USD", limit=1_000),
        tools.daily_costs(currency="USD", service="Storage"),
        tools.cost_anomalies(currency="USD"),
        tools.list_versus_effective(currency="USD"),
        tools.run_sql(sql="SELECT 1 AS x", currency="USD"),
    ]

    assert {read(answer)["currency"] for answer in answers} == {"USD"}


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        (lambda tools: tools.untagged_spend(currency="USD"), "this bill has no tags"),
        (
            lambda tools: tools.commitment_coverage(currency="USD"),
            "this bill has no pricing_category and no service_category and no unit",
        ),
        (lambda tools: tools.idle_resources(currency="USD"), "no description and no unit"),
    ],
)
def test_what_the_bill_lacks_is_said_instead_of_an_empty_answer(
    tools: Tools, ask: Callable[[Tools], str], why: str
) -> None:
    with pytest.raises(QueryFailedError, match=why):
        ask(tools)


def test_a_tag_that_is_sql_is_refused(tools: Tools) -> None:
    with pytest.raises(QueryRefusedError, match="characters tags do not have"):
        tools.untagged_spend(currency="USD", tag="x\"') OR 1=1 --")


def test_a_stopping_run_gives_the_agent_an_error(opened: Opened, tools: Tools) -> None:
    opened[0].stop.set()

    with pytest.raises(QueryFailedError, match="the run is stopping"):
        tools.run_sql(sql="SELECT 1", currency="USD")


def test_every_tool_may_be_called_again_after_a_crash(tools: Tools) -> None:
    model = OfflineModel(lambda _: Turn("done"))
    agent = Agent(model, tools=tools.all(), callback_handler=None)

    registered = agent.tool_registry.registry
    assert len(registered) == len(tools.all()) == 9
    assert all(effect_of(tool).idempotent for tool in registered.values())


def test_no_bill_is_opened_before_it_is_asked(opened: Opened) -> None:
    def refuse() -> Bill:
        raise AssertionError

    BillTools(refuse, opened[1]).all()
