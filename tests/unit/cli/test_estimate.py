"""What runs are estimated to cost, and from what."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from cli.errors import UsageError
from cli.estimate_view import Bill, bill_to_json, bill_view
from cli.estimating import Estimator, total
from cli.infrastructure import infrastructure_of
from cli.price_table import shipped_table
from cli.run_shape import RunShape, shape_of_run, shape_of_workflow
from cli.spans import seconds_of
from infra.settings import REGISTRY, Settings, workflow_names
from runs.events import EventType
from runs.run import Run, Status
from tests.support.cli import drawn
from tests.support.journals import NOW, a_run, an_event, later

PACE = Settings.from_context({"target": "aws"}).pace


def estimator(region: str = "us-east-1") -> Estimator:
    return Estimator(table=shipped_table(), pace=PACE, region=region)


def bill(shape: RunShape, *, runs: int = 1000, model_usd: str | None = "0.1") -> Bill:
    return Bill(
        shape=shape,
        estimator=estimator(),
        model="a-model",
        model_usd=None if model_usd is None else Decimal(model_usd),
        runs=runs,
        is_region_known=True,
    )


def quantity(shape: RunShape, what: str) -> Decimal:
    return sum(line.quantity for line in estimator().lines(shape) if line.what == what)  # type: ignore[return-value] # of at least one line


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("20m", 1200), ("1.5h", 5400), ("1d12h", 129_600)]
)
def test_a_time_is_read_as_people_write_it(text: str, seconds: float) -> None:
    assert seconds_of(text, option="--wait") == seconds


@pytest.mark.parametrize("text", ["", "20", "20 minutes", "-1h", "1h 5"])
def test_what_is_no_time_is_named_with_what_was_expected(text: str) -> None:
    with pytest.raises(UsageError, match=r"--wait is .* expected a time such as 90s, 20m, 2h"):
        seconds_of(text, option="--wait")


def test_every_workflow_that_ships_has_an_estimate() -> None:
    for name in workflow_names(REGISTRY):
        assert total(estimator().lines(shape_of_workflow(name))) > 0


def test_a_workflow_nobody_knows_is_named_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match="'mine', expected one of: cost-analysis, marketing-post"):
        shape_of_workflow("mine")


def test_a_longer_run_costs_more_of_a_session_and_few_more_transitions() -> None:
    short, long = (shape_of_workflow("cost-analysis", seconds=each) for each in (600, 6000))

    assert quantity(long, "memory") == 10 * quantity(short, "memory")
    assert quantity(long, "transitions") < 3 * quantity(short, "transitions")


def test_waiting_for_days_costs_transitions_and_no_session() -> None:
    shape = shape_of_workflow("cost-analysis", seconds=600)
    waited = shape_of_workflow("cost-analysis", seconds=600, wait_seconds=2 * 86_400)

    assert quantity(waited, "memory") == quantity(shape, "memory")
    assert quantity(waited, "transitions") > quantity(shape, "transitions")


def test_the_usual_design_costs_more() -> None:
    for seconds in (180, 3600, 8 * 3600):
        shape = shape_of_workflow("cost-analysis", seconds=seconds)
        assert estimator().polled(shape) > 2 * total(estimator().lines(shape))


def test_a_region_costs_its_multiple() -> None:
    shape = shape_of_workflow("cost-analysis")

    here, there = (total(estimator(name).lines(shape)) for name in ("us-east-1", "eu-central-1"))

    assert there == here * Decimal("1.2")


def test_a_month_is_its_runs_and_what_is_paid_without_any() -> None:
    shape = shape_of_workflow("cost-analysis")

    assert bill(shape, runs=0).month_usd == total(estimator().monthly())
    assert bill(shape, runs=2).month_usd == 2 * bill(shape).run_usd + bill(shape, runs=0).month_usd


def test_every_price_says_where_it_is_from_and_whether_it_is_a_belief() -> None:
    table = shipped_table()

    assert all(
        price.source.startswith("https://aws.amazon.com/") for price in table.prices.values()
    )
    seen = {price.service for price in table.prices.values() if not price.is_belief}
    assert seen == {"Step Functions", "AgentCore", "DynamoDB"}


def test_amounts_that_rest_on_beliefs_are_marked_in_the_table() -> None:
    lines = drawn(bill_view(bill(shape_of_workflow("cost-analysis"))), width=120).splitlines()

    marked = {line.split("  ")[0] for line in lines if line.rstrip().endswith("*")}
    assert marked == {"CloudWatch", "EventBridge", "Lambda", "S3", "any month"}
    assert any(line.startswith("List prices of 20") for line in lines)


def test_a_model_whose_price_nobody_knows_is_not_in_the_sum_and_told() -> None:
    unknown = bill(shape_of_workflow("cost-analysis"), model_usd=None)

    view = drawn(bill_view(unknown), width=120)
    data: Any = bill_to_json(unknown)

    assert "without the model" in view
    assert view.count("unknown") == 2
    assert data["run"]["model_usd"] is None
    assert data["run"]["usd"] == data["run"]["infrastructure_usd"]


def test_the_json_adds_up() -> None:
    data: Any = json.loads(json.dumps(bill_to_json(bill(shape_of_workflow("marketing-post")))))

    lines = sum(Decimal(line["usd"]) for line in data["run"]["lines"])
    assert abs(lines - Decimal(data["run"]["infrastructure_usd"])) < Decimal("1e-7")
    assert data["waiting_seconds"] == 7200
    assert data["month"]["runs"] == 1000


def timeline() -> list[Any]:
    kinds = [
        (EventType.LEASE_CLAIMED, 0),
        (EventType.STEP_STARTED, 1),
        (EventType.MODEL_CALLED, 9),
        (EventType.RUN_PARKED, 10),
        (EventType.SESSION_STOPPED, 11),
        (EventType.LEASE_CLAIMED, 3610),
        (EventType.LEASE_CLAIMED, 3700),
        (EventType.TOOL_CALLED, 3701),
        (EventType.EXECUTION_SUCCEEDED, 3720),
    ]
    return [an_event(kind, at=later(seconds)) for kind, seconds in kinds]


def test_a_run_tells_what_it_was_worked_on_and_how_long_it_waited() -> None:
    shape = shape_of_run(a_run(), timeline(), now=later(9_000))

    # The attempt after a lost one goes on with its session's time.
    assert (shape.work, shape.waits) == ((10.0, 110.0), (3600.0,))
    assert (shape.model_calls, shape.tool_calls, shape.steps) == (1, 1, 1)


def test_a_run_that_goes_on_is_counted_until_now() -> None:
    shape = shape_of_run(a_run(), timeline()[:3], now=later(60))

    assert (shape.work, shape.waits) == ((60.0,), ())


def test_the_receipt_has_what_the_infrastructure_costs_as_an_estimate() -> None:
    run = a_run(status=Status.COMPLETED, started_at=NOW, finished_at=later(3720))

    found = infrastructure_of(run, timeline(), now=NOW + timedelta(days=1))

    assert found is not None
    told: Any = found.to_json()
    assert (told["is_estimate"], told["session_seconds"]) == (True, 120.0)
    assert Decimal(told["usd"]) > 0


@pytest.mark.parametrize(
    "run",
    [a_run(), a_run(started_at=NOW, source="lambda", execution="arn:of:a:durable:execution")],
    ids=["nobody has worked on it", "the Lambda service executes it"],
)
def test_there_is_no_estimate_where_nobody_could_tell(run: Run) -> None:
    assert infrastructure_of(run, [], now=NOW) is None
