"""The metrics of what is written to the journal: each fact in it is measured where it is recorded.

A fact is in a run's timeline once, whoever died meanwhile and however often code was replayed, and
its metrics are told after the write that put it there: at most once.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from runs.asked import Approval, ApprovalState
from runs.events import Event, EventType
from runs.journal.base import Changes
from runs.json_types import Json
from runs.lifecycle import Change
from runs.receipt import Receipt, usage_of_call
from runs.run import Lease, Run, Status, Usage
from runs.telemetry.meter import Meter
from runs.telemetry.metrics import Metric
from runs.telemetry.scope import current_scope

logger = logging.getLogger(__name__)

Values = dict[Metric, float]

#: What `ToolReturned` calls a call that has not ended: the tool waits for an answer.
_INTERRUPTED = "interrupted"
_SUCCESS = "success"

_ENDS: Mapping[EventType, Metric] = MappingProxyType(
    {
        EventType.EXECUTION_SUCCEEDED: Metric.RUNS_COMPLETED,
        EventType.EXECUTION_FAILED: Metric.RUNS_FAILED,
        EventType.EXECUTION_STOPPED: Metric.RUNS_CANCELLED,
        EventType.EXECUTION_TIMED_OUT: Metric.RUNS_TIMED_OUT,
    }
)
#: Of a question that is no longer open.
_CLOSES: Mapping[EventType, Metric] = MappingProxyType(
    {
        EventType.APPROVAL_DECIDED: Metric.APPROVALS_DECIDED,
        EventType.APPROVAL_EXPIRED: Metric.APPROVALS_EXPIRED,
    }
)


class Measured:
    """See `runs.journal.observer.Observer`."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def accepted(self, run: Run) -> None:
        """See `Observer.accepted`."""
        self._meter.tell(
            {Metric.RUNS_ACCEPTED: 1}, session_id=run.session_id, workflow=run.workflow
        )

    def changed(self, before: Run, change: Change) -> None:
        """See `Observer.changed`."""
        run = change.run
        for event in change.events:
            facts: dict[str, Json] = {"session_id": run.session_id, "workflow": run.workflow}
            self._tell(lambda each: _of_change(each, before, change), event, facts)

    def committed(self, lease: Lease, changes: Changes) -> None:
        """See `Observer.committed`."""
        for event in changes.events:
            # Most have no metric; a step pays for no more than this look.
            if event.type not in _OF_WORK and not changes.approvals:
                continue
            facts: dict[str, Json] = {
                "session_id": lease.session_id,
                "workflow": current_scope().workflow,
                "attempt": lease.attempt,
            }
            if event.operation_id is not None:
                # Whose thread sends a checkpoint is not always who made it.
                facts |= {"step": event.name, "operation_id": event.operation_id}
            self._tell(lambda each: _of_commit(each, changes), event, facts)

    def unanswered(self, session_id: str) -> None:
        """See `Observer.unanswered`."""
        workflow = current_scope().workflow
        self._meter.tell({Metric.JOURNAL_FAILURES: 1}, session_id=session_id, workflow=workflow)

    def _tell(
        self, measure: Callable[[Event], Values], event: Event, facts: Mapping[str, Json]
    ) -> None:
        """Tell what an event comes to; one that is odd must not undo what is recorded."""
        try:
            values = measure(event)
        except Exception:
            logger.exception("not measured", extra={**facts, "event": event.type.value})
            return
        if values:
            self._meter.tell(values, **facts)


def savings(receipt: Receipt) -> Values:
    """Give what replay saved a run that has ended; nothing if it saved nothing."""
    if not receipt.resumptions:
        return {}
    return {
        Metric.SAVED_COST: _dollars(receipt.saved),
        Metric.SAVED_TOKENS: receipt.saved.tokens,
        Metric.SAVED_STEPS: receipt.saved_steps,
    }


def _of_change(event: Event, before: Run, change: Change) -> Values:
    return {**_of_run(event, before, change.run), **_of_question(event, change.approvals)}


def _of_commit(event: Event, changes: Changes) -> Values:
    measure = _OF_WORK.get(event.type)
    return measure(event) if measure else _of_question(event, changes.approvals)


def _of_run(event: Event, before: Run, run: Run) -> Values:
    if event.type in _ENDS:
        return {_ENDS[event.type]: 1, **_of_whole_run(run)}
    match event.type:
        case EventType.DISPATCHED:
            return _of_retry(before)
        case EventType.LEASE_CLAIMED:
            return _of_claim(before, run) | _of_retry(before)
        case EventType.RUN_PARKED:
            return {Metric.RUNS_PARKED: 1}
        case _:
            return {}


def _of_retry(before: Run) -> Values:
    """Count a retry with what first happens to the run after it.

    Who retries writes to the journal from a terminal, where nobody makes metrics of logs. The
    instant at which the run is due tells that nothing has happened since: whatever does moves it.
    """
    is_fresh = before.retried_at is not None and before.wake_at == before.retried_at
    return {Metric.RUNS_RETRIED: 1} if is_fresh else {}


def _of_whole_run(run: Run) -> Values:
    began_at, ended_at = run.retried_at or run.created_at, run.finished_at or run.updated_at
    return {
        Metric.RUN_DURATION: _seconds(began_at, ended_at),
        Metric.RUN_WORK: run.worked_ms / 1000,
        Metric.RUN_ATTEMPTS: run.attempt,
        Metric.RUN_COST: _dollars(run.usage),
    }


def _of_claim(before: Run, run: Run) -> Values:
    values: Values = {Metric.ATTEMPTS_STARTED: 1}
    if before.status is Status.BUSY:
        values[Metric.ATTEMPTS_LOST] = 1
    if before.started_at is None and run.started_at is not None:
        values[Metric.CLAIM_WAIT] = _seconds(run.created_at, run.started_at) * 1000
    return values


def _of_question(event: Event, approvals: Iterable[Approval]) -> Values:
    """Count a question once: when it is closed, not with each of several votes."""
    if event.type is EventType.APPROVAL_REQUESTED:
        return {Metric.APPROVALS_REQUESTED: 1}
    if event.type not in _CLOSES:
        return {}
    closed = [each for each in approvals if each.operation_id == event.operation_id]
    if not closed or closed[0].state is ApprovalState.OPEN:
        return {}
    values: Values = {_CLOSES[event.type]: 1}
    decided_at = closed[0].decided_at
    if event.type is EventType.APPROVAL_DECIDED and decided_at is not None:
        values[Metric.APPROVAL_WAIT] = _seconds(closed[0].asked_at, decided_at)
    return values


def _of_model_call(event: Event) -> Values:
    usage = usage_of_call(event)
    return {
        Metric.MODEL_CALLS: 1,
        Metric.MODEL_LATENCY: _number(event, "LatencyMs"),
        Metric.INPUT_TOKENS: usage.input_tokens,
        Metric.OUTPUT_TOKENS: usage.output_tokens,
        Metric.CACHE_READ_TOKENS: usage.cache_read_tokens,
        Metric.CACHE_WRITE_TOKENS: usage.cache_write_tokens,
        Metric.COST: _dollars(usage),
        Metric.UNPRICED_CALLS: usage.unpriced_calls,
    }


def _of_tool_call(event: Event) -> Values:
    status = event.details.get("Status")
    if status == _INTERRUPTED:
        return {}
    return {
        Metric.TOOL_CALLS: 1,
        Metric.TOOL_FAILURES: int(status != _SUCCESS),
        Metric.TOOL_DURATION: _number(event, "DurationMs"),
    }


def _of_step_failure(event: Event) -> Values:
    return {Metric.STEP_RETRIES: 1} if event.is_tried_again else {}


#: Few of an attempt's events have a metric; a step's own have none.
_OF_WORK: Mapping[EventType, Callable[[Event], Values]] = MappingProxyType(
    {
        EventType.MODEL_CALLED: _of_model_call,
        EventType.MODEL_FAILED: lambda _: {Metric.MODEL_FAILURES: 1},
        EventType.TOOL_RETURNED: _of_tool_call,
        EventType.STEP_FAILED: _of_step_failure,
        EventType.RUN_STALLED: lambda _: {Metric.RUNS_STALLED: 1},
    }
)


def _seconds(since: datetime, until: datetime) -> float:
    # Two clocks may have told them.
    return max(0.0, (until - since) / timedelta(seconds=1))


def _dollars(usage: Usage) -> float:
    return float(usage.cost_usd)


def _number(event: Event, name: str) -> float:
    value = event.details.get(name)
    return value if isinstance(value, int | float) else 0
