"""Durable executions that the Lambda service ended itself."""

import pytest

from invoker.answers import Outcome
from runs.errors import JournalUnavailableError, LeaseLostError
from runs.events import EventType
from runs.ids import execution_session_id
from runs.lifecycle import Ending
from runs.request import RunRequest
from runs.run import DURABLE_FUNCTION, Status
from tests.support.invoking import NOW, WORKFLOWS, Desk

ARN = "arn:aws:lambda:us-east-1:123456789012:function:runs:1/durable-execution/one/two"
SESSION = execution_session_id(ARN)


@pytest.fixture
def durable(desk: Desk) -> Desk:
    """A desk with a durable execution's run, which an invocation works on."""
    request = RunRequest.from_json(
        {"prompt": "look at the bill"},
        source=DURABLE_FUNCTION,
        workflows=WORKFLOWS,
        session_id=SESSION,
    )
    desk.journal.accept(request.to_run(NOW))
    return desk


@pytest.mark.parametrize(
    ("status", "expected", "error"),
    [
        ("STOPPED", Status.CANCELLED, "Cancelled"),
        ("TIMED_OUT", Status.TIMED_OUT, "ExecutionTimedOut"),
        ("FAILED", Status.FAILED, "ExecutionFailed"),
    ],
)
def test_a_run_ends_as_its_execution_did(
    status: str, expected: Status, error: str, durable: Desk
) -> None:
    answer = durable.ask(action="conclude", execution=ARN, status=status)

    run = durable.run(SESSION)
    assert (answer.outcome, answer.session_id) == (Outcome.ENDED, SESSION)
    assert run.status is expected
    assert run.error is not None
    assert run.error.type == error


def test_an_invocation_that_still_works_can_write_no_more(durable: Desk) -> None:
    lease = durable.journal.claim(
        SESSION, owner="lambda", token="token", now=NOW, lease_seconds=15
    ).lease

    durable.ask(action="conclude", execution=ARN, status="STOPPED")

    assert durable.run(SESSION).status is Status.CANCELLED
    with pytest.raises(LeaseLostError):
        durable.journal.settle(lease, Ending(status=Status.COMPLETED, result="done"), now=NOW)


def test_a_run_that_ended_before_its_execution_stays_as_it_ended(durable: Desk) -> None:
    durable.journal.cancel(SESSION, now=NOW, reason="wrong bill")
    before = durable.run(SESSION)

    durable.ask(action="conclude", execution=ARN, status="FAILED")

    assert durable.run(SESSION) == before


def test_told_twice_is_told_once(durable: Desk) -> None:
    for _ in range(2):
        durable.ask(action="conclude", execution=ARN, status="STOPPED")

    told = [it.event.type for it in durable.journal.events(SESSION)]
    assert told.count(EventType.EXECUTION_STOPPED) == 1


def test_an_execution_that_never_became_a_run_is_told_as_such(desk: Desk) -> None:
    answer = desk.ask(action="conclude", execution=ARN, status="FAILED")

    assert (answer.outcome, answer.field) == (Outcome.REJECTED, "execution")


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED", ""])
def test_an_execution_that_did_not_end_badly_is_none_of_ours(status: str, durable: Desk) -> None:
    answer = durable.ask(action="conclude", execution=ARN, status=status)

    assert (answer.outcome, answer.field) == (Outcome.REJECTED, "status")
    assert not durable.run(SESSION).status.is_terminal


def test_a_journal_that_does_not_answer_has_lambda_tell_it_again(
    durable: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object, **__: object) -> None:
        raise JournalUnavailableError("throttled")

    monkeypatch.setattr(durable.journal, "conclude", down)

    with pytest.raises(JournalUnavailableError):
        durable.ask(action="conclude", execution=ARN, status="STOPPED")
