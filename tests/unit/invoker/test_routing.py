from dataclasses import replace
from typing import Any, NoReturn

import pytest

from invoker.answers import Outcome
from invoker.errors import AgentRefusedError
from invoker.routing import answer
from runs.errors import CorruptRecordError, JournalUnavailableError
from runs.json_types import Json
from tests.support.invoking import SESSION, Desk


class FailingJournal:
    """A journal of which some methods, or all, do not answer."""

    def __init__(
        self, works: object = None, *, fails: str | None = None, error: Exception | None = None
    ) -> None:
        self.works, self.fails, self.error = works, fails, error

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - stands for every method of the port
        if self.fails not in (None, name):
            return getattr(self.works, name)

        def fail(*_arguments: object, **_named: object) -> NoReturn:
            raise self.error or JournalUnavailableError(f"no answer to {name}")

        return fail


@pytest.mark.parametrize("event", [None, "dispatch", 7, ["dispatch"]])
def test_an_event_that_is_not_an_object_is_rejected(desk: Desk, event: Json) -> None:
    found = answer(desk.invoker, event, seconds_left=lambda: 60.0)

    assert (found.outcome, found.field) == (Outcome.REJECTED, "payload")


@pytest.mark.parametrize("action", [None, "explode", 5, {}])
def test_an_action_nobody_knows_is_rejected(desk: Desk, action: Json) -> None:
    found = desk.ask(action=action, session_id=SESSION)

    assert (found.outcome, found.field) == (Outcome.REJECTED, "action")


@pytest.mark.parametrize("action", ["dispatch", "expire", "stop", "cancel"])
@pytest.mark.parametrize("session_id", [None, 7, "", "short", "s" * 257, "../" + "s" * 40])
def test_a_session_id_that_agentcore_would_not_take_is_rejected(
    desk: Desk, action: str, session_id: Json
) -> None:
    found = desk.ask(action=action, session_id=session_id)

    assert (found.outcome, found.field) == (Outcome.REJECTED, "session_id")
    assert desk.agent.calls == []


@pytest.mark.parametrize("action", ["accept", "dispatch", "expire", "cancel"])
def test_a_journal_that_does_not_answer_is_asked_again_later(desk: Desk, action: str) -> None:
    invoker = replace(desk.invoker, journal=FailingJournal())
    event: dict[str, Json] = {
        "action": action,
        "session_id": SESSION,
        "detail": {"prompt": "look"},
    }

    found = answer(invoker, event, seconds_left=lambda: 60.0)

    assert (found.outcome, found.session_id) == (Outcome.RETRY, SESSION)
    assert found.retry_seconds == 1
    assert found.message is not None
    assert found.message.startswith("no answer to ")
    assert desk.agent.calls == []


@pytest.mark.parametrize("action", ["accept", "dispatch", "expire", "cancel"])
def test_a_run_that_can_not_be_read_is_an_answer(desk: Desk, action: str) -> None:
    journal = FailingJournal(error=CorruptRecordError(SESSION, "SESSION", "status is missing"))
    invoker = replace(desk.invoker, journal=journal)
    event: dict[str, Json] = {
        "action": action,
        "session_id": SESSION,
        "detail": {"prompt": "look"},
    }

    found = answer(invoker, event, seconds_left=lambda: 60.0)

    assert found.outcome is Outcome.UNREADABLE
    assert found.message is not None
    assert SESSION in found.message
    assert desk.agent.calls == []


def test_a_run_that_can_not_be_given_up_now_is_looked_at_again(desk: Desk) -> None:
    desk.agent.answers = [AgentRefusedError("AccessDeniedException")]
    desk.invoker = replace(desk.invoker, journal=FailingJournal(desk.journal, fails="give_up"))

    found = desk.accept()

    assert (found.outcome, found.message) == (Outcome.RETRY, "no answer to give_up")
    assert desk.run().dispatches == 1


def test_a_run_that_vanished_is_looked_for_again(desk: Desk) -> None:
    assert desk.ask(action="expire", session_id=SESSION).outcome is Outcome.RETRY


def test_a_reason_with_control_characters_is_rejected(desk: Desk) -> None:
    found = desk.ask(action="cancel", session_id=SESSION, reason="enough\x07")

    assert (found.outcome, found.field) == (Outcome.REJECTED, "reason")
    assert found.message == "reason: has the control character U+0007 at position 6"


def test_a_huge_action_is_not_told_back_whole(desk: Desk) -> None:
    found = desk.ask(action="x" * 1_000_000, session_id=SESSION)

    assert found.message is not None
    assert len(found.message) < 300
