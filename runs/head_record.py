"""How the head of a run looks when it is stored: flat, as `run.asl.json` reads it."""

from collections.abc import Mapping
from dataclasses import asdict, fields

from runs.budget import Budget
from runs.fields import FieldError, Fields
from runs.instants import to_iso
from runs.json_types import Json
from runs.records import Kind, Record, iso_or_none, json_text, present
from runs.run import (
    Artifact,
    ForkedFrom,
    Lease,
    Pause,
    Progress,
    Run,
    RunFailure,
    Status,
    Usage,
)

#: Bytes of the prompt, and of the result, that stay on the head. Less than elsewhere: a head is
#: read and written most, and Step Functions reads it into a state, which may hold 256 KB.
MAX_INLINE_HEAD = 32 * 1024
#: Characters of a text about a run. An error message may quote anything; an unbounded one could
#: make a head that no store takes, and so a run that can't end.
MAX_NOTE = 4_000

USAGE_FIELDS = tuple(field.name for field in fields(Usage))
#: What stands before the names of what a run's children used. One attribute each, so that a store
#: can add to them without reading.
_CHILDREN = "children_"


def usage_to_record(usage: Usage) -> dict[str, int]:
    """Give a usage's parts, by name."""
    return {name: getattr(usage, name) for name in USAGE_FIELDS}


def children_usage_to_record(usage: Usage) -> dict[str, int]:
    """Give the parts of what a run's children used, by name; without those that are zero."""
    parts = usage_to_record(usage)
    return {f"{_CHILDREN}{name}": value for name, value in parts.items() if value}


def with_children_usage(record: Mapping[str, Json], usage: Usage) -> Record:
    """Give a head's record with more used by the run's children."""
    held, added = Fields(record), children_usage_to_record(usage)
    return {**record, **{name: held.count(name) + value for name, value in added.items()}}


def budget_to_record(budget: Budget) -> Record | None:
    """Give a budget as it stands on the head; None if there is no limit."""
    return (
        present(
            {
                "max_tokens": budget.max_tokens,
                "max_cost_usd": None if budget.max_cost_usd is None else str(budget.max_cost_usd),
                "max_seconds": None if budget.max_seconds is None else str(budget.max_seconds),
            }
        )
        or None
    )


def progress_to_record(progress: Progress) -> Record:
    """Give a progress as it stands on the head."""
    return {
        "step": _note(progress.step),
        "done": progress.done,
        "total": progress.total,
        "message": _note(progress.message),
    }


def artifact_to_record(artifact: Artifact) -> Record:
    """Give an artifact as it stands on the head, under its name."""
    record: Record = asdict(artifact)
    del record["name"]
    return present(record)


def _run_to_record(run: Run) -> Record:
    record: Record = {
        "session_id": run.session_id,
        "workflow": run.workflow,
        "prompt": run.prompt,
        "input": run.input,
        "source": run.source,
        "status": run.status.value,
        "version": run.version,
        "workflow_version": run.workflow_version,
        "attempt": run.attempt,
        "max_attempts": run.max_attempts,
        "lost_attempts": run.lost_attempts,
        "dispatches": run.dispatches,
        "hand_overs": run.hand_overs,
        "stopped_hand_overs": run.stopped_hand_overs,
        "stopping_until": iso_or_none(run.stopping_until),
        "wake_at": iso_or_none(run.wake_at),
        "answers": run.answers,
        "seen_answers": run.seen_answers or None,
        "waiting_for": _note(run.waiting_for),
        "notify_at": iso_or_none(run.notify_at),
        "wake_token": run.wake_token,
        "watcher": run.watcher,
        "execution": run.execution,
        "trace": run.trace,
        "parent_session_id": run.parent_session_id,
        "parent_operation_id": run.parent_operation_id,
        "root_session_id": run.root_session_id,
        "budget": budget_to_record(run.budget),
        "deadline_at": to_iso(run.deadline_at),
        "cancel_requested": run.cancel_requested,
        "cancel_reason": _note(run.cancel_reason),
        "pause": _pause_to_record(run.pause),
        "tells": run.tells or None,
        "progress": progress_to_record(run.progress),
        "result": json_text(run.result),
        "error": _failure_to_record(run.error),
        "artifacts": {artifact.name: artifact_to_record(artifact) for artifact in run.artifacts},
        "worked_ms": run.worked_ms,
        "children_worked_ms": run.children_worked_ms,
        "claimed_at": iso_or_none(run.claimed_at),
        "created_at": to_iso(run.created_at),
        "started_at": iso_or_none(run.started_at),
        "updated_at": to_iso(run.updated_at),
        "finished_at": iso_or_none(run.finished_at),
        "announced_at": iso_or_none(run.announced_at),
        "retries": run.retries,
        "retried_at": iso_or_none(run.retried_at),
        "forked_from": _origin_to_record(run.forked_from),
    }
    used = usage_to_record(run.usage) | children_usage_to_record(run.children_usage)
    return present(record | used | _lease_to_record(run.lease))


def _lease_to_record(lease: Lease | None) -> Record:
    if lease is None:
        return {}
    return {
        "lease_token": lease.token,
        "lease_owner": lease.owner,
        "lease_seconds": str(lease.seconds),
        "lease_expires_at": to_iso(lease.expires_at),
    }


def _pause_to_record(pause: Pause | None) -> Record | None:
    if pause is None:
        return None
    return {
        "by": _note(pause.by),
        "origin": pause.origin,
        "reason": _note(pause.reason),
        "at": to_iso(pause.at),
    }


def _failure_to_record(failure: RunFailure | None) -> Record | None:
    if failure is None:
        return None
    return {"type": failure.type, "message": _note(failure.message)}


#: The names a head's record may have. Others are a later version's: they are kept as they are.
RUN_FIELDS = frozenset(
    {field.name for field in fields(Run)} - {"lease", "usage", "children_usage"}
    | {"lease_token", "lease_owner", "lease_seconds", "lease_expires_at"}
    | {"prompt_ref", "result_ref", *USAGE_FIELDS}
    | {f"{_CHILDREN}{name}" for name in USAGE_FIELDS}
)


def _run_from_fields(record: Fields) -> Run:
    return Run(
        session_id=record.text("session_id"),
        workflow=record.text("workflow"),
        prompt=record.text("prompt"),
        input=record.text_or_none("input"),
        source=record.text("source"),
        status=Status(record.text("status")),
        version=record.whole("version"),
        workflow_version=record.text_or_none("workflow_version"),
        attempt=record.count("attempt"),
        max_attempts=record.whole("max_attempts"),
        lost_attempts=record.count("lost_attempts"),
        dispatches=record.count("dispatches"),
        hand_overs=record.count("hand_overs"),
        stopped_hand_overs=record.count("stopped_hand_overs"),
        stopping_until=record.instant_or_none("stopping_until"),
        lease=_lease_from_fields(record),
        wake_at=record.instant_or_none("wake_at"),
        answers=record.count("answers"),
        seen_answers=record.count("seen_answers"),
        waiting_for=record.text_or_none("waiting_for"),
        notify_at=record.instant_or_none("notify_at"),
        wake_token=record.text_or_none("wake_token"),
        watcher=record.text_or_none("watcher"),
        execution=record.text_or_none("execution"),
        trace=record.text_or_none("trace"),
        parent_session_id=record.text_or_none("parent_session_id"),
        parent_operation_id=record.text_or_none("parent_operation_id"),
        root_session_id=record.text_or_none("root_session_id"),
        budget=_budget_from_fields(record.part("budget")),
        deadline_at=record.instant("deadline_at"),
        cancel_requested=record.flag("cancel_requested"),
        cancel_reason=record.text_or_none("cancel_reason"),
        pause=_pause_from_fields(record.part("pause")),
        tells=record.count("tells"),
        progress=_progress_from_fields(record.part("progress")),
        result=record.json("result"),
        error=_failure_from_fields(record.part("error")),
        artifacts=_artifacts_from_fields(record.part("artifacts")),
        usage=Usage(**{name: record.count(name) for name in USAGE_FIELDS}),
        children_usage=Usage(**{name: record.count(_CHILDREN + name) for name in USAGE_FIELDS}),
        worked_ms=record.count("worked_ms"),
        children_worked_ms=record.count("children_worked_ms"),
        claimed_at=record.instant_or_none("claimed_at"),
        created_at=record.instant("created_at"),
        started_at=record.instant_or_none("started_at"),
        updated_at=record.instant("updated_at"),
        finished_at=record.instant_or_none("finished_at"),
        announced_at=record.instant_or_none("announced_at"),
        retries=record.count("retries"),
        retried_at=record.instant_or_none("retried_at"),
        forked_from=_origin_from_fields(record.part("forked_from")),
    )


def _origin_to_record(origin: ForkedFrom | None) -> Record | None:
    if origin is None:
        return None
    # Records have no lists.
    lists = {"older": " ".join(origin.older), "edited": json_text(list(origin.edited))}
    return asdict(origin) | lists


def _origin_from_fields(record: Fields | None) -> ForkedFrom | None:
    if record is None:
        return None
    return ForkedFrom(
        session_id=record.text("session_id"),
        step=record.text("step"),
        operation_id=record.text("operation_id"),
        edited=record.texts("edited"),
        older=tuple(record.text("older").split()),
    )


def _pause_from_fields(record: Fields | None) -> Pause | None:
    if record is None:
        return None
    return Pause(
        by=record.text("by"),
        origin=record.text_or_none("origin") or "",
        reason=record.text_or_none("reason") or "",
        at=record.instant("at"),
    )


def _failure_from_fields(record: Fields | None) -> RunFailure | None:
    if record is None:
        return None
    return RunFailure(type=record.text("type"), message=record.text("message"))


def _lease_from_fields(record: Fields) -> Lease | None:
    token = record.text_or_none("lease_token")
    if token is None:
        return None
    return Lease(
        session_id=record.text("session_id"),
        token=token,
        owner=record.text("lease_owner"),
        attempt=record.whole("attempt"),
        seconds=record.number("lease_seconds"),
        expires_at=record.instant("lease_expires_at"),
    )


def _budget_from_fields(record: Fields | None) -> Budget:
    if record is None:
        return Budget()
    seconds = record.decimal_or_none("max_seconds")
    return Budget(
        max_tokens=record.count("max_tokens") or None,
        max_cost_usd=record.decimal_or_none("max_cost_usd"),
        max_seconds=None if seconds is None else float(seconds),
    )


def _progress_from_fields(record: Fields | None) -> Progress:
    if record is None:
        return Progress()
    return Progress(
        step=record.text_or_none("step") or "",
        done=record.count("done"),
        total=record.count("total"),
        message=record.text_or_none("message") or "",
    )


def _artifacts_from_fields(record: Fields | None) -> tuple[Artifact, ...]:
    if record is None:
        return ()
    return tuple(_artifact_from_fields(name, record.part(name)) for name in record.names())


def _artifact_from_fields(name: str, record: Fields | None) -> Artifact:
    if record is None:
        raise FieldError(name, None, expected="an artifact")
    return Artifact(
        name=name,
        uri=record.text("uri"),
        media_type=record.text("media_type"),
        size=record.whole("size"),
        sha256=record.text("sha256"),
        key=record.text_or_none("key"),
        operation_id=record.text_or_none("operation_id"),
    )


RUN = Kind(
    to_record=_run_to_record,
    from_fields=_run_from_fields,
    payloads=("prompt", "result"),
    max_inline=MAX_INLINE_HEAD,
)


def _note(text: str | None) -> str | None:
    if text is None or len(text) <= MAX_NOTE:
        return text
    return f"{text[:MAX_NOTE]} … ({len(text) - MAX_NOTE:,} more characters)"
