"""The port by which events are put on the bus, and what an event is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from runs.instants import to_iso
from runs.json_types import Json


class EventKind(StrEnum):
    """What an event tells; the state machine tells the ends of runs, in the same shape.

    The value is the CloudEvents type. `runs/schemas` has a schema for each.
    """

    #: A decision is asked for.
    APPROVAL_REQUESTED = "errand.approval.requested"
    #: Nobody decided in time, which is a no.
    APPROVAL_EXPIRED = "errand.approval.expired"
    #: The run ended without a decision.
    APPROVAL_WITHDRAWN = "errand.approval.withdrawn"

    @property
    def detail_type(self) -> str:
        """Give what EventBridge's rules call it."""
        return self.value.removeprefix("errand.").replace(".", " ").title()


@dataclass(frozen=True, slots=True, kw_only=True)
class BusEvent:
    """Something that happened, as others are told of it."""

    #: The same however often it is put: whoever gets it twice drops the second.
    event_id: str
    kind: EventKind
    #: The run it is about.
    session_id: str
    #: When it happened, and not when it is told.
    at: datetime
    data: Mapping[str, Json]

    def to_json(self, *, source: str) -> dict[str, Json]:
        """Give it as a CloudEvent, version 1.0, in its JSON format.

        Args:
            source: Which deployment tells it; with the id it names the event among all others.
        """
        return {
            "specversion": "1.0",
            "id": self.event_id,
            "source": source,
            "type": self.kind.value,
            "subject": self.session_id,
            "time": to_iso(self.at),
            "datacontenttype": "application/json",
            "data": dict(self.data),
        }


class Bus(Protocol):
    """Takes events for whoever wants to know."""

    def put(self, event: BusEvent) -> None:
        """Hand an event over; it may be put more than once.

        Raises:
            EventNotPutError: It was not taken, or nobody knows. Putting it again may help.
        """
        ...
