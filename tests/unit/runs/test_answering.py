"""Answers to runs that the Lambda service executes: recorded here first, then told there."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from runs.answering import Answers
from runs.callbacks import callback_id_of
from runs.errors import AnswerNotToldError, CallbackClosedError
from runs.journal.base import Changes
from runs.journal.sqlite import SqliteJournal
from runs.lambda_callbacks import LambdaCallbackService
from runs.operations import OperationError, OperationStatus, OperationType
from runs.signals import NoSignal
from tests.support.journals import NOW, accept, an_operation, claim, folder_store

THEIRS = "the-service-s-id"


@dataclass
class Client:
    """The calls of boto3's `lambda` client, remembered."""

    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    error: Exception | None = None

    def send_durable_execution_callback_success(self, **request: Any) -> None:  # noqa: ANN401 - boto3's
        self._take("success", request)

    def send_durable_execution_callback_failure(self, **request: Any) -> None:  # noqa: ANN401 - boto3's
        self._take("failure", request)

    def send_durable_execution_callback_heartbeat(self, **request: Any) -> None:  # noqa: ANN401 - boto3's
        self._take("heartbeat", request)

    def _take(self, what: str, request: dict[str, Any]) -> None:
        if self.error is not None:
            raise self.error
        self.told.append((what, request))


@dataclass
class Desk:
    """A run that waits for a callback, and who answers it."""

    client: Client
    answers: Answers
    callback_id: str


def now() -> datetime:
    return NOW


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    journal = SqliteJournal(":memory:", artifacts=folder_store(tmp_path))
    run = accept(journal, source="lambda", execution="arn:of:an/execution")
    claimed = journal.claim(
        run.session_id,
        owner="lambda",
        token="token",
        now=NOW,
        lease_seconds=60,
        execution="arn:of:an/execution",
    )
    callback_id = callback_id_of(run.session_id, "op-1")
    asked = an_operation(
        type=OperationType.CALLBACK,
        status=OperationStatus.STARTED,
        payload=None,
        ended_at=None,
        callback_id=callback_id,
        external_id=THEIRS,
        heartbeat_seconds=60,
    )
    journal.commit(claimed.lease, Changes(operations=(asked,)), now=NOW)
    client = Client()
    answers = Answers(
        journal=journal, signal=NoSignal(), clock=now, service=LambdaCallbackService(client)
    )
    return Desk(client, answers, callback_id)


def test_the_service_is_told_by_its_own_id(desk: Desk) -> None:
    desk.answers.heartbeat(desk.callback_id)
    desk.answers.complete(desk.callback_id, '{"decision": "approved"}')

    assert desk.client.told == [
        ("heartbeat", {"CallbackId": THEIRS}),
        ("success", {"CallbackId": THEIRS, "Result": b'{"decision": "approved"}'}),
    ]


def test_a_failure_is_told_with_its_error(desk: Desk) -> None:
    desk.answers.fail(desk.callback_id, OperationError(type="MailError", message="it bounced"))

    error = {"ErrorType": "MailError", "ErrorMessage": "it bounced"}
    assert desk.client.told == [("failure", {"CallbackId": THEIRS, "Error": error})]


def test_an_answer_that_was_not_told_is_told_by_whoever_answers_again(desk: Desk) -> None:
    desk.client.error = EndpointConnectionError(endpoint_url="https://lambda")
    with pytest.raises(AnswerNotToldError, match="recorded, but the Lambda service was not told"):
        desk.answers.complete(desk.callback_id, '"first"')
    desk.client.error = None

    with pytest.raises(CallbackClosedError):
        desk.answers.complete(desk.callback_id, '"second"')

    assert desk.client.told == [("success", {"CallbackId": THEIRS, "Result": b'"first"'})]


def test_a_callback_that_the_service_has_closed_is_no_error(desk: Desk) -> None:
    answer = {"Error": {"Code": "CallbackTimeoutException", "Message": "closed"}}
    desk.client.error = ClientError(answer, "SendDurableExecutionCallbackSuccess")

    run = desk.answers.complete(desk.callback_id, '"yes"')

    assert run.answers == 1


def test_a_refusal_of_the_service_is_told_with_what_to_do(desk: Desk) -> None:
    answer = {"Error": {"Code": "AccessDeniedException", "Message": "not allowed"}}
    desk.client.error = ClientError(answer, "SendDurableExecutionCallbackSuccess")

    with pytest.raises(AnswerNotToldError) as caught:
        desk.answers.complete(desk.callback_id, '"yes"')

    assert "not allowed" in str(caught.value)
    assert f"answer again to tell it, or complete its callback {THEIRS}" in str(caught.value)


def test_without_a_way_to_the_service_the_answer_says_so(desk: Desk) -> None:
    answers = Answers(journal=desk.answers.journal, signal=NoSignal(), clock=now)

    with pytest.raises(AnswerNotToldError, match="this process has no way to the Lambda service"):
        answers.complete(desk.callback_id, '"yes"')


def test_other_runs_callbacks_are_nobody_else_s(desk: Desk) -> None:
    journal = desk.answers.journal
    run = accept(journal)
    claimed = claim(journal, run.session_id)
    callback_id = callback_id_of(run.session_id, "op-1")
    asked = an_operation(type=OperationType.CALLBACK, status=OperationStatus.STARTED)
    asked = replace(asked, payload=None, ended_at=None, callback_id=callback_id)
    journal.commit(claimed.lease, Changes(operations=(asked,)), now=NOW)

    desk.answers.complete(callback_id, '"yes"')

    assert desk.client.told == []
