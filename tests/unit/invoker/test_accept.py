from datetime import timedelta

import pytest

from invoker.answers import Outcome
from invoker.errors import AgentRefusedError, AgentUnavailableError
from runs.ids import session_id_for
from runs.json_types import Json
from runs.run import Status
from tests.support.invoking import EXECUTION, REDISPATCH, SESSION, Desk


def test_a_new_run_is_recorded_and_handed_to_the_agent(desk: Desk) -> None:
    answer = desk.accept(workflow="research-report", input="corpus")

    run = desk.run()
    assert answer.to_json() == {"outcome": "STARTED", "session_id": SESSION}
    assert desk.agent.calls == [(SESSION, "start")]
    assert (run.workflow, run.prompt, run.input) == (
        "research-report",
        "look at the bill",
        "corpus",
    )
    assert (run.status, run.source, run.execution) == (Status.QUEUED, "events", EXECUTION)


def test_the_first_hand_over_is_counted_before_the_agent_is_called(desk: Desk) -> None:
    desk.agent.answers = [AgentUnavailableError("down")]

    desk.accept()

    assert desk.run().dispatches == 1
    assert desk.run().wake_at == desk.now + REDISPATCH


def test_the_same_request_of_another_execution_is_a_duplicate(desk: Desk) -> None:
    desk.accept()

    answer = desk.accept(execution="another")

    assert answer.to_json() == {"outcome": "DUPLICATE", "session_id": SESSION}
    assert len(desk.agent.calls) == 1


def test_a_request_without_an_execution_is_a_duplicate_of_one_without(desk: Desk) -> None:
    event: dict[str, Json] = {"action": "accept", "session_id": SESSION, "detail": {"prompt": "x"}}
    desk.ask(**event)

    assert desk.ask(**event).outcome is Outcome.DUPLICATE


def test_an_execution_whose_answer_was_lost_hands_its_run_over_again(desk: Desk) -> None:
    desk.accept()

    answer = desk.accept()

    assert answer.outcome is Outcome.STARTED
    assert desk.agent.calls == [(SESSION, "start"), (SESSION, "start")]
    assert desk.run().dispatches == 1


def test_an_execution_that_asks_again_is_told_to_look_when_a_worker_has_the_run(
    desk: Desk,
) -> None:
    desk.accept()
    desk.claim(lease_seconds=60)

    answer = desk.accept()

    assert (answer.outcome, answer.retry_seconds) == (Outcome.RETRY, 60)
    assert len(desk.agent.calls) == 1


def test_an_execution_that_asks_again_is_told_that_its_run_has_ended(desk: Desk) -> None:
    desk.accept()
    desk.journal.cancel(SESSION, now=desk.now, reason="not needed")

    assert desk.accept().outcome is Outcome.ENDED


def test_an_idempotency_key_makes_the_session_id(desk: Desk) -> None:
    answer = desk.accept(idempotency_key="march")

    assert answer.session_id == session_id_for("march")
    assert desk.journal.get(SESSION) is None


def test_an_agent_that_is_down_leaves_the_run_queued_for_later(desk: Desk) -> None:
    desk.agent.answers = [AgentUnavailableError("connection refused")]

    answer = desk.accept()

    assert (answer.outcome, answer.retry_seconds) == (Outcome.RETRY, 20)
    assert answer.message == "connection refused"
    assert desk.run().status is Status.QUEUED


def test_a_call_that_agentcore_refuses_ends_the_run_with_its_message(desk: Desk) -> None:
    desk.agent.answers = [AgentRefusedError("AccessDeniedException: not authorized")]

    answer = desk.accept()

    run = desk.run()
    assert answer.outcome is Outcome.ENDED
    assert run.status is Status.FAILED
    assert run.error is not None
    assert run.error.type == "AgentRefused"
    assert "not authorized" in run.error.message


def test_without_time_for_the_call_the_agent_is_not_called(desk: Desk) -> None:
    desk.seconds_left = 5

    answer = desk.accept()

    assert answer.outcome is Outcome.RETRY
    assert desk.agent.calls == []
    assert desk.run().dispatches == 1


def test_an_answer_of_the_agent_that_nobody_knows_is_tried_again(desk: Desk) -> None:
    desk.agent.answers = ["REJECTED"]

    answer = desk.accept()

    assert answer.outcome is Outcome.RETRY
    assert answer.message == "the agent answered 'REJECTED' to 'start'"


def test_the_deadline_counts_from_acceptance(desk: Desk) -> None:
    desk.accept(deadline_seconds=90)

    assert desk.run().deadline_at == desk.now + timedelta(seconds=90)


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"detail": None}, "payload"),
        ({"detail": "look"}, "payload"),
        ({"detail": []}, "payload"),
        ({"detail": {}}, "prompt"),
        ({"detail": {"prompt": 7}}, "prompt"),
        ({"detail": {"prompt": "x" * 10_000_000}}, "prompt"),
        ({"detail": {"prompt": "a\x00b"}}, "prompt"),
        ({"detail": {"prompt": "x", "workflow": "mine-bitcoin"}}, "workflow"),
        ({"detail": {"prompt": "x", "workflow": 1}}, "workflow"),
        ({"detail": {"prompt": "x", "input": {}}}, "input"),
        ({"detail": {"prompt": "x", "deadline_seconds": "soon"}}, "deadline_seconds"),
        ({"detail": {"prompt": "x", "max_attempts": True}}, "max_attempts"),
        ({"detail": {"prompt": "x", "session_id": "s" * 300}}, "session_id"),
        ({"detail": {"prompt": "x", "session_id": "s" * 32}}, "session_id"),
        ({"detail": {"prompt": "x"}, "session_id": "short"}, "session_id"),
        ({"detail": {"prompt": "x"}, "session_id": 12}, "session_id"),
        ({"detail": {"prompt": "x"}, "session_id": None}, "session_id"),
    ],
)
def test_a_bad_request_is_rejected_by_field_and_leaves_nothing(
    desk: Desk, event: dict[str, Json], field: str
) -> None:
    answer = desk.ask(**({"action": "accept", "session_id": SESSION} | event))

    assert (answer.outcome, answer.field) == (Outcome.REJECTED, field)
    assert answer.message is not None
    assert answer.message.startswith(f"{field}: ")
    assert desk.journal.list_runs().runs == ()
    assert desk.agent.calls == []
