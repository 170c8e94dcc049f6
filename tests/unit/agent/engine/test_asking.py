"""A workflow asks a person: it parks, and their decision comes back to it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from aws_durable_execution_sdk_python import DurableContext, durable_execution

from agent.approvals import ask_approval
from agent.registry import Registry
from agent.services import attempt_of
from runs.answering import Answers
from runs.approvals import Question
from runs.asked import Approval, ApprovalState
from runs.deciding import Ballot
from runs.errors import ApprovalClosedError, LeaseLostError
from runs.events import EventType
from runs.journal.base import Asked, Changes
from runs.run import Lease, Status
from tests.support.approvals import ADA, no, yes
from tests.support.durable_workflows import REGISTRY
from tests.support.engine import Engine, StillClock


@durable_execution
def publishes(event: dict[str, Any], context: DurableContext) -> dict[str, Any]:
    """Ask before "publishing" the prompt."""
    question = Question(
        what="publish this post", content=event["prompt"], expires_in=timedelta(hours=2)
    )
    decision = ask_approval(context, question, name="publish")
    return {
        "verdict": decision.verdict.value,
        "comment": decision.comment,
        "content": decision.content or question.content,
        "by": decision.by,
        "is_expired": decision.is_expired,
    }


@durable_execution
def asks_two(_: dict[str, Any], context: DurableContext) -> list[str]:
    """Ask two people at once."""

    def ask(name: str) -> Callable[[DurableContext], str]:
        question = Question(what=f"ask {name}")
        return lambda child: ask_approval(child, question, name=name).verdict.value

    return context.parallel([ask("first"), ask("second")], name="both").get_results()


@durable_execution
def answered_at_once(_: dict[str, Any], context: DurableContext) -> str:
    """Ask a machine that answers before the submitter returns."""
    attempt = attempt_of(context)

    def submit(callback_id: str, _context: object) -> None:
        attempt.journal.complete_callback(callback_id, "quick", now=attempt.clock())

    return str(context.wait_for_callback(submit, name="machine"))


@pytest.fixture
def asking(still: Engine) -> Engine:
    own = {"publishes": publishes, "asks-two": asks_two, "quick": answered_at_once}
    still.registry = Registry({**REGISTRY.handlers, **own})
    return still


def approvals(engine: Engine) -> list[Approval]:
    return engine.journal.approvals("run-1")


def decide(engine: Engine, approval: Approval, ballot: Ballot) -> Asked:
    """Decide, as another process does."""
    answers = Answers(journal=engine.journal, signal=engine.signals, clock=engine.clock)
    return answers.decide(approval.callback_id, ballot)


def test_a_question_parks_the_run_with_what_it_waits_for_and_until_when(asking: Engine) -> None:
    parked = asking.execute(
        "publishes", "Unicorns!", deadline_at=asking.clock() + timedelta(days=1)
    )

    (approval,) = approvals(asking)
    assert parked.status is Status.WAITING
    assert parked.waiting_for == "approval: publish this post"
    assert parked.wake_at == approval.expires_at == asking.clock() + timedelta(hours=2)
    assert (approval.name, approval.shown) == ("publish", "Unicorns!")
    assert EventType.APPROVAL_REQUESTED in asking.event_types()


def test_an_approval_wakes_the_run_and_gives_it_the_edited_content(asking: Engine) -> None:
    asking.execute("publishes", "Unicorns!", wake_token="first")
    (approval,) = approvals(asking)
    asking.signals.tokens.clear()

    decide(asking, approval, yes(approval, comment="Shorter.", content="Unicorns."))
    asking.look()

    assert asking.signals.tokens[0] == "first"
    assert asking.head().result == {
        "verdict": "approved",
        "comment": "Shorter.",
        "content": "Unicorns.",
        "by": "ada",
        "is_expired": False,
    }


def test_a_denial_comes_with_its_comment(asking: Engine) -> None:
    asking.execute("publishes", "Unicorns!")
    (approval,) = approvals(asking)

    decide(asking, approval, no(approval, ADA, "Too loud."))
    asking.look()

    result = asking.head().result
    assert isinstance(result, dict)
    assert (result["verdict"], result["comment"]) == ("denied", "Too loud.")


def test_no_answer_in_time_is_a_denial_that_says_so(asking: Engine, clock: StillClock) -> None:
    asking.execute("publishes", "Unicorns!", deadline_at=asking.clock() + timedelta(days=1))
    # Nothing runs when the time passes: whoever starts next finds it.
    clock.advance(3 * 3600)

    asking.look()

    result = asking.head().result
    assert isinstance(result, dict)
    assert (result["verdict"], result["is_expired"]) == ("denied", True)
    assert result["comment"] == "nobody answered within 2:00:00"
    assert [approval.state for approval in approvals(asking)] == [ApprovalState.EXPIRED]
    assert EventType.APPROVAL_EXPIRED in asking.event_types()


def test_several_questions_are_open_at_once_and_answered_one_by_one(asking: Engine) -> None:
    asking.execute("asks-two")
    first, second = sorted(approvals(asking), key=lambda approval: approval.name)

    decide(asking, second, no(second))
    asking.look()
    assert asking.head().status is Status.WAITING
    decide(asking, first, yes(first))
    asking.look()

    assert asking.head().result == ["approved", "denied"]
    assert (first.name, second.name) == ("first", "second")


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_worker_that_dies_around_the_write_that_asks_asks_once(
    asking: Engine, clock: StillClock, is_lost: bool
) -> None:
    commit = asking.journal.commit

    def die(lease: Lease, changes: Changes, *, now: Any) -> None:  # noqa: ANN401 - an instant
        if changes.approvals and not died:
            died.append(True)
            if not is_lost:
                commit(lease, changes, now=now)
            # As one that is gone: none of its writes is taken from here on.
            raise LeaseLostError(lease.session_id, attempt=lease.attempt)
        commit(lease, changes, now=now)

    died: list[bool] = []
    asking.journal.commit = die  # type: ignore[method-assign]
    asking.execute("publishes", "Unicorns!", deadline_at=asking.clock() + timedelta(days=1))
    assert len(approvals(asking)) == (0 if is_lost else 1)

    clock.advance(7)
    asking.look()

    (approval,) = approvals(asking)
    assert approval.shown == "Unicorns!"
    assert asking.event_types().count(EventType.APPROVAL_REQUESTED) == 1
    decide(asking, approval, yes(approval))
    asking.look()
    assert asking.head().status is Status.COMPLETED


def test_a_callback_of_the_workflows_own_is_an_approval_too(asking: Engine) -> None:
    asking.execute("approves", "")
    (approval,) = approvals(asking)

    decide(asking, approval, yes(approval, comment="Fine."))
    asking.look()

    assert (approval.name, approval.is_bare) == ("approval", True)
    result = asking.head().result
    assert isinstance(result, str)
    assert '"decision":"approved"' in result


def test_a_callback_that_is_answered_while_it_is_submitted_asks_nobody(asking: Engine) -> None:
    asking.execute("quick")

    assert asking.head().result == "quick"
    assert asking.journal.list_approvals(is_open=True).asked == ()


def test_an_answer_in_the_moment_of_asking_closes_what_is_asked(asking: Engine) -> None:
    commit = asking.journal.commit

    def answer_first(lease: Lease, changes: Changes, *, now: Any) -> None:  # noqa: ANN401 - an instant
        for approval in changes.approvals:
            if approval.state is ApprovalState.OPEN:
                asking.journal.complete_callback(approval.callback_id, "quick", now=now)
        commit(lease, changes, now=now)

    asking.journal.commit = answer_first  # type: ignore[method-assign]
    run = asking.execute("approves", "")
    asking.look()

    assert run.status in {Status.COMPLETED, Status.WAITING}
    assert asking.head().result == "answer: quick"
    assert [approval.state for approval in approvals(asking)] == [ApprovalState.ANSWERED]


def test_whoever_finds_it_decided_wakes_the_run_again(asking: Engine) -> None:
    asking.execute("publishes", "Unicorns!", wake_token="first")
    (approval,) = approvals(asking)
    # The first to decide died before the signal.
    asking.journal.decide_approval(approval.callback_id, no(approval), now=asking.clock())
    asking.signals.tokens.clear()

    with pytest.raises(ApprovalClosedError, match="was denied by ada"):
        decide(asking, approval, yes(approval))

    assert asking.signals.tokens == ["first"]
