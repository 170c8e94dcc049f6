"""A report that a person must approve: it waits, and their word decides."""

import json
from pathlib import Path
from typing import Any

import pytest

from runs.events import EventType
from runs.operations import OperationError, OperationType
from runs.run import Run, Status
from tests.support.cost import SESSION_ID, Plant
from tests.support.research import plant, write


@pytest.fixture
def place(tmp_path: Path) -> Plant:
    return plant(tmp_path)


@pytest.fixture
def wish(tmp_path: Path) -> str:
    return json.dumps({"corpus": str(write(tmp_path)), "review": True, "review_hours": 2})


def callback_of(place: Plant) -> str:
    """Give the id of the open question."""
    found = [
        operation
        for operation in place.journal.operations(SESSION_ID)
        if operation.type is OperationType.CALLBACK
    ]
    assert len(found) == 1
    assert found[0].callback_id is not None
    return found[0].callback_id


def answer(place: Plant, decision: str, comment: str = "") -> None:
    payload = json.dumps({"decision": decision, "comment": comment})
    place.journal.complete_callback(callback_of(place), payload, now=place.clock())


def result(run: Run) -> dict[str, Any]:
    assert isinstance(run.result, dict), run.error
    return run.result


def test_a_report_waits_for_its_reviewer_with_a_draft(place: Plant, wish: str) -> None:
    run = place.attempt(wish)

    assert run.status is Status.WAITING
    assert {it.name for it in run.artifacts} == {"draft.md", "passages.json"}
    assert place.files()["draft.md"].startswith(b"# Research report\n")
    told = [
        recorded.event.details["Message"]
        for recorded in place.journal.events(SESSION_ID)
        if recorded.event.type is EventType.PROGRESS_REPORTED
    ]
    assert told[-1] == f"draft.md waits for an answer to callback {callback_of(place)}"


def test_an_approved_report_is_published_with_the_comment(place: Plant, wish: str) -> None:
    paid = place.attempt(wish).usage.model_calls
    answer(place, "approved", "Fine.")

    run = place.attempt(wish)

    assert run.status is Status.COMPLETED
    assert result(run)["review"] == {"decision": "approved", "comment": "Fine."}
    assert set(result(run)["artifacts"]) == {it.name for it in run.artifacts}
    text = place.files()["report.md"].decode()
    assert "Reviewed by a person: approved, with the comment “Fine.”" in text
    assert run.usage.model_calls == paid


def test_a_denied_report_is_not_published(place: Plant, wish: str) -> None:
    place.attempt(wish)
    answer(place, "denied", "Too short.")

    run = place.attempt(wish)

    assert run.status is Status.COMPLETED
    assert result(run)["headline"] == "Denied: Too short."
    assert {it.name for it in run.artifacts} == {"draft.md", "passages.json"}


def test_an_answer_that_can_not_be_read_publishes_nothing(place: Plant, wish: str) -> None:
    place.attempt(wish)
    place.journal.complete_callback(callback_of(place), "ok!", now=place.clock())

    run = place.attempt(wish)

    assert result(run)["review"]["decision"] == "denied"
    assert "'ok!', expected an object" in result(run)["review"]["comment"]


def test_a_question_that_could_not_be_asked_publishes_nothing(place: Plant, wish: str) -> None:
    place.attempt(wish)
    error = OperationError(type="MailError", message="the mail bounced")
    place.journal.fail_callback(callback_of(place), error, now=place.clock())

    run = place.attempt(wish)

    assert result(run)["review"] == {"decision": "denied", "comment": "the mail bounced"}


def test_no_answer_in_time_publishes_nothing_and_says_so(place: Plant, wish: str) -> None:
    place.attempt(wish)

    # Each attempt is ten minutes later; the question expires after two hours.
    statuses = [place.attempt(wish).status for _ in range(13)]

    run = place.head()
    assert statuses[0] is Status.WAITING
    assert run.status is Status.COMPLETED
    assert result(run)["headline"] == "Denied: nobody answered within 2 hours"
    assert "report.md" not in place.files()
