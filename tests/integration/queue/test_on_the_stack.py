"""The task queue on the local stack: from a message to a post on UniTok, and dead letters."""

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from runs.asked import Approval
from runs.json_types import Json
from runs.run import Status
from tests.support.cli import errand
from tests.support.queueing import existing, new
from tests.support.stack import LocalStack

SECONDS = 60

T = TypeVar("T")


def send(stack: LocalStack, body: Json) -> str:
    """Send a message as anybody's program does, and give its id."""
    answer = stack.client("sqs").send_message(
        QueueUrl=stack.outputs["TaskQueueUrl"],
        MessageBody=body if isinstance(body, str) else json.dumps(body),
    )
    return str(answer["MessageId"])


def wait_for(what: Callable[[], T | None]) -> T:
    """Wait until there is something."""
    give_up_at = time.monotonic() + SECONDS
    while (found := what()) is None:
        assert time.monotonic() < give_up_at
        time.sleep(0.1)
    return found


def asked(stack: LocalStack, session_id: str) -> Approval | None:
    approvals = stack.journal.approvals(session_id)
    return approvals[-1] if approvals and not approvals[-1].votes else None


def letters(stack: LocalStack) -> list[dict[str, Any]]:
    listed = errand("dlq", "list", "--json", environ=stack.environ)
    assert listed.returncode == 0, listed.stderr
    found: list[dict[str, Any]] = json.loads(listed.stdout)
    return found


@pytest.mark.timeout(240)
def test_a_message_becomes_a_post_when_another_one_approves_it(stack: LocalStack) -> None:
    message = new("Tell of unicorns by message.", idempotency_key="by message")
    for _ in range(3):
        send(stack, message)
    approval = wait_for(
        lambda: next(
            (
                asked(stack, run.session_id)
                for run in stack.journal.list_runs(limit=20).runs
                if run.prompt == "Tell of unicorns by message."
            ),
            None,
        )
    )
    answer = existing(approval.session_id, str(approval.question.tool_use_id), "Fine.")
    for _ in range(3):
        send(stack, answer)

    def ended() -> Any:  # noqa: ANN401 - a run
        run = stack.journal.get(approval.session_id)
        return run if run and run.status.is_terminal else None

    run = wait_for(ended)

    assert (run.status, run.source) == (Status.COMPLETED, "queue")
    with urllib.request.urlopen(f"{stack.state.unitok_url}/") as page:  # noqa: S310 - ours
        text = page.read().decode()
    assert text.count("Tell of unicorns by message.") == 1


@pytest.mark.timeout(240)
def test_a_message_nobody_can_do_is_listed_shown_and_sent_again(stack: LocalStack) -> None:
    message_id = send(stack, {"type": "odd"})

    def died() -> dict[str, Any] | None:
        return next((each for each in letters(stack) if each["id"] == message_id), None)

    letter = wait_for(died)
    shown = errand("dlq", "show", message_id[:8], environ=stack.environ)
    unknown = errand("dlq", "show", "nothing", environ=stack.environ)
    neither = errand("dlq", "redrive", environ=stack.environ)
    again = errand("dlq", "redrive", message_id, environ=stack.environ)
    back = wait_for(died)

    assert letter["reason"] == "type: is 'odd', expected 'new' or 'existing'"
    assert '{"type": "odd"}' in shown.stdout
    assert (unknown.returncode, neither.returncode) == (2, 2)
    assert "there is no dead letter 'nothing'; `errand dlq list`" in unknown.stderr
    assert "expected a message's ID or --all" in neither.stderr
    assert again.returncode == 0, again.stderr
    assert "1 message sent to the task queue again" in again.stderr
    assert back["died_at"] >= letter["died_at"]
