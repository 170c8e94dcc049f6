"""Pausing and resuming through the invoker: the worker and the state machine are told at once."""

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from invoker.answers import Outcome
from invoker.errors import AgentUnavailableError
from runs.lifecycle import lease_of
from runs.run import Pause, Run, Status
from tests.support.families import child_of
from tests.support.invoking import NOW, SESSION, Desk

ADA = {"by": "ada", "from": "cli on laptop"}


def waited_for(desk: Desk, **changes: Any) -> Run:  # noqa: ANN401 - any field of a run
    """Put in the journal a run that a state machine waits for."""
    run = Run(
        session_id=SESSION,
        workflow="cost-analysis",
        prompt="look",
        source="events",
        status=Status.QUEUED,
        wake_token="the state machine's token",
        wake_at=NOW,
        deadline_at=NOW.replace(year=2027),
        created_at=NOW,
        updated_at=NOW,
    )
    return desk.journal.accept(dataclasses.replace(run, **changes)).run


def test_a_run_nobody_works_on_is_paused_and_its_state_machine_looks_again(desk: Desk) -> None:
    waited_for(desk)

    answer = desk.ask(action="pause", session_id=SESSION, reason="too dear", **ADA)

    assert answer.outcome is Outcome.PAUSED
    assert (desk.run().status, desk.run().waiting_for) == (
        Status.WAITING,
        "paused by ada: too dear",
    )
    assert desk.signal.tokens == ["the state machine's token"]
    assert desk.agent.calls == []


def test_the_worker_of_a_run_is_asked_to_leave_it(desk: Desk) -> None:
    waited_for(desk)
    desk.claim()

    answer = desk.ask(action="pause", session_id=SESSION, **ADA)

    assert answer.outcome is Outcome.PAUSING
    assert desk.run().status is Status.BUSY
    assert desk.agent.calls == [(SESSION, "pause")]


def test_a_worker_that_can_not_be_asked_still_finds_the_wish(desk: Desk) -> None:
    waited_for(desk)
    desk.claim()
    desk.agent.answers = [AgentUnavailableError("down")]

    answer = desk.ask(action="pause", session_id=SESSION, **ADA)

    assert answer.outcome is Outcome.PAUSING
    assert desk.run().pause == Pause(by="ada", origin="cli on laptop", at=desk.now)


def test_a_paused_run_is_not_dispatched(desk: Desk) -> None:
    waited_for(desk)
    desk.ask(action="pause", session_id=SESSION, **ADA)

    answer = desk.ask(action="dispatch", session_id=SESSION)

    assert answer.outcome is Outcome.RETRY
    assert desk.agent.calls == []


def test_a_run_whose_worker_died_before_the_edge_is_parked_in_place_of_a_dispatch(
    desk: Desk,
) -> None:
    waited_for(desk)
    desk.claim()
    desk.ask(action="pause", session_id=SESSION, **ADA)
    desk.now += timedelta(hours=1)

    answer = desk.ask(action="dispatch", session_id=SESSION)

    assert answer.outcome is Outcome.RETRY
    assert (desk.run().status, desk.run().wake_at) == (Status.WAITING, None)
    assert desk.agent.calls == [(SESSION, "pause")]


def test_a_resumed_run_is_due_and_its_state_machine_dispatches_it(desk: Desk) -> None:
    waited_for(desk)
    desk.ask(action="pause", session_id=SESSION, **ADA)
    desk.signal.tokens.clear()

    resumed = desk.ask(action="resume", session_id=SESSION, **ADA)
    handed_over = desk.ask(action="dispatch", session_id=SESSION)

    assert resumed.outcome is Outcome.RESUMED
    assert desk.signal.tokens == ["the state machine's token"]
    assert handed_over.outcome is Outcome.STARTED


def test_the_state_machines_of_what_it_started_look_again_with_it(desk: Desk) -> None:
    waited_for(desk)
    desk.claim()
    lease = lease_of(desk.run())
    child_of(desk.journal, lease, wake_token="the child's", deadline_at=desk.run().deadline_at)
    desk.journal.park(lease, wake_at=None, waiting_for="a child", now=desk.now)

    desk.ask(action="pause", session_id=SESSION, **ADA)
    on_pause = list(desk.signal.tokens)
    desk.ask(action="resume", session_id=SESSION, **ADA)

    assert on_pause == ["the state machine's token", "the child's"]
    assert desk.signal.tokens == on_pause * 2


@pytest.mark.parametrize("action", ["pause", "resume"])
def test_a_run_that_has_ended_is_rejected_with_the_reason(desk: Desk, action: str) -> None:
    waited_for(desk)
    desk.journal.cancel(SESSION, now=desk.now, reason="enough")

    answer = desk.ask(action=action, session_id=SESSION, **ADA)

    assert answer.outcome is Outcome.REJECTED
    assert f"can't be {action}d: it is CANCELLED" in (answer.message or "")


@pytest.mark.parametrize("action", ["pause", "resume"])
def test_a_run_that_is_not_there_is_rejected(desk: Desk, action: str) -> None:
    answer = desk.ask(action=action, session_id=SESSION, **ADA)

    assert (answer.outcome, answer.field) == (Outcome.REJECTED, "session_id")


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({}, "by"),
        ({"by": 7}, "by"),
        ({"by": "ada", "from": ["x"]}, "from"),
        ({"by": "ada", "reason": "x" * 1_001}, "reason"),
        ({"by": "a\x07da"}, "by"),
    ],
)
def test_a_wish_that_is_malformed_is_rejected_with_its_field(
    desk: Desk, more: dict[str, Any], field: str
) -> None:
    waited_for(desk)

    answer = desk.ask(action="pause", session_id=SESSION, **more)

    assert (answer.outcome, answer.field) == (Outcome.REJECTED, field)
