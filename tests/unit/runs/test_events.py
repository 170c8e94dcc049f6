from runs.events import EventType
from tests.support.journals import an_event


def test_an_event_is_shown_as_the_durable_execution_history_shows_it() -> None:
    event = an_event(
        EventType.STEP_SUCCEEDED,
        operation_id="op-1",
        parent_id="op-0",
        name="load",
        sub_type="Step",
        details={"Result": "3 rows"},
    )

    assert event.to_json(7) == {
        "EventType": "StepSucceeded",
        "EventId": 7,
        "EventTimestamp": "2026-01-31T08:30:00.000Z",
        "Id": "op-1",
        "ParentId": "op-0",
        "Name": "load",
        "SubType": "Step",
        "Attempt": 1,
        "StepSucceededDetails": {"Result": "3 rows"},
    }


def test_what_an_event_does_not_have_is_left_out() -> None:
    assert an_event(EventType.DISPATCHED, attempt=0).to_json(1) == {
        "EventType": "Dispatched",
        "EventId": 1,
        "EventTimestamp": "2026-01-31T08:30:00.000Z",
        "DispatchedDetails": {},
    }
