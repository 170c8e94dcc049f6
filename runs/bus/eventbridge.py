"""Events on a bus of EventBridge: the detail is the CloudEvent, whole."""

from typing import Any, Protocol

from runs.aws_errors import AnsweredError, translated
from runs.bus.base import BusEvent
from runs.compact import compact
from runs.errors import EventNotPutError, JournalUnavailableError

#: As rules know what is ours.
SOURCE = "errand"


class Events(Protocol):
    """The call of boto3's `events` client that is used here."""

    def put_events(self, **arguments: Any) -> Any:  # noqa: ANN401 - boto3's own
        """Put events; see boto3."""
        ...


class EventBridgeBus:
    """See `runs.bus.base.Bus`. It needs `events:PutEvents` on the bus."""

    def __init__(self, client: Events, *, name: str) -> None:
        self._client = client
        self._name = name

    def put(self, event: BusEvent) -> None:
        """See `Bus.put`."""
        entry = {
            "EventBusName": self._name,
            "Source": SOURCE,
            "DetailType": event.kind.detail_type,
            "Detail": compact(event.to_json(source=f"/{SOURCE}/{self._name}")),
        }
        try:
            with translated():
                answer = self._client.put_events(Entries=[entry])
        except (AnsweredError, JournalUnavailableError) as error:
            raise EventNotPutError(event.event_id, str(error)) from error
        # One that EventBridge did not take is told of in an answer that is no error.
        if answer["FailedEntryCount"]:
            (failed,) = answer["Entries"]
            why = f"{failed.get('ErrorCode')}: {failed.get('ErrorMessage')}"
            raise EventNotPutError(event.event_id, why)
