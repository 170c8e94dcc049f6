"""How the parts of a run look when they are stored: flat records of JSON values.

All stores keep the same records, so what they mean stands once. Instants are ISO 8601 texts,
numbers that are not whole are decimal texts, values that may be large are JSON texts (so that
`runs.payloads` can keep them elsewhere), and a field without a value is absent.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Generic, TypeVar

from runs.compact import compact
from runs.events import Event, EventType
from runs.fields import Fields
from runs.instants import to_iso
from runs.journal.base import AgentRecord, Message, ToolEntry, ToolStatus
from runs.json_types import Json
from runs.operations import Operation, OperationError, OperationStatus, OperationType
from runs.told import Tell

Record = dict[str, Json]
T = TypeVar("T")

#: Bytes of a text that stay in its record. Larger ones go to the artifact store.
MAX_INLINE = 128 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[T]):
    """How one sort of value is stored."""

    to_record: Callable[[T], Record]
    from_fields: Callable[[Fields], T]
    #: The fields that may be large.
    payloads: tuple[str, ...]
    max_inline: int = MAX_INLINE


def present(record: Record) -> Record:
    """Leave out what has no value."""
    return {name: value for name, value in record.items() if value is not None}


def iso_or_none(at: datetime | None) -> str | None:
    """Write an instant that may be absent."""
    return None if at is None else to_iso(at)


def json_text(value: Json) -> str | None:
    """Write a value as JSON text; None is absent."""
    return None if value is None else compact(value)


def _operation_to_record(operation: Operation) -> Record:
    return present(
        {
            "operation_id": operation.operation_id,
            "type": operation.type.value,
            # Not `status`: that name is the index of heads.
            "state": operation.status.value,
            "parent_id": operation.parent_id,
            "name": operation.name,
            "sub_type": operation.sub_type,
            "attempt": operation.attempt,
            "payload": operation.payload,
            "error": _error_text(operation.error),
            "due_at": iso_or_none(operation.due_at),
            "timeout_at": iso_or_none(operation.timeout_at),
            "heartbeat_seconds": operation.heartbeat_seconds,
            "replay_children": operation.replay_children,
            "callback_id": operation.callback_id,
            "external_id": operation.external_id,
            "target": operation.target,
            "input": operation.input,
            "items": operation.items,
            "child_session_id": operation.child_session_id,
            "child_retries": operation.child_retries or None,
            "answered_by": operation.answered_by,
            "answer": operation.answer,
            "started_at": to_iso(operation.started_at),
            "ended_at": iso_or_none(operation.ended_at),
        }
    )


def _error_text(error: OperationError | None) -> str | None:
    return None if error is None else json_text(asdict(error))


#: The names an operation's record may have.
OPERATION_FIELDS = frozenset(
    {field.name for field in fields(Operation)} - {"status"}
    | {"state", "payload_ref", "error_ref", "input_ref", "items_ref"}
)


def _operation_from_fields(record: Fields) -> Operation:
    return Operation(
        operation_id=record.text("operation_id"),
        type=OperationType(record.text("type")),
        status=OperationStatus(record.text("state")),
        parent_id=record.text_or_none("parent_id"),
        name=record.text_or_none("name"),
        sub_type=record.text_or_none("sub_type"),
        attempt=record.count("attempt"),
        payload=record.text_or_none("payload"),
        error=_operation_error(record.json_object("error")),
        due_at=record.instant_or_none("due_at"),
        timeout_at=record.instant_or_none("timeout_at"),
        heartbeat_seconds=record.count("heartbeat_seconds") or None,
        replay_children=record.flag("replay_children"),
        callback_id=record.text_or_none("callback_id"),
        external_id=record.text_or_none("external_id"),
        target=record.text_or_none("target"),
        input=record.text_or_none("input"),
        items=record.text_or_none("items"),
        child_session_id=record.text_or_none("child_session_id"),
        child_retries=record.count("child_retries"),
        answered_by=record.text_or_none("answered_by"),
        answer=record.count("answer") or None,
        started_at=record.instant("started_at"),
        ended_at=record.instant_or_none("ended_at"),
    )


def _operation_error(stored: Mapping[str, Json]) -> OperationError | None:
    if not stored:
        return None
    record = Fields(stored)
    trace = stored.get("stack_trace")
    lines = tuple(map(str, trace)) if isinstance(trace, list) else None
    return OperationError(
        message=record.text_or_none("message"),
        type=record.text_or_none("type"),
        data=record.text_or_none("data"),
        stack_trace=lines,
    )


OPERATION = Kind(
    to_record=_operation_to_record,
    from_fields=_operation_from_fields,
    payloads=("payload", "error", "input", "items"),
)


def _event_to_record(event: Event) -> Record:
    return present(
        {
            "type": event.type.value,
            "at": to_iso(event.at),
            "operation_id": event.operation_id,
            "parent_id": event.parent_id,
            "name": event.name,
            "sub_type": event.sub_type,
            "attempt": event.attempt,
            "details": json_text(dict(event.details)) if event.details else None,
        }
    )


def _event_from_fields(record: Fields) -> Event:
    return Event(
        type=EventType(record.text("type")),
        at=record.instant("at"),
        operation_id=record.text_or_none("operation_id"),
        parent_id=record.text_or_none("parent_id"),
        name=record.text_or_none("name"),
        sub_type=record.text_or_none("sub_type"),
        attempt=record.count("attempt"),
        details=record.json_object("details"),
    )


EVENT = Kind(to_record=_event_to_record, from_fields=_event_from_fields, payloads=("details",))


def _message_to_record(message: Message) -> Record:
    return present(
        {
            "agent": message.agent,
            "index": message.index,
            "body": json_text(message.body),
            "operation_id": message.operation_id,
        }
    )


def _message_from_fields(record: Fields) -> Message:
    return Message(
        agent=record.text("agent"),
        index=record.whole("index"),
        body=record.json("body"),
        operation_id=record.text_or_none("operation_id"),
    )


MESSAGE = Kind(to_record=_message_to_record, from_fields=_message_from_fields, payloads=("body",))


def _agent_to_record(agent: AgentRecord) -> Record:
    return present({"agent": agent.agent, "body": json_text(agent.body)})


def _agent_from_fields(record: Fields) -> AgentRecord:
    return AgentRecord(agent=record.text("agent"), body=record.json("body"))


AGENT = Kind(to_record=_agent_to_record, from_fields=_agent_from_fields, payloads=("body",))


def _tool_to_record(entry: ToolEntry) -> Record:
    return present(
        {
            "tool_use_id": entry.tool_use_id,
            "agent": entry.agent,
            "tool": entry.tool,
            "state": entry.status.value,
            "attempt": entry.attempt,
            "result": json_text(entry.result),
            "started_at": to_iso(entry.started_at),
            "ended_at": iso_or_none(entry.ended_at),
        }
    )


def _tool_from_fields(record: Fields) -> ToolEntry:
    return ToolEntry(
        tool_use_id=record.text("tool_use_id"),
        agent=record.text("agent"),
        tool=record.text("tool"),
        status=ToolStatus(record.text("state")),
        attempt=record.count("attempt"),
        result=record.json("result"),
        started_at=record.instant("started_at"),
        ended_at=record.instant_or_none("ended_at"),
    )


def _tell_to_record(tell: Tell) -> Record:
    return present(
        {
            "tell_id": tell.tell_id,
            "number": tell.number,
            "text": tell.text,
            "by": tell.by,
            "origin": tell.origin,
            "agent": tell.agent,
            "told_at": to_iso(tell.told_at),
            "delivered_at": iso_or_none(tell.delivered_at),
            "delivered_to": tell.delivered_to,
            "message": tell.message,
        }
    )


def _tell_from_fields(record: Fields) -> Tell:
    delivered_to = record.text_or_none("delivered_to")
    return Tell(
        tell_id=record.text("tell_id"),
        number=record.whole("number"),
        text=record.text("text"),
        by=record.text("by"),
        origin=record.text_or_none("origin") or "",
        agent=record.text_or_none("agent"),
        told_at=record.instant("told_at"),
        delivered_at=record.instant_or_none("delivered_at"),
        delivered_to=delivered_to,
        message=None if delivered_to is None else record.count("message"),
    )


TELL = Kind(to_record=_tell_to_record, from_fields=_tell_from_fields, payloads=("text",))

TOOL = Kind(to_record=_tool_to_record, from_fields=_tool_from_fields, payloads=("result",))
