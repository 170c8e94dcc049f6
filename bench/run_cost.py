"""What runs cost on AWS besides their models, beside the usual design.

The runs happen in simulated time, and analyse the sample bill: what the agent records is real, and
so is what the journal is charged for it. Prices, and what the usual design pays, are those of
`errand estimate`; how right its numbers are is measured, too.
"""

from pathlib import Path

from agent.attempt import Attempt
from agent.durable.client import JournalClient
from agent.outcomes import Outcome, read_output
from agent.registry import Registry
from bench.engine import invoke
from bench.measure import Row
from bench.simulated.deployed import ours, pace
from bench.simulated.plan import End, Plan, Stretch
from bench.simulated.run import Simulated
from cli.estimating import Estimator, total
from cli.price_table import shipped_table
from cli.run_shape import shape_of_run

_HOUR = 3600
_DAY = 24 * _HOUR
_WORKFLOW = "cost-analysis"
#: For how long AgentCore keeps a session that nobody stops.
_IDLE_SECONDS = 900
_USUAL = "polled every 10 s, its session left on while it waits and for 15 min after"


def measure(folder: Path) -> list[Row]:
    """Let runs of several lengths happen, and price them."""
    handler = Registry.load().handler(_WORKFLOW)

    def work(attempt: Attempt) -> Outcome:
        client = JournalClient(attempt)
        return read_output(invoke(handler, client.open(), attempt), client)

    lengths = (("3 min", 180), ("1 h", _HOUR), ("8 h", 8 * _HOUR))
    plans = {f"a run of {name}": Plan.of(seconds, work=work) for name, seconds in lengths}
    plans["one of 2 min that waits 2 days for a person"] = Plan(
        stretches=(Stretch(60, End.ASKS), Stretch(60)), decides_after=2 * _DAY, work=work
    )
    rows: list[Row] = []
    for what, plan in plans.items():
        rows += _rows(what, ours(plan, folder))
    return rows


def _rows(what: str, found: Simulated) -> list[Row]:
    run = found.run
    shape = shape_of_run(run, found.events, now=run.updated_at)
    estimator = Estimator(table=shipped_table(), pace=pace())
    lines = estimator.lines(shape)
    written_at = estimator.table.prices["write_unit"]
    written = sum(charged.write_units for charged in found.charged.values())
    read = sum(charged.read_units for charged in found.charged.values())
    paid = sum(session.seconds() for session in found.sessions)
    return [
        Row(
            what=f"cost of {what}",
            value=float(total(lines)) * 1000,
            baseline=float(estimator.polled(shape)) * 1000,
            note=f"{_USUAL}; both besides the model, by the prices of `errand estimate`",
            unit="m$",
            samples=1,
        ),
        Row(
            what=f"session seconds paid with nobody at work, {what}",
            value=paid - shape.working_seconds,
            baseline=shape.waiting_seconds + _IDLE_SECONDS,
            note=f"{_USUAL}; ours are the starts and stops of {len(found.sessions)} sessions",
            unit="s",
            samples=1,
        ),
        Row(
            what=f"write units of the journal, {what}",
            value=written,
            baseline=float(sum(line.quantity for line in lines if line.price == written_at)),
            note=f"what `errand estimate` counts for it; besides, {read:g} read units",
            unit="units",
            samples=1,
        ),
        Row(
            what=f"time in the invoker's handler, {what}",
            value=found.handler_seconds * 1000,
            note=f"{found.invocations} invocations, on this machine, without what AWS's services "
            "take to answer",
            samples=1,
        ),
    ]
