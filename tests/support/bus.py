"""A bus that keeps what it is given."""

from dataclasses import dataclass, field

from runs.bus.base import BusEvent
from runs.errors import EventNotPutError


@dataclass
class ScriptedBus:
    """Keeps the events it was given, but for as many as it refuses first."""

    events: list[BusEvent] = field(default_factory=list)
    refusals: int = 0

    def put(self, event: BusEvent) -> None:
        if self.refusals:
            self.refusals -= 1
            raise EventNotPutError(event.event_id, "the bus is closed")
        self.events.append(event)
