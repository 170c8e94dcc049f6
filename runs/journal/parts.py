"""The records of one write: an attempt's changes, by key."""

from collections.abc import Iterable

from runs.approval_record import APPROVAL
from runs.events import Event
from runs.ids import Ulids
from runs.journal.base import MAX_CHANGES, Changes
from runs.journal.keys import (
    agent_key,
    approval_key,
    event_key,
    message_key,
    operation_key,
    retry_key,
    tell_key,
    tool_key,
)
from runs.lifecycle import Change
from runs.payloads import Codec
from runs.plan_record import PLAN
from runs.records import AGENT, EVENT, MAX_INLINE, MESSAGE, OPERATION, TELL, TOOL, Record

Parts = dict[str, Record]


def check_size(changes: Changes) -> None:
    """Refuse more than one transaction takes.

    Raises:
        ValueError: There are more than `MAX_CHANGES` records.
    """
    if len(changes) > MAX_CHANGES:
        msg = f"changes hold {len(changes)} records, expected at most {MAX_CHANGES}"
        raise ValueError(msg)


def parts_of(changes: Changes, codec: Codec, *, max_inline: int = MAX_INLINE) -> Parts:
    """Make the records of all changes but the events; of those with one id the last stands."""
    parts: Parts = {}
    for operation in changes.operations:
        key = operation_key(operation.operation_id)
        parts[key] = codec.encode(OPERATION, operation, max_inline=max_inline)
    for agent in changes.agents:
        parts[agent_key(agent.agent)] = codec.encode(AGENT, agent, max_inline=max_inline)
    for message in changes.messages:
        key = message_key(message.agent, message.index)
        parts[key] = codec.encode(MESSAGE, message, max_inline=max_inline)
    for entry in changes.tools:
        parts[tool_key(entry.tool_use_id)] = codec.encode(TOOL, entry, max_inline=max_inline)
    for approval in changes.approvals:
        key = approval_key(approval.operation_id)
        parts[key] = codec.encode(APPROVAL, approval, max_inline=max_inline)
    for tell in changes.tells:
        parts[tell_key(tell.number)] = codec.encode(TELL, tell, max_inline=max_inline)
    return parts


def outside_parts(change: Change, codec: Codec) -> Parts:
    """Make the records of what somebody outside an attempt changes, but for the events."""
    outside = Changes(operations=change.operations, approvals=change.approvals, tells=change.tells)
    parts = parts_of(outside, codec)
    if change.plan is not None:
        parts[retry_key(change.plan.number)] = codec.encode(PLAN, change.plan)
    return parts


def event_parts(
    events: Iterable[Event],
    codec: Codec,
    *,
    ulids: Ulids,
    after: str | None,
    max_inline: int = MAX_INLINE,
) -> Parts:
    """Make the records of events, each under a new id that follows `after`."""
    parts: Parts = {}
    for event in events:
        key = event_key(ulids.new(event.at, after=after))
        parts[key] = codec.encode(EVENT, event, max_inline=max_inline)
    return parts
