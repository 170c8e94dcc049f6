import dataclasses
from datetime import datetime, timedelta
from typing import Any

import pytest

from invoker.answers import Answer, Outcome
from invoker.errors import AgentRefusedError, AgentUnavailableError
from runs.again import Retry
from runs.events import EventType
from runs.run import Lease, Run, Status
from tests.support.invoking import NOW, SESSION, Desk
from tests.support.sweeping import KilledError

PARENT = "6f1c2b7e-33d4-4f55-8f0e-2a7b9c1d0e11"


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


def test_cancelling_a_run_nobody_works_on_ends_it_and_wakes_the_state_machine(desk: Desk) -> None:
    waited_for(desk)

    answer = desk.ask(action="cancel", session_id=SESSION, reason="wrong bill")

    assert answer.outcome is Outcome.ENDED
    assert desk.run().status is Status.CANCELLED
    assert desk.signal.tokens == ["the state machine's token"]
    assert desk.agent.calls == []


def test_cancelling_a_run_somebody_works_on_asks_the_worker(desk: Desk) -> None:
    waited_for(desk)
    desk.claim()

    answer = desk.ask(action="cancel", session_id=SESSION, reason="wrong bill")

    assert answer.outcome is Outcome.CANCELLING
    assert (desk.run().status, desk.run().cancel_reason) == (Status.BUSY, "wrong bill")
    assert desk.agent.calls == [(SESSION, "cancel")]
    assert desk.signal.tokens == []


def test_a_worker_that_can_not_be_asked_still_finds_the_flag(desk: Desk) -> None:
    waited_for(desk)
    desk.claim()
    desk.agent.answers = [AgentUnavailableError("down")]

    answer = desk.ask(action="cancel", session_id=SESSION)

    assert answer.outcome is Outcome.CANCELLING
    assert desk.run().cancel_requested


def test_cancelling_a_run_that_ended_changes_nothing(desk: Desk) -> None:
    desk.accept()
    desk.journal.cancel(SESSION, now=desk.now, reason="first")
    before = desk.run()

    answer = desk.ask(action="cancel", session_id=SESSION, reason="second")

    assert answer.outcome is Outcome.ENDED
    assert desk.run() == before


def test_cancelling_a_run_that_is_not_there_is_rejected(desk: Desk) -> None:
    answer = desk.ask(action="cancel", session_id=SESSION)

    assert (answer.outcome, answer.field) == (Outcome.REJECTED, "session_id")


def test_a_reason_must_be_a_text(desk: Desk) -> None:
    answer = desk.ask(action="cancel", session_id=SESSION, reason={"why": "because"})

    assert (answer.outcome, answer.field) == (Outcome.REJECTED, "reason")


def test_stopping_ends_the_session(desk: Desk) -> None:
    answer = desk.ask(action="stop", session_id=SESSION)

    assert answer.outcome is Outcome.STOPPED
    assert desk.agent.calls == [(SESSION, "stop")]


def test_the_session_of_a_run_that_was_retried_is_left_alone(desk: Desk) -> None:
    desk.accept()
    desk.journal.cancel(SESSION, now=desk.now, reason="wrong bill")
    desk.journal.retry(SESSION, Retry(by="ops"), now=desk.now)
    desk.agent.calls.clear()

    answer = desk.ask(action="stop", session_id=SESSION)

    assert answer.outcome is Outcome.RETRY
    assert desk.agent.calls == []


def test_the_session_of_a_run_that_waits_is_stopped(desk: Desk) -> None:
    desk.accept()
    lease = desk.journal.claim(
        SESSION, owner="a worker", token="token", now=desk.now, lease_seconds=60
    ).lease
    desk.journal.park(lease, wake_at=None, waiting_for="an answer", now=desk.now)

    answered = desk.ask(action="stop", session_id=SESSION)

    assert answered.outcome is Outcome.STOPPED
    assert desk.agent.calls[-1] == (SESSION, "stop")


def test_a_session_that_can_not_be_stopped_is_an_answer(desk: Desk) -> None:
    desk.agent.answers = [AgentUnavailableError("throttled")]

    answer = desk.ask(action="stop", session_id=SESSION)

    assert answer.outcome is Outcome.RETRY
    assert answer.message == "throttled"


def test_an_answer_leaves_out_what_is_not_known(desk: Desk) -> None:
    answer = desk.ask(action="stop", session_id=SESSION)

    unknown = {name for name, value in dataclasses.asdict(answer).items() if value is None}
    assert unknown == {"message", "field", "retry_seconds"}
    assert answer.to_json().keys() == {"outcome", "session_id"}


def with_parent(desk: Desk) -> None:
    """Put in the journal a run that a state machine waits for, and the one that invoked it."""
    parent = waited_for(desk, session_id=PARENT, wake_token="parent's token")
    waited_for(desk, parent_session_id=parent.session_id)


@pytest.mark.parametrize(
    ("action", "seconds"), [("cancel", 0), ("expire", 400 * 86_400), ("dispatch", 400 * 86_400)]
)
def test_whoever_waits_for_the_parent_of_a_run_that_ends_is_woken(
    desk: Desk, action: str, seconds: float
) -> None:
    with_parent(desk)
    desk.later(seconds=seconds)

    answer = desk.ask(action=action, session_id=SESSION)

    assert answer.outcome is Outcome.ENDED
    assert "parent's token" in desk.signal.tokens
    assert desk.run(PARENT).answers == 1


def test_a_child_the_agent_refuses_wakes_its_parent(desk: Desk) -> None:
    with_parent(desk)
    desk.agent.answers = [AgentRefusedError("no such workflow")]

    answer = desk.ask(action="dispatch", session_id=SESSION)

    assert answer.outcome is Outcome.ENDED
    assert desk.signal.tokens == ["parent's token"]


def parked(desk: Desk, wake_at: datetime | None = None) -> Lease:
    desk.accept()
    lease = desk.journal.claim(
        SESSION, owner="a worker", token="token", now=desk.now, lease_seconds=60
    ).lease
    desk.journal.park(lease, wake_at=wake_at, waiting_for="an answer", now=desk.now)
    return lease


def test_a_session_is_stopped_once(desk: Desk) -> None:
    parked(desk)

    answers = [desk.ask(action="stop", session_id=SESSION) for _ in range(2)]

    assert [answer.outcome for answer in answers] == [Outcome.STOPPED, Outcome.STOPPED]
    assert desk.agent.calls.count((SESSION, "stop")) == 1
    assert desk.journal.events(SESSION)[-1].event.type is EventType.SESSION_STOPPED


def test_a_stop_that_failed_is_tried_again(desk: Desk) -> None:
    parked(desk)
    desk.agent.answers = [AgentUnavailableError("throttled"), "STOPPED"]

    answers = [desk.ask(action="stop", session_id=SESSION) for _ in range(2)]

    assert [answer.outcome for answer in answers] == [Outcome.RETRY, Outcome.STOPPED]
    assert not desk.run().has_session


def test_a_run_that_is_answered_while_its_session_is_stopped_is_handed_over_after_that(
    desk: Desk,
) -> None:
    parked(desk, wake_at=desk.now + timedelta(seconds=1))

    def answered_meanwhile() -> None:
        desk.later(seconds=2)
        asked.append(desk.ask(action="dispatch", session_id=SESSION))

    asked: list[Answer] = []
    desk.agent.during_stop = answered_meanwhile
    stopped = desk.ask(action="stop", session_id=SESSION)
    after = desk.ask(action="dispatch", session_id=SESSION)

    assert (asked[0].outcome, asked[0].retry_seconds) == (Outcome.RETRY, 1)
    assert asked[0].message == "its session is being stopped"
    assert stopped.outcome is Outcome.STOPPED
    assert after.outcome is Outcome.STARTED
    assert [action for _, action in desk.agent.calls] == ["start", "stop", "resume"]


def test_a_worker_that_dies_while_it_stops_a_session_holds_the_run_up_for_a_minute(
    desk: Desk,
) -> None:
    parked(desk, wake_at=desk.now + timedelta(seconds=1))

    def killed() -> None:
        raise KilledError

    desk.agent.during_stop = killed
    with pytest.raises(KilledError):
        desk.ask(action="stop", session_id=SESSION)
    desk.later(seconds=59)
    before = desk.ask(action="dispatch", session_id=SESSION)
    desk.later(seconds=2)

    assert before.outcome is Outcome.RETRY
    assert desk.ask(action="dispatch", session_id=SESSION).outcome is Outcome.STARTED
