"""A run on the stack asks a person, gives up its session, and goes on when they have decided."""

import json
import time
from typing import Any

from runs.events import EventType
from runs.run import Status
from tests.support.cli import errand
from tests.support.stack import LocalStack

SECONDS = 60


def open_approval(stack: LocalStack, session_id: str) -> dict[str, Any]:
    """Wait until a run asks something, and give it as the command does."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        listed = errand("approvals", "--json", environ=stack.environ)
        found = [each for each in json.loads(listed.stdout) if each["session_id"] == session_id]
        if found:
            only: dict[str, Any] = found[0]
            return only
    raise AssertionError(stack.journal.get(session_id))


def test_an_approval_with_the_command_finishes_a_run_that_was_parked(stack: LocalStack) -> None:
    wish = ("--prompt", "What do crashes cost?", "--input", json.dumps({"review": True}))
    sent = errand("send", "research-report", *wish, environ=stack.environ)
    assert sent.returncode == 0, sent.stderr
    session_id = sent.stdout.strip()
    asked = open_approval(stack, session_id)

    decided = errand("approve", asked["id"], "--comment", "Fine.", environ=stack.environ)
    ended = errand("watch", session_id, "--plain", environ=stack.environ, seconds=SECONDS)

    assert decided.returncode == 0, decided.stderr
    assert ended.returncode == 0, ended.stdout
    run = stack.journal.get(session_id)
    assert run is not None
    assert run.status is Status.COMPLETED
    assert isinstance(run.result, dict)
    assert run.result["review"]["comment"] == "Fine."
    kinds = [each.event.type for each in stack.journal.events(session_id)]
    assert kinds.count(EventType.APPROVAL_REQUESTED) == 1
    assert kinds.count(EventType.APPROVAL_DECIDED) == 1
    assert asked["what"].startswith("publish the research report")
