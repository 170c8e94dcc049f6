"""Runs as JSON: the shape that `docs/cli.md` documents and programs rely on."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cli.told_view import tell_to_json
from runs.budget import standings
from runs.history import history
from runs.instants import to_iso
from runs.journal.base import Recorded
from runs.json_types import Json
from runs.operations import Operation, OperationError
from runs.receipt import Receipt, Resumption, receipt
from runs.run import Artifact, Pause, Progress, Run, RunFailure, Usage
from runs.telemetry.traces import trace_of
from runs.told import Tell


def run_to_json(run: Run) -> dict[str, Json]:
    """Give a run's JSON object."""
    return {
        "session_id": run.session_id,
        "workflow": run.workflow,
        "workflow_version": run.workflow_version,
        "status": run.status.value,
        "attempt": run.attempt,
        "result": run.result,
        "artifacts": [artifact_to_json(artifact) for artifact in run.artifacts],
        "usage": _usage(run.usage),
        "cost_usd": float(run.usage.cost_usd),
        "children_usage": _usage_and_cost(run.children_usage),
        "budget": _budget(run),
        "created_at": to_iso(run.created_at),
        "started_at": _instant(run.started_at),
        "updated_at": to_iso(run.updated_at),
        "finished_at": _instant(run.finished_at),
        "deadline_at": to_iso(run.deadline_at),
        "error": _failure(run.error),
        "input": run.input,
        "prompt": run.prompt,
        "source": run.source,
        "progress": _progress(run.progress),
        "worker": _worker(run),
        "parent_session_id": run.parent_session_id,
        "root_session_id": run.root_session_id,
        "trace_id": trace_of(run).trace_id,
        "waiting_for": run.waiting_for,
        "wake_at": _instant(run.wake_at),
        "cancel_requested": run.cancel_requested,
        "paused": _pause(run.pause),
        "retries": run.retries,
        "retried_at": _instant(run.retried_at),
        "forked_from": _origin(run),
    }


def _pause(pause: Pause | None) -> Json:
    if pause is None:
        return None
    return {
        "by": pause.by,
        "from": pause.origin,
        "reason": pause.reason,
        "at": to_iso(pause.at),
    }


def _origin(run: Run) -> Json:
    origin = run.forked_from
    if origin is None:
        return None
    return {
        "session_id": origin.session_id,
        "step": origin.step,
        "operation_id": origin.operation_id,
        "edited": list(origin.edited),
    }


def history_to_json(
    run: Run,
    *,
    events: Sequence[Recorded],
    operations: Sequence[Operation],
    tells: Sequence[Tell] = (),
    infrastructure: Json = None,
) -> dict[str, Json]:
    """Give a run's JSON object with everything that happened.

    `events` is our own timeline; `history` is the part of it that the Lambda durable execution
    service has too, in the shape of its `GetDurableExecutionHistory`.
    """
    bill = receipt_to_json(receipt(run, (recorded.event for recorded in events)))
    return {
        **run_to_json(run),
        "receipt": {**bill, "infrastructure": infrastructure},
        "told": [tell_to_json(tell, run) for tell in tells],
        "events": [
            recorded.event.to_json(event_id) for event_id, recorded in enumerate(events, start=1)
        ],
        "operations": [operation_to_json(operation) for operation in operations],
        "history": history(run, (recorded.event for recorded in events), operations),
    }


def operation_to_json(operation: Operation) -> dict[str, Json]:
    """Give an operation in the field names of the Lambda durable execution API."""
    shape: dict[str, Json] = {
        "Id": operation.operation_id,
        "ParentId": operation.parent_id,
        "Name": operation.name,
        "Type": operation.type.value,
        "SubType": operation.sub_type,
        "Status": operation.status.value,
        "Attempt": operation.attempt or None,
        "StartTimestamp": to_iso(operation.started_at),
        "EndTimestamp": _instant(operation.ended_at),
        "DueTimestamp": _instant(operation.due_at),
        "CallbackId": operation.callback_id,
        "Result": operation.payload,
        "Error": _operation_error(operation.error),
    }
    return {key: value for key, value in shape.items() if value is not None}


def artifact_to_json(artifact: Artifact) -> dict[str, Json]:
    """Give an artifact; `path` is there only for files of this machine."""
    path = artifact_path(artifact)
    return {
        "name": artifact.name,
        "uri": artifact.uri,
        **({} if path is None else {"path": str(path)}),
        "media_type": artifact.media_type,
        "size": artifact.size,
        "sha256": artifact.sha256,
    }


def artifact_path(artifact: Artifact) -> Path | None:
    """Give the file a `file://` artifact is; None for one that is elsewhere."""
    parts = urlsplit(artifact.uri)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def owner_pid(owner: str) -> int | None:
    """Give the process id in a lease's owner (`host:pid`); None for another kind of owner."""
    host, _, pid = owner.rpartition(":")
    return int(pid) if host and pid.isascii() and pid.isdigit() else None


def _usage(usage: Usage) -> dict[str, Json]:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "model_calls": usage.model_calls,
        "unpriced_calls": usage.unpriced_calls,
    }


def _usage_and_cost(usage: Usage) -> dict[str, Json]:
    return {**_usage(usage), "cost_usd": float(usage.cost_usd)}


def _budget(run: Run) -> Json:
    """Give the limits, what counts against them, and what is left; null without limits.

    Of a run that is worked on, the time is that of its worker's last sign of life.
    """
    if not run.budget.is_set:
        return None
    used = run.used(run.lease.renewed_at if run.lease else run.updated_at)
    left: dict[str, Json] = {
        each.limit: int(each.left) if each.limit == "max_tokens" else float(each.left)
        for each in standings(run.budget, used)
    }
    return {"limits": run.budget.to_json(), "used": used.to_json(), "left": left}


def receipt_to_json(found: Receipt) -> dict[str, Json]:
    """Give a run's receipt."""
    return {
        "paid": _usage_and_cost(found.paid),
        "children": _usage_and_cost(found.children),
        "repeated": _usage_and_cost(found.repeated),
        "saved_by_replay": {
            **_usage_and_cost(found.saved),
            "steps": found.saved_steps,
            "seconds": round(found.saved_seconds, 3),
            "attempts": [_resumption(each) for each in found.resumptions],
        },
    }


def _resumption(found: Resumption) -> Json:
    return {
        "attempt": found.attempt,
        "after": found.after.value,
        **_usage_and_cost(found.usage),
        "steps": found.steps,
        "seconds": round(found.seconds, 3),
    }


def _progress(progress: Progress) -> Json:
    return {
        "step": progress.step,
        "done": progress.done,
        "total": progress.total,
        "message": progress.message,
    }


def _worker(run: Run) -> Json:
    if run.lease is None:
        return None
    owner = run.lease.owner
    return {
        "owner": owner,
        "pid": owner_pid(owner),
        "lease_expires_at": to_iso(run.lease.expires_at),
    }


def _failure(error: RunFailure | None) -> Json:
    return None if error is None else {"type": error.type, "message": error.message}


def _operation_error(error: OperationError | None) -> Json:
    if error is None:
        return None
    shape = {"ErrorType": error.type, "ErrorMessage": error.message, "ErrorData": error.data}
    return {key: value for key, value in shape.items() if value is not None}


def _instant(at: datetime | None) -> str | None:
    return None if at is None else to_iso(at)
