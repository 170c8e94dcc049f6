"""An agent that comes to its run's budget: asks, goes on with more, or ends the run."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aws_durable_execution_sdk_python import BatchResult, DurableContext
from strands import Agent, tool

from agent.agents import run_agent
from agent.effects import effect
from agent.models.conversation import Conversation, ToolCall, Turn
from agent.overrun import OverBudget, Overrun, more
from runs.again import Retry
from runs.approvals import Decision, Question, Verdict
from runs.budget import Budget, Standing
from runs.events import EventType
from runs.run import Status
from tests.support.agents import SESSION_ID
from tests.support.plant import Plant, Workflow

AGENT = "walker"
STEPS = 3
CALLS = STEPS + 1


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path)


@effect(idempotent=True)
@tool
def step(number: int) -> int:
    """Step.

    Args:
        number: Which step.
    """
    return number


def build(**parts: Any) -> Agent:  # noqa: ANN401 - passed on
    return Agent(tools=[step], **parts)


def walks(conversation: Conversation) -> Turn:
    if conversation.turn < STEPS:
        return Turn(calls=[ToolCall("step", {"number": conversation.turn})])
    return Turn(f"walked {len(conversation.answers)} steps")


def walking(over_budget: OverBudget | None = None, *, name: str = AGENT) -> Workflow:
    def workflow(event: dict[str, Any], context: DurableContext) -> str:
        return run_agent(
            context, name=name, build=build, prompt="go", playbook=walks, over_budget=over_budget
        )

    return workflow


TOKENS = Budget(max_tokens=1)


def test_a_run_that_used_up_its_budget_parks_for_an_approval(plant: Plant) -> None:
    run = plant.run(walking(more(max_tokens=500, may_decide=("ada",))), budget=TOKENS)

    (approval,) = plant.open_approvals()
    used = run.usage.input_tokens + run.usage.output_tokens
    assert run.status is Status.WAITING
    assert approval.name == f"{AGENT}-over-budget"
    assert approval.question.what == (
        f"go on over budget: max_tokens is 1, used is {used}; with how many tokens more?"
    )
    assert (approval.question.content, approval.question.may_decide) == ("500", ("ada",))
    assert plant.count(EventType.MODEL_CALLED) == 1


def test_an_approval_raises_the_budget_and_repeats_nothing(plant: Plant) -> None:
    workflow = walking(more(max_tokens=100_000))
    first = plant.run(workflow, budget=TOKENS)
    plant.decide(plant.open_approvals()[0])

    run = plant.run(workflow, budget=TOKENS)

    used = first.usage.input_tokens + first.usage.output_tokens
    assert run.result == "walked 3 steps"
    assert run.budget == Budget(max_tokens=used + 100_000)
    assert plant.count(EventType.MODEL_CALLED) == CALLS
    assert plant.count(EventType.TOOL_CALLED) == STEPS


def test_whoever_approves_says_how_much_more(plant: Plant) -> None:
    workflow = walking(more(max_tokens=100_000))
    first = plant.run(workflow, budget=TOKENS)
    plant.decide(plant.open_approvals()[0], content=" 1,000 ")
    run = plant.run(workflow, budget=TOKENS)

    used = first.usage.input_tokens + first.usage.output_tokens
    assert run.budget == Budget(max_tokens=used + 1_000)
    assert run.status is Status.COMPLETED


@pytest.mark.parametrize("content", ["a lot", "-5", "0", "nan", "inf", "1e400", "9e999999", "1"])
def test_an_amount_that_does_not_do_is_asked_for_again(plant: Plant, content: str) -> None:
    workflow = walking(more(max_tokens=100_000))
    plant.run(workflow, budget=TOKENS)
    plant.decide(plant.open_approvals()[0], content=content)
    again = plant.run(workflow, budget=TOKENS)
    plant.decide(plant.open_approvals()[0])

    run = plant.run(workflow, budget=TOKENS)

    assert again.status is Status.WAITING
    assert run.result == "walked 3 steps"
    assert plant.count(EventType.MODEL_CALLED) == CALLS


def test_a_denial_ends_the_run_and_says_who_denied_it(plant: Plant) -> None:
    workflow = walking(more(max_tokens=100_000))
    plant.run(workflow, budget=TOKENS)
    plant.decide(plant.open_approvals()[0], Verdict.DENIED, by="bob", comment="too dear")

    run = plant.run(workflow, budget=TOKENS)

    assert run.status is Status.FAILED
    assert run.error is not None
    assert run.error.type == "BudgetExceeded"
    assert "max_tokens is 1, used is" in run.error.message
    assert "and going on was denied by bob: too dear; `errand retry" in run.error.message
    assert plant.count(EventType.MODEL_CALLED) == 1


def test_a_retry_with_a_higher_limit_goes_on_after_a_denial(plant: Plant) -> None:
    workflow = walking(more(max_tokens=100_000))
    plant.run(workflow, budget=TOKENS)
    plant.decide(plant.open_approvals()[0], Verdict.DENIED)
    plant.run(workflow, budget=TOKENS)
    retry = Retry(by="ada", budget=Budget(max_tokens=100_000))
    plant.journal.retry(SESSION_ID, retry, now=plant.clock())

    run = plant.run(workflow)

    assert run.result == "walked 3 steps"
    assert plant.count(EventType.MODEL_CALLED) == CALLS


@pytest.mark.parametrize("over_budget", [None, more(max_cost_usd="1.00")])
def test_a_limit_nobody_is_asked_about_ends_the_run(
    plant: Plant, over_budget: OverBudget | None
) -> None:
    run = plant.run(walking(over_budget), budget=TOKENS)

    assert run.status is Status.FAILED
    assert run.error is not None
    assert run.error.type == "BudgetExceeded"
    assert plant.journal.approvals(SESSION_ID) == []


def test_time_that_is_used_up_is_asked_about_as_well(plant: Plant) -> None:
    class Slow:
        """Lets time pass in the first call."""

        def __call__(self, conversation: Conversation) -> Turn:
            if conversation.turn == 0:
                plant.clock.advance(100)
            return walks(conversation)

    def workflow(event: dict[str, Any], context: DurableContext) -> str:
        context.step(lambda _: "begun", name="begin")
        return run_agent(
            context,
            name=AGENT,
            build=build,
            prompt="go",
            playbook=Slow(),
            over_budget=more(max_seconds=3_600),
        )

    budget = Budget(max_seconds=60)
    plant.run(workflow, budget=budget)
    (approval,) = plant.open_approvals()
    plant.decide(approval)

    run = plant.run(workflow, budget=budget)

    assert "max_seconds is 60.0 s, used is 100.0 s" in approval.question.what
    assert run.result == "walked 3 steps"
    assert run.budget == Budget(max_seconds=3_700)


def test_agents_that_come_to_a_limit_together_do_not_raise_it_twice(plant: Plant) -> None:
    def workflow(event: dict[str, Any], context: DurableContext) -> list[str]:
        def branch(child: DurableContext, _: object, place: int, __: object) -> str:
            return run_agent(
                child,
                name=f"{AGENT}-{place}",
                build=build,
                prompt="go",
                playbook=walks,
                over_budget=more(max_tokens=100_000),
            )

        batch: BatchResult[str] = context.map(["a", "b"], branch, name="walks")
        return list(batch.get_results())

    first = plant.run(workflow, budget=TOKENS)
    for approval in plant.open_approvals():
        plant.decide(approval)

    run = plant.run(workflow, budget=TOKENS)

    used = first.usage.input_tokens + first.usage.output_tokens
    assert run.result == ["walked 3 steps"] * 2
    assert run.budget.max_tokens is not None
    assert run.budget.max_tokens <= used + 100_000


def test_dollars_are_kept_to_the_last_digit() -> None:
    standing = Standing(limit="max_cost_usd", allowed=Decimal("0.50"), used=Decimal("0.512345678"))
    overrun = Overrun(session_id="s", standing=standing, question=Question(what="?", content="0.5"))

    again = Overrun.from_json(overrun.to_json())

    assert again == overrun
    approved = Decision(verdict=Verdict.APPROVED)
    assert overrun.raised(approved) == Budget(max_cost_usd=Decimal("1.012345678"))


def test_another_limit_than_the_denied_one_is_asked_about(plant: Plant) -> None:
    def slow(conversation: Conversation) -> Turn:
        plant.clock.advance(100)
        return walks(conversation)

    def workflow(event: dict[str, Any], context: DurableContext) -> str:
        return run_agent(
            context,
            name=AGENT,
            build=build,
            prompt="go",
            playbook=slow,
            over_budget=more(max_tokens=100_000, max_seconds=3_600),
        )

    plant.run(workflow, budget=Budget(max_tokens=1, max_seconds=60))
    (tokens,) = plant.open_approvals()
    plant.decide(tokens)
    plant.run(workflow)
    (seconds,) = plant.open_approvals()
    plant.decide(seconds, Verdict.DENIED, by="bob")

    run = plant.run(workflow)

    assert "max_tokens is 1, used is" in tokens.question.what
    assert "max_seconds is 60.0 s" in seconds.question.what
    assert run.error is not None
    assert "max_seconds is 60.0 s" in run.error.message
    assert "going on was denied by bob" in run.error.message
