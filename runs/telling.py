"""The rule by which a message for an agent comes into a run's inbox."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from runs.events import Event, EventType
from runs.json_types import Json
from runs.lifecycle import Change, check_steerable
from runs.run import Run
from runs.told import Tell


def tell(run: Run, message: Tell, *, known: Collection[str], now: datetime) -> Change:
    """Put a message behind those that are there; one whose id is known is there already.

    It wakes nobody: whoever works on the run next gives it to an agent.

    Args:
        run: The run.
        message: What it is told.
        known: The ids of all messages the run was told so far.
        now: The instant.

    Raises:
        SteeringRefusedError: The run has ended, or is about to.
    """
    if message.tell_id in known:
        return Change(run=run)
    check_steerable(run, "told anything")
    numbered = replace(message, number=run.tells + 1, told_at=now)
    held = replace(run, tells=numbered.number, version=run.version + 1, updated_at=now)
    return Change(run=held, tells=(numbered,), events=(told_event(numbered),))


def told_event(message: Tell) -> Event:
    """Give the fact that a run was told something."""
    details: dict[str, Json] = {
        "Number": message.number,
        "Text": message.text,
        "By": message.by,
        "From": message.origin,
        "Agent": message.agent,
    }
    known = {name: value for name, value in details.items() if value}
    return Event(type=EventType.MESSAGE_TOLD, at=message.told_at, details=known)
