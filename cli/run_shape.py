"""What a run does that is paid for: by the table of defaults, or as a run of one's own told it."""

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from cli.errors import UsageError
from runs.events import Event, EventType
from runs.run import Run, Usage

TABLE = Path(__file__).with_name("run_shapes.toml")

_OPERATIONS = (
    EventType.STEP_STARTED,
    EventType.CONTEXT_STARTED,
    EventType.CALLBACK_STARTED,
    EventType.WAIT_STARTED,
    EventType.CHAINED_INVOKE_STARTED,
)
_ENDS = frozenset(
    {
        EventType.EXECUTION_SUCCEEDED,
        EventType.EXECUTION_FAILED,
        EventType.EXECUTION_STOPPED,
        EventType.EXECUTION_TIMED_OUT,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunShape:
    """One run, as far as it is paid for."""

    workflow: str
    #: Where the numbers come from, for people.
    source: str
    #: Seconds of work, of which each part but the last is followed by a wait.
    work: tuple[float, ...]
    #: Seconds parked.
    waits: tuple[float, ...]
    model_calls: int
    tool_calls: int
    #: Operations of the workflow: steps, branches, callbacks.
    steps: int
    #: Files, progress and whatever else is noted in a write of its own.
    notes: int
    usage: Usage

    @property
    def working_seconds(self) -> float:
        """Give the time that a session is on."""
        return sum(self.work)

    @property
    def waiting_seconds(self) -> float:
        """Give the time that none is."""
        return sum(self.waits)


def shape_of_workflow(
    name: str,
    *,
    seconds: float | None = None,
    wait_seconds: float | None = None,
    input_tokens: int | None = None,
    output_tokens: int | None = None,
) -> RunShape:
    """Give what a run of a workflow that ships does, but for what is known better.

    Raises:
        UsageError: The table has no such workflow.
    """
    table = _table()
    known: Mapping[str, Any] = table["workflows"]
    if name not in known:
        msg = (
            f"nothing is known of runs of {name!r}, expected one of: {', '.join(sorted(known))}; "
            "or a run of yours: --like RUN"
        )
        raise UsageError(msg)
    row = known[name]
    working = row["minutes"] * 60.0 if seconds is None else seconds
    waiting = row.get("wait_minutes", 0) * 60.0 if wait_seconds is None else wait_seconds
    parts = 2 if waiting else 1
    return RunShape(
        workflow=name,
        source=f"a run of it with the model `offline` ({table['as_of']}); how long it takes is a "
        "guess",
        work=(working / parts,) * parts,
        waits=(waiting,) if waiting else (),
        model_calls=row["model_calls"],
        tool_calls=row["tool_calls"],
        steps=row["steps"],
        notes=row["notes"],
        usage=Usage(
            model_calls=row["model_calls"],
            input_tokens=row["input_tokens"] if input_tokens is None else input_tokens,
            output_tokens=row["output_tokens"] if output_tokens is None else output_tokens,
        ),
    )


def shape_of_run(run: Run, events: Iterable[Event], *, now: datetime) -> RunShape:
    """Give what a run did, until now if it has not ended."""
    told = list(events)
    counts = Counter(event.type for event in told)
    work, waits = _spans(told, now)
    counted = sum(counts[kind] for kind in _OPERATIONS)
    calls = counts[EventType.MODEL_CALLED], counts[EventType.TOOL_CALLED]
    # What tells of an operation's end, of a call's or of an attempt is no write of its own.
    noted = (EventType.PROGRESS_REPORTED, EventType.ARTIFACT_SAVED, EventType.APPROVAL_ANNOUNCED)
    return RunShape(
        workflow=run.workflow,
        source=f"run {run.session_id}",
        work=work,
        waits=waits,
        model_calls=calls[0],
        tool_calls=calls[1],
        steps=counted,
        notes=sum(counts[kind] for kind in noted),
        usage=run.usage,
    )


def _spans(events: Iterable[Event], now: datetime) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Give how long a run was worked on and parked, in turns.

    An attempt after a lost one goes on with what that had: the time between is a worker's, too.
    """
    work, waits = [0.0], list[float]()
    began: datetime | None = None
    parked: datetime | None = None
    for event in events:
        if event.type is EventType.LEASE_CLAIMED:
            if parked is not None:
                waits.append((event.at - parked).total_seconds())
                work.append(0.0)
            began, parked = began or event.at, None
        elif event.type is EventType.RUN_PARKED and began is not None:
            work[-1] += (event.at - began).total_seconds()
            began, parked = None, event.at
        elif event.type in _ENDS and began is not None:
            work[-1] += (event.at - began).total_seconds()
            began = None
    if began is not None:
        work[-1] += (now - began).total_seconds()
    return tuple(work), tuple(waits)


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))
