"""`marketing-post` as a Lambda durable function: page and queue bring answers to it, too."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from agent.workflows.marketing.unitok import SETTING
from invoker.delivery import Delivery
from invoker.tasks import Tasks
from runs.asked import Approval, ApprovalState
from runs.callback_service import NoCallbackService
from runs.run import Run, Status
from tests.support.homes import LambdaHome, lambda_home
from tests.support.marketing import RunningUniTok, running_unitok
from tests.support.pages import Office
from tests.support.queueing import (
    DEAD_LETTERS,
    PATIENCE,
    QUEUE,
    RecordedQueues,
    RecordedStarter,
    existing,
    record,
)


@pytest.fixture
def unitok(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningUniTok]:
    with running_unitok(tmp_path / "unitok.db") as running:
        monkeypatch.setenv(SETTING, running.url)
        yield running


@dataclass
class Asking:
    """A run that waits for a person, in the function."""

    home: LambdaHome

    def __post_init__(self) -> None:
        assert self.home.run(None).status is Status.WAITING

    @property
    def approval(self) -> Approval:
        (found,) = self.home.journal.approvals(self.home.session_id)
        return found

    def office(self) -> Office:
        """Open the page's side, with the way to the service that its function has."""
        answers = self.home.answers()
        return Office(self.home.journal, now=answers.clock(), service=answers.service)

    def queue(self) -> Delivery:
        """Open the queue's side, with the way to the service that its function has."""
        return Delivery(
            tasks=Tasks(
                answers=self.home.answers(),
                starter=RecordedStarter(),
                workflows={"marketing-post"},
                patience=PATIENCE,
                clock=self.home.answers().clock,
            ),
            queues=RecordedQueues(),
            queue_url=QUEUE,
            dead_letter_url=DEAD_LETTERS,
        )


@pytest.fixture
def asking(tmp_path: Path, unitok: RunningUniTok) -> Iterator[Asking]:
    prompt = "Tell of our new pink unicorns."
    with lambda_home(tmp_path, workflow="marketing-post", prompt=prompt) as home:
        yield Asking(home)


def ended(home: LambdaHome) -> Run:
    run = home.wait()
    assert run.status is Status.COMPLETED, run.error
    return run


def test_a_decision_on_the_page_reaches_the_function(asking: Asking, unitok: RunningUniTok) -> None:
    office = asking.office()

    page = office.press(
        office.token(asking.approval, "Ada"), "edit", content="As it was edited on the page."
    )
    run = ended(asking.home)

    assert page.status == 200
    assert unitok.contents == ["As it was edited on the page."]
    assert run.execution == asking.home.arn


def test_a_message_of_the_queue_reaches_the_function(asking: Asking, unitok: RunningUniTok) -> None:
    use = asking.approval.question.tool_use_id
    assert use is not None
    message = record(
        existing(asking.home.session_id, use, "Fine."), sent_at=asking.home.function.clock()
    )

    answers = [
        asking.queue().take({"Records": [message]}, seconds_left=lambda: 60.0) for _ in range(3)
    ]
    ended(asking.home)

    assert answers == [{"batchItemFailures": []}] * 3
    assert len(unitok.contents) == 1


def test_a_decision_the_function_was_not_told_of_is_told_when_it_is_sent_again(
    asking: Asking, unitok: RunningUniTok
) -> None:
    office = asking.office()
    token = office.token(asking.approval, "Ada")
    fields = office.open(token).fields("approve")
    there = office.service
    office.service = NoCallbackService()

    untold = office.submit(token, fields)
    state = asking.approval.state
    office.service = there
    office.now += timedelta(seconds=1)
    again = office.submit(token, fields)
    ended(asking.home)

    assert (untold.status, again.status) == (502, 409)
    assert "Reload this page to have the run told" in untold.text
    assert state is ApprovalState.APPROVED
    assert len(unitok.contents) == 1
