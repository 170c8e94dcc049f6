"""How soon an agent goes on when a person has decided: `errand approve` to its next model call.

Each leg of the way is real: the command in a process of its own, the decision in the journal, the
signal, the state machine, the invoker, the agent that was parked, its claim, its replay.
"""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.local_stack import LocalStack, running_stack
from bench.measure import Row, percentile, spread
from bench.processes import output_of
from local.home import Home
from runs.events import Event, EventType
from runs.instants import from_iso
from runs.run import Run, Status

_RUNS = 12
_BAR_SECONDS = 1.5
_WORKFLOW = "marketing-post"
#: Between two runs, so that what the one before left to do is done.
_REST_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A decision, and what came of it."""

    #: From the start of the command to the agent's next model call.
    seconds: float
    #: From the decision, as it is dated in the journal.
    recorded_seconds: float


def measure(folder: Path) -> list[Row]:
    """Have an agent ask and be approved on a stack of its own, a few times over."""
    with running_stack(Home.at(folder)) as stack:
        # The first time, files of the command may not be in memory yet.
        _, *decisions = [_decide(stack) for _ in range(1 + _RUNS)]
    whole = [each.seconds for each in decisions]
    recorded = [each.recorded_seconds for each in decisions]
    return [
        *_rows(
            "`errand approve` to the agent's next model call",
            whole,
            note="from the start of the command, on the local stack with the offline model",
            bar=_BAR_SECONDS,
        ),
        *_rows(
            "decision recorded to the agent's next model call",
            recorded,
            note="the same without the command: signal, state machine, invoker, claim, replay",
        ),
    ]


def _rows(what: str, seconds: Sequence[float], *, note: str, bar: float | None = None) -> list[Row]:
    return [
        Row(
            what=f"{what}, p{percent}",
            value=percentile(seconds, percent),
            note=said,
            bar=promised,
            unit="s",
            samples=len(seconds),
            spread=spread(seconds),
        )
        for percent, said, promised in ((50, note, bar), (99, "as above", None))
    ]


def _decide(stack: LocalStack) -> Decision:
    session_id = stack.send(workflow=_WORKFLOW, prompt="Tell of our unicorns.")
    stack.run(session_id, what="wait for a decision", is_it=_is_parked)
    time.sleep(_REST_SECONDS)
    began = datetime.now(UTC)
    decided_at = _approve(stack, session_id)
    run = stack.ended(session_id)
    if run.status is not Status.COMPLETED:
        msg = f"run {session_id!r} is {run.status} ({run.error}), expected COMPLETED"
        raise RuntimeError(msg)
    called_at = _next_call(stack, session_id, after=decided_at)
    return Decision(
        seconds=(called_at - began).total_seconds(),
        recorded_seconds=(called_at - decided_at).total_seconds(),
    )


def _is_parked(run: Run) -> bool:
    """Say whether nobody works on it, and the state machine waits to be woken."""
    return run.status is Status.WAITING and run.wake_token is not None


def _approve(stack: LocalStack, session_id: str) -> datetime:
    """Approve what a run asks, and tell when that was recorded."""
    environ = {**os.environ, "ERRAND_HOME": str(stack.home.root)}
    command = ["-m", "cli", "approve", session_id, "--json"]
    return from_iso(json.loads(output_of(command, environ=environ))["decided_at"])


def _next_call(stack: LocalStack, session_id: str, *, after: datetime) -> datetime:
    """Tell when the first model call began after an instant."""
    events = (each.event for each in stack.journal.events(session_id))
    return next(_began(event) for event in events if _is_call(event) and event.at > after)


def _is_call(event: Event) -> bool:
    return event.type is EventType.MODEL_CALLED


def _began(event: Event) -> datetime:
    """Tell when a call began: it is recorded when it has returned."""
    return event.at - timedelta(milliseconds=float(str(event.details["LatencyMs"])))
