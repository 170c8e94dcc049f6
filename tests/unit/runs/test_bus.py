"""What the bus is told, and that it is what the schemas say."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from jsonschema import Draft202012Validator

from local.home import PROJECT
from runs.approval_events import event_of
from runs.approvals import Question
from runs.asked import ApprovalState
from runs.bus.base import BusEvent, EventKind
from runs.bus.eventbridge import EventBridgeBus
from runs.errors import EventNotPutError
from runs.notices import NoticeKind
from runs.run import Status
from statemachine import definition
from tests.support.journals import NOW, a_run, later
from tests.support.notices import SESSION, a_notice, an_approval
from tests.support.schemas import kinds, problems, schema_of

SOURCE = "/errand/errand-dev"
LARGE = 256 * 1024


class ScriptedEvents:
    """EventBridge, as far as one call goes."""

    def __init__(self, answer: object = None) -> None:
        self.answer = answer or {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}
        self.entries: list[dict[str, Any]] = []

    def put_events(self, **arguments: Any) -> Any:  # noqa: ANN401 - boto3's own
        self.entries += arguments["Entries"]
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def an_event(**changes: Any) -> BusEvent:  # noqa: ANN401 - any field of a notice
    event = event_of(a_notice(**changes))
    assert event is not None
    return event


@pytest.mark.parametrize("kind", kinds())
def test_each_schema_is_one_and_takes_its_own_example(kind: str) -> None:
    schema = schema_of(kind)
    (example,) = schema["examples"]

    Draft202012Validator.check_schema(schema)
    assert example["type"] == kind == schema["properties"]["type"]["const"]
    assert problems(example) == []
    for name in set(schema["required"]) - {"type"}:
        assert problems({key: value for key, value in example.items() if key != name}), name


def test_everything_that_is_told_has_a_schema() -> None:
    announce = json.loads(definition.PATH.read_text())["States"]["Announce"]
    detail = announce["Arguments"]["Entries"][0]["Detail"]
    ends = {f"errand.run.{each.lower()}" for each in ("COMPLETED", "FAILED", "CANCELLED")}

    assert set(kinds()) == {*EventKind} | ends | {"errand.run.timed_out"}
    assert all(f"'{kind}'" in detail["type"] for kind in ends)


def test_the_page_about_events_shows_one_that_is_and_names_all() -> None:
    page = (PROJECT / "docs" / "events.md").read_text()
    (shown,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)

    assert [json.loads(shown)["detail"]] == schema_of("errand.run.completed")["examples"]
    assert set(re.findall(r"\| `(errand\.[a-z_.]+)` \|", page)) == set(kinds())
    assert all(f"| `{kind.detail_type}` |" in page for kind in EventKind)


def test_a_question_is_told_without_its_content_or_a_link() -> None:
    approval = an_approval()

    event = an_event(approval=approval).to_json(source=SOURCE)

    assert problems(event) == []
    assert event["type"] == "errand.approval.requested"
    assert event["subject"] == SESSION
    assert isinstance(event["data"], dict)
    assert event["data"]["approval_id"] == approval.approval_id
    assert event["data"]["what"] == approval.question.what
    assert approval.shown not in json.dumps(event)
    assert "http" not in json.dumps(event)


def test_the_same_question_has_the_same_id_however_often_it_is_told() -> None:
    approval = an_approval()
    edited = replace(approval, content="other words")
    again = a_run(session_id=SESSION, status=Status.WAITING, retries=1)

    first, repeat = an_event(approval=approval), an_event(approval=approval, due_at=NOW)

    assert first == repeat
    assert an_event(approval=edited).event_id != first.event_id
    assert an_event(approval=approval, run=again).event_id != first.event_id


@pytest.mark.parametrize(
    ("state", "status", "kind"),
    [
        (ApprovalState.EXPIRED, Status.WAITING, EventKind.APPROVAL_EXPIRED),
        (ApprovalState.OPEN, Status.CANCELLED, EventKind.APPROVAL_WITHDRAWN),
    ],
)
def test_that_nobody_decided_is_told_with_the_reason(
    state: ApprovalState, status: Status, kind: EventKind
) -> None:
    approval = an_approval(state=state)
    run = a_run(session_id=SESSION, status=status)

    event = an_event(kind=NoticeKind.ENDED, approval=approval, run=run, due_at=later(60))

    assert (event.kind, event.at) == (kind, later(60))
    assert problems(event.to_json(source=SOURCE)) == []


def test_a_reminder_is_no_news() -> None:
    assert event_of(a_notice(kind=NoticeKind.REMINDER, number=1)) is None


def test_no_question_is_too_large_for_an_event() -> None:
    question = Question(
        what="\u4e16" * 100_000,
        content="x" * LARGE,
        tool="\u4e16" * 100_000,
        may_decide=tuple("\u4e16" * 1_000 for _ in range(1_000)),
        expires_in=timedelta(hours=1),
    )

    event = an_event(approval=an_approval(question)).to_json(source=SOURCE)

    assert problems(event) == []
    assert len(json.dumps(event)) < LARGE


def test_an_event_is_put_with_what_rules_choose_by() -> None:
    events = ScriptedEvents()

    EventBridgeBus(events, name="errand-dev").put(an_event())

    (entry,) = events.entries
    assert (entry["EventBusName"], entry["Source"]) == ("errand-dev", "errand")
    assert entry["DetailType"] == "Approval Requested"
    assert json.loads(entry["Detail"]) == an_event().to_json(source=SOURCE)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (
            {
                "FailedEntryCount": 1,
                "Entries": [{"ErrorCode": "InternalFailure", "ErrorMessage": "not now"}],
            },
            "InternalFailure: not now",
        ),
        (
            ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "PutEvents"),
            "AccessDeniedException",
        ),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1"), "the store did not answer"),
    ],
)
def test_an_event_that_is_not_taken_is_an_error(answer: object, why: str) -> None:
    bus = EventBridgeBus(ScriptedEvents(answer), name="errand-dev")

    with pytest.raises(EventNotPutError, match=why) as caught:
        bus.put(an_event())

    assert caught.value.retryable
