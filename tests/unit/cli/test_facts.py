"""Events in words."""

import pytest

from agent.ledger import IN_DOUBT, INTERRUPTED
from cli.facts import fact
from runs.events import EventType
from runs.json_types import Json
from tests.support.journals import an_event


@pytest.mark.parametrize("kind", list(EventType))
def test_every_event_has_words(kind: EventType) -> None:
    assert fact(an_event(kind)).words


def test_an_attempt_names_its_number_and_its_worker() -> None:
    event = an_event(EventType.LEASE_CLAIMED, attempt=2, details={"Owner": "host:42"})

    assert fact(event).line == "attempt 2 began: host:42"


def test_a_look_at_a_condition_is_no_finished_step() -> None:
    retry: dict[str, Json] = {"CurrentAttempt": 1, "NextAttemptDelaySeconds": 600}
    event = an_event(EventType.STEP_SUCCEEDED, name="cond", details={"RetryDetails": retry})

    assert fact(event).line == "condition not met yet: cond"


def test_a_changed_workflow_names_both_versions() -> None:
    event = an_event(EventType.WORKFLOW_CHANGED, details={"From": "1", "To": "2"})

    assert fact(event).line == "the workflow has changed: from version 1 to 2"


def test_a_model_call_names_agent_model_and_tokens() -> None:
    details = {"Model": "offline", "InputTokens": 2_185, "OutputTokens": 27}
    event = an_event(EventType.MODEL_CALLED, name="analyst", details=details)

    assert fact(event).line == "model answered: analyst by offline, 2.19k tokens in, 27 out"


@pytest.mark.parametrize(
    ("status", "line"),
    [
        ("success", "tool returned: pay"),
        ("error", "tool failed: pay"),
        (IN_DOUBT, "tool in doubt: pay"),
        (INTERRUPTED, "tool asks: pay"),
    ],
)
def test_a_tool_says_how_it_was_left(status: str, line: str) -> None:
    event = an_event(EventType.TOOL_RETURNED, name="pay", details={"Status": status})

    assert fact(event).line == line


@pytest.mark.parametrize("error", [{"Payload": {"ErrorMessage": "no bill"}}, "no bill"])
def test_a_failed_step_says_why(error: Json) -> None:
    event = an_event(EventType.STEP_FAILED, name="load", details={"Error": error})

    assert "load" in fact(event).line


def test_words_of_a_run_can_not_steer_the_terminal() -> None:
    event = an_event(EventType.TOOL_CALLED, name="rm\x1b[2J\nx")

    assert fact(event).line == "tool called: rm[2J x"
