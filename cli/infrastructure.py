"""What a run's infrastructure costs on AWS, as far as its timeline tells: an estimate.

Nobody gives the bill of one run. What it did is known, though: how long it was worked on, how often
it was parked, and so its way through the state machine; and prices are lists'.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from cli.estimating import Estimator, total
from cli.price_table import shipped_table
from cli.run_shape import shape_of_run
from infra.settings import Settings
from runs.events import Event
from runs.json_types import Json
from runs.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Infrastructure:
    """What a run used besides models, and what that comes to."""

    session_seconds: float
    transitions: int
    usd: Decimal
    as_of: date

    def to_json(self) -> Json:
        """Give it as it stands in a receipt."""
        return {
            "is_estimate": True,
            "session_seconds": round(self.session_seconds, 3),
            "transitions": self.transitions,
            "usd": f"{self.usd:.9f}",
            "region": "us-east-1",
            "prices_as_of": self.as_of.isoformat(),
        }


def infrastructure_of(run: Run, events: Iterable[Event], *, now: datetime) -> Infrastructure | None:
    """Estimate what a run has cost on AWS besides its model calls; None if nobody could tell.

    That is a run that nobody has worked on yet, and one that the Lambda service executes.
    """
    if run.started_at is None or run.durable_execution is not None:
        return None
    shape = shape_of_run(run, events, now=now)
    pace = Settings.from_context({"target": "aws"}).pace
    lines = Estimator(table=shipped_table(), pace=pace).lines(shape)
    (transitions,) = (line.quantity for line in lines if line.what == "transitions")
    return Infrastructure(
        session_seconds=shape.working_seconds,
        transitions=int(transitions),
        usd=total(lines),
        as_of=shipped_table().as_of,
    )
