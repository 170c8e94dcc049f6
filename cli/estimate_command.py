"""The command that says what runs cost on AWS, before there are any."""

import os
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

import typer

from cli import environment
from cli.errors import UsageError
from cli.estimate_view import Bill, bill_to_json, bill_view
from cli.estimating import Estimator
from cli.options import AsJson, aimed
from cli.places import Aim, place_for_reading
from cli.price_table import shipped_table
from cli.run_shape import RunShape, shape_of_run, shape_of_workflow
from cli.screen import Screen, now
from cli.spans import seconds_of
from runs.run import Usage

_DEFAULT_REGION = "us-east-1"


@aimed
def estimate(  # noqa: PLR0913 - a command's options
    aim: Aim,
    workflow: Annotated[
        str, typer.Argument(help="Which workflow.", show_default="cost-analysis")
    ] = "cost-analysis",
    *,
    runs_per_month: Annotated[
        int, typer.Option(metavar="N", min=0, help="How many runs there are in a month.")
    ] = 1000,
    duration: Annotated[
        str | None, typer.Option(metavar="20m", help="How long a run works.", show_default=False)
    ] = None,
    wait: Annotated[
        str | None,
        typer.Option(metavar="2d", help="How long it waits for a person.", show_default=False),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="ID", help="A model on Bedrock; else the one deployed by default."),
    ] = None,
    tokens_in: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Tokens a run sends to its models.")
    ] = None,
    tokens_out: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Tokens its models write.")
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Take what a real run did: its id, or 'last'."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what runs cost on AWS, by service, for each run and in a month.

    State transitions are counted in the definition that is deployed, tokens by the price table of
    models. Without --like, what a run does is that of a run of the sample, and how long it takes a
    guess: give --duration. Prices are lists' of the date that is told.

    For example:

        errand estimate --duration 20m --runs-per-month 5000

        errand estimate marketing-post --wait 2d

        errand estimate --like last
    """
    screen = Screen.of_process()
    if like and (duration or wait or tokens_in is not None or tokens_out is not None):
        msg = "--like takes a run as it was: leave out --duration, --wait and the tokens"
        raise UsageError(msg)
    shape = _like(aim, like) if like else _of(workflow, duration, wait, tokens_in, tokens_out)
    bill = _bill(shape, aim=aim, model=model, runs=runs_per_month, environ=os.environ)
    if as_json:
        screen.show_json(bill_to_json(bill))
    else:
        screen.show(bill_view(bill))


def _of(
    workflow: str,
    duration: str | None,
    wait: str | None,
    tokens_in: int | None,
    tokens_out: int | None,
) -> RunShape:
    return shape_of_workflow(
        workflow,
        seconds=None if duration is None else seconds_of(duration, option="--duration"),
        wait_seconds=None if wait is None else seconds_of(wait, option="--wait"),
        input_tokens=tokens_in,
        output_tokens=tokens_out,
    )


def _like(aim: Aim, given: str) -> RunShape:
    reader = place_for_reading(aim, environment.home()).reader()
    run = reader.find(given)
    events = [recorded.event for recorded in reader.events(run.session_id)]
    return shape_of_run(run, events, now=now())


def _bill(
    shape: RunShape, *, aim: Aim, model: str | None, runs: int, environ: Mapping[str, str]
) -> Bill:
    # Both read files that few commands need.
    from infra.settings import DEFAULT_MODEL, Settings  # noqa: PLC0415

    settings = Settings.from_context({"target": "aws"})
    table = shipped_table()
    region = environment.aws_region(aim.region) or _DEFAULT_REGION
    estimator = Estimator(table=table, pace=settings.pace, region=region)
    name = model or DEFAULT_MODEL
    return Bill(
        shape=shape,
        estimator=estimator,
        model=name,
        model_usd=_model_usd(name, shape.usage, environ),
        runs=runs,
        is_region_known=region in table.regions,
    )


def _model_usd(name: str, usage: Usage, environ: Mapping[str, str]) -> Decimal | None:
    # The providers' libraries take a second to import.
    from agent.models.bedrock import rates_of  # noqa: PLC0415
    from agent.models.select import choose_model  # noqa: PLC0415

    choice = choose_model({**environ, "ERRAND_MODEL": f"bedrock:{name}"})
    rates = rates_of(name, choice.prices)
    cost = None if rates is None else rates.cost_nano_usd(usage)
    return None if cost is None else Decimal(cost).scaleb(-9)
