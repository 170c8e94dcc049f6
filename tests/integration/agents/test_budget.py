"""Budgets under the real runner: over attempts that die, children, branches and throttling."""

import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aws_durable_execution_sdk_python import BatchResult, DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import Duration
from aws_durable_execution_sdk_python.retries import RetryDecision
from strands import Agent, tool
from strands.types.exceptions import ModelThrottledException
from strands.types.streaming import StreamEvent

from agent import agents
from agent.agents import run_agent
from agent.effects import effect
from agent.jobs import Jobs
from agent.models.conversation import Conversation, ToolCall, Turn
from agent.models.loaded import LoadedModel
from agent.models.prices import PriceList
from agent.models.pricing import Rates
from agent.models.select import load_model
from agent.poller import Poller
from agent.registry import Registry
from agent.runner import Limits, Runner
from agent.services import attempt_of
from agent.settling import Settler
from runs.again import Retry
from runs.artifacts.folder import FolderStore
from runs.budget import BUDGET_EXCEEDED, Budget, reached
from runs.events import Event, EventType
from runs.ids import child_session_id
from runs.journal.sqlite import SqliteJournal
from runs.receipt import Receipt, Resumed, receipt, usage_of_call
from runs.run import Run, Status, Usage
from runs.signals import NoSignal
from tests.support.agents import OFFLINE, SESSION_ID, Clock, assert_valid

Workflow = Callable[[Any, DurableContext], Any]

#: A thousandth of a dollar for each token.
RATES = Rates(input=Decimal(1000), output=Decimal(1000))
PRICED = replace(OFFLINE, prices={"offline": PriceList(rates={"offline": RATES})})


@dataclass
class Plant:
    """The runners of some workflows, with a journal on disk and a clock that is set."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    #: What runs get that were asked for without.
    default: Budget = field(default_factory=Budget)

    def __post_init__(self) -> None:
        self.artifacts = FolderStore(self.folder / "artifacts")
        self.journal = SqliteJournal(self.folder / "journal.db", artifacts=self.artifacts)

    def accept(self, budget: Budget) -> None:
        now = self.clock()
        run = Run(
            session_id=SESSION_ID,
            workflow="test",
            prompt="go",
            source="test",
            status=Status.QUEUED,
            budget=budget,
            wake_at=now,
            deadline_at=now + timedelta(days=1),
            created_at=now,
            updated_at=now,
        )
        self.journal.accept(run)

    def run(self, **workflows: Workflow) -> Run:
        """Make an attempt at the run, after the time any earlier lease had."""
        self.clock.advance(600)
        self._make(SESSION_ID, workflows)
        return self.head()

    def look(self, **workflows: Workflow) -> None:
        """Make an attempt at each run that is due, as the poller of a process does."""
        begin = lambda session_id: self._make(session_id, workflows)  # noqa: E731 - an argument
        Poller(self.journal, begin=begin, clock=self.clock).look()

    def die(self, **workflows: Workflow) -> int:
        """Make an attempt in a process of its own, and give the signal that ended it."""
        child = os.fork()
        if child == 0:
            Plant(self.folder, self.clock).run(**workflows)
            os._exit(0)
        self.clock.advance(600)
        return os.WTERMSIG(os.waitpid(child, 0)[1])

    def head(self, session_id: str = SESSION_ID) -> Run:
        run = self.journal.get(session_id)
        assert run is not None
        return run

    def count(self, kind: EventType, session_id: str = SESSION_ID) -> int:
        return sum(each.event.type is kind for each in self.journal.events(session_id))

    def calls(self) -> list[Event]:
        """Give the facts of the model calls that returned."""
        events = (each.event for each in self.journal.events(SESSION_ID))
        return [event for event in events if event.type is EventType.MODEL_CALLED]

    def receipt(self) -> Receipt:
        return receipt(self.head(), (each.event for each in self.journal.events(SESSION_ID)))

    def assert_valid(self, agent: str) -> None:
        bodies: list[Any] = [each.body for each in self.journal.messages(SESSION_ID, agent)]
        messages: list[Any] = [
            {key: body["message"][key] for key in ("role", "content")} for body in bodies
        ]
        assert_valid(messages)

    def _make(self, session_id: str, workflows: dict[str, Workflow]) -> None:
        handlers = {
            name.replace("_", "-"): durable_execution(each) for name, each in workflows.items()
        }
        runner = Runner(
            journal=self.journal,
            artifacts=self.artifacts,
            registry=Registry(handlers),
            settler=Settler(journal=self.journal, signal=NoSignal()),
            limits=Limits(lease_seconds=60, park_after=timedelta(0)),
            model=PRICED,
            clock=self.clock,
            budget=self.default,
        )
        job = Jobs(self.clock).begin(session_id)
        assert job is not None
        runner.run(job)


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    made = Plant(tmp_path)
    yield made
    made.journal.close()


@effect(idempotent=True)
@tool
def count(upto: int) -> int:
    """Count.

    Args:
        upto: How far.
    """
    return upto


def build(**parts: Any) -> Agent:  # noqa: ANN401 - passed on
    return Agent(tools=[count], **parts)


def counts(turns: int) -> Callable[[Conversation], Turn]:
    """Make a playbook of so many model calls."""

    def playbook(conversation: Conversation) -> Turn:
        if conversation.turn < turns - 1:
            return Turn(calls=[ToolCall("count", {"upto": conversation.turn})])
        return Turn(f"counted in {turns} calls")

    return playbook


def counting(context: DurableContext, name: str, *, turns: int = 5, tools: Any = build) -> str:  # noqa: ANN401 - a build function
    return run_agent(context, name=name, build=tools, prompt="count", playbook=counts(turns))


def counter(_event: Any, context: DurableContext) -> str:  # noqa: ANN401 - JSON
    return counting(context, "counter")


def dying_in_a_call(_event: Any, context: DurableContext) -> str:  # noqa: ANN401 - JSON
    def playbook(conversation: Conversation) -> Turn:
        if conversation.turn == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return counts(5)(conversation)

    return run_agent(context, name="counter", build=build, prompt="count", playbook=playbook)


def cost_of_calls(tmp_path: Path, calls: int) -> Usage:
    """Give what the first calls of `counter` use."""
    plant = Plant(tmp_path / "undisturbed")
    plant.accept(Budget())
    plant.run(test=counter)
    called = plant.calls()[:calls]
    plant.journal.close()
    return sum(map(usage_of_call, called), Usage())


def test_no_call_is_made_once_a_limit_of_tokens_is_reached(plant: Plant, tmp_path: Path) -> None:
    tokens = cost_of_calls(tmp_path, 3).tokens
    plant.accept(Budget(max_tokens=tokens))

    ended = plant.run(test=counter)

    assert ended.status is Status.FAILED
    assert ended.error is not None
    assert ended.error.type == BUDGET_EXCEEDED
    assert ended.error.message == (
        f"the run has used up its budget: max_tokens is {tokens:,}, used is {tokens:,}; "
        f"`errand retry {SESSION_ID} --max-tokens N` goes on with a higher limit"
    )
    assert (ended.usage.model_calls, ended.usage.tokens) == (3, tokens)
    # Nothing was called, so nothing failed; and trying the step again would change nothing.
    assert plant.count(EventType.MODEL_FAILED) == 0
    assert plant.count(EventType.STEP_FAILED) == 1
    plant.assert_valid("counter")


def test_no_retry_of_a_workflow_s_own_tries_again_over_budget(plant: Plant) -> None:
    def workflow(_event: Any, context: DurableContext) -> str:  # noqa: ANN401 - JSON
        return run_agent(
            context,
            name="counter",
            build=build,
            prompt="count",
            playbook=counts(5),
            retry=lambda _error, _tries: RetryDecision.retry(Duration.from_seconds(1)),
        )

    plant.accept(Budget(max_tokens=1))

    assert plant.run(test=workflow).status is Status.FAILED


def test_a_token_more_lets_one_more_call_be_made(plant: Plant, tmp_path: Path) -> None:
    plant.accept(Budget(max_tokens=cost_of_calls(tmp_path, 3).tokens + 1))

    assert plant.run(test=counter).usage.model_calls == 4


def test_a_limit_in_dollars_is_kept_by_the_price_table(plant: Plant, tmp_path: Path) -> None:
    cost = cost_of_calls(tmp_path, 2).cost_usd
    plant.accept(Budget(max_cost_usd=cost))

    ended = plant.run(test=counter)

    assert ended.error is not None
    assert f"max_cost_usd is ${cost.normalize():f}, used is" in ended.error.message
    assert f"errand retry {SESSION_ID} --max-cost N" in ended.error.message
    assert ended.usage.cost_usd == cost
    assert ended.usage.model_calls == 2


def test_attempts_that_were_killed_count(plant: Plant, tmp_path: Path) -> None:
    survivor = os.getpid()

    @effect(idempotent=True)
    @tool(name="count")
    def dies(upto: int) -> int:
        """Count.

        Args:
            upto: How far.
        """
        if os.getpid() != survivor and upto == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return upto

    def workflow(_event: Any, context: DurableContext) -> str:  # noqa: ANN401 - JSON
        tools = lambda **parts: Agent(tools=[dies], **parts)  # noqa: E731 - an argument
        return counting(context, "counter", tools=tools)

    tokens = cost_of_calls(tmp_path, 3).tokens
    plant.accept(Budget(max_tokens=tokens))

    died_of = plant.die(test=workflow)
    paid = plant.head().usage
    ended = plant.run(test=workflow)

    assert died_of == signal.SIGKILL
    assert paid.model_calls == 2
    assert (ended.attempt, ended.usage.model_calls, ended.usage.tokens) == (2, 3, tokens)
    assert ended.error is not None
    assert ended.error.type == BUDGET_EXCEEDED


def test_a_child_is_held_to_what_its_family_has_left(plant: Plant, tmp_path: Path) -> None:
    def parent(_event: Any, context: DurableContext) -> str:  # noqa: ANN401 - JSON
        counting(context, "counter", turns=1)
        return str(context.invoke("child", {}, name="child"))

    plant.accept(Budget(max_tokens=cost_of_calls(tmp_path, 3).tokens))
    workflows: dict[str, Workflow] = {"test": parent, "child": counter}

    plant.run(**workflows)
    plant.look(**workflows)
    plant.look(**workflows)

    (invoke,) = [each for each in plant.journal.operations(SESSION_ID) if each.name == "child"]
    child = plant.head(child_session_id(SESSION_ID, invoke.operation_id))
    ended = plant.head()
    assert child.error is not None
    assert ended.error is not None
    assert child.error.type == ended.error.type == BUDGET_EXCEEDED
    # Who holds the budget is to be retried, not who came to its limit.
    assert f"errand retry {SESSION_ID} --max-tokens N" in child.error.message
    assert ended.usage.model_calls == 1
    assert ended.children_usage == child.usage
    assert reached(ended.budget, ended.used(plant.clock())) is not None
    assert plant.receipt().children == child.usage


def test_branches_pass_a_limit_by_the_calls_in_flight_at_most(plant: Plant) -> None:
    branches = 4

    def workflow(_event: Any, context: DurableContext) -> None:  # noqa: ANN401 - JSON
        def branch(child: DurableContext, item: int, *_: object) -> str:
            return counting(child, f"counter-{item}", turns=20)

        found: BatchResult[str] = context.map(list(range(branches)), branch, name="all")
        found.throw_if_error()

    plant.accept(Budget(max_tokens=2_000))

    ended = plant.run(test=workflow)

    tokens = [usage_of_call(call).tokens for call in plant.calls()]
    assert ended.error is not None
    assert ended.error.type == BUDGET_EXCEEDED
    assert sum(tokens[:-branches]) < 2_000 <= sum(tokens)


def test_a_throttled_call_is_not_made_again_beyond_the_time(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttled(*arguments: Any, **more: Any) -> LoadedModel:  # noqa: ANN401 - passed on
        loaded = load_model(*arguments, **more)

        async def stream(*_: object, **__: object) -> AsyncIterator[StreamEvent]:
            plant.clock.advance(20)
            for text in ("slow down",):
                raise ModelThrottledException(text)
            yield {}

        monkeypatch.setattr(loaded.model, "stream", stream)
        return replace(loaded, pauses=[0.0] * 10)

    monkeypatch.setattr(agents, "load_model", throttled)
    plant.accept(Budget(max_seconds=50))

    ended = plant.run(test=counter)

    assert ended.error is not None
    assert ended.error.type == BUDGET_EXCEEDED
    assert "max_seconds is 50.0 s, used is 60.0 s" in ended.error.message
    assert plant.count(EventType.MODEL_FAILED) == 3


def test_no_step_begins_when_the_time_is_used_up_and_what_is_done_stays(plant: Plant) -> None:
    def workflow(_event: Any, context: DurableContext) -> int:  # noqa: ANN401 - JSON
        attempt_of(context)
        for number in range(5):
            context.step(lambda _: plant.clock.advance(10), name=f"step {number}")
        return 5

    plant.accept(Budget(max_seconds=25))

    ended = plant.run(test=workflow)

    done = [each.name for each in plant.journal.operations(SESSION_ID)]
    assert done == ["step 0", "step 1", "step 2"]
    assert ended.error is not None
    assert ended.error.type == BUDGET_EXCEEDED
    assert "--max-seconds N" in ended.error.message
    assert ended.used(plant.clock()).seconds == 30


def test_no_step_of_a_child_begins_when_the_time_of_its_family_is_used_up(plant: Plant) -> None:
    def parent(_event: Any, context: DurableContext) -> str:  # noqa: ANN401 - JSON
        return str(context.invoke("child", {}, name="child"))

    def child(_event: Any, context: DurableContext) -> None:  # noqa: ANN401 - JSON
        for number in range(5):
            context.step(lambda _: plant.clock.advance(10), name=f"step {number}")

    plant.accept(Budget(max_seconds=25))

    plant.run(test=parent, child=child)
    plant.look(test=parent, child=child)

    (invoke,) = plant.journal.operations(SESSION_ID)
    ended = plant.head(child_session_id(SESSION_ID, invoke.operation_id))
    done = [each.name for each in plant.journal.operations(ended.session_id)]
    assert done == ["step 0", "step 1", "step 2"]
    assert ended.error is not None
    assert ended.error.type == BUDGET_EXCEEDED
    assert f"`errand retry {SESSION_ID} --max-seconds N`" in ended.error.message


def test_the_steps_of_a_child_look_for_a_limit_once_if_there_is_none(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    get = plant.journal.get

    def looking(session_id: str) -> Run | None:
        looks.append(session_id)
        return get(session_id)

    def parent(_event: Any, context: DurableContext) -> str:  # noqa: ANN401 - JSON
        return str(context.invoke("child", {}, name="child"))

    def child(_event: Any, context: DurableContext) -> None:  # noqa: ANN401 - JSON
        for number in range(20):
            context.step(lambda _: None, name=f"step {number}")

    plant.accept(Budget())
    plant.run(test=parent, child=child)
    monkeypatch.setattr(plant.journal, "get", looking)

    plant.look(child=child)

    assert plant.head().answers == 1
    assert looks.count(SESSION_ID) < 10


def test_the_time_a_child_works_counts_before_its_attempt_has_ended(plant: Plant) -> None:
    def parent(_event: Any, context: DurableContext) -> str:  # noqa: ANN401 - JSON
        context.step(lambda _: plant.clock.advance(20), name="before")
        return str(context.invoke("child", {}, name="child"))

    def child(_event: Any, context: DurableContext) -> str:  # noqa: ANN401 - JSON
        context.step(lambda _: plant.clock.advance(20), name="before")
        return counting(context, "counter")

    plant.accept(Budget(max_seconds=40))

    plant.run(test=parent, child=child)
    plant.look(test=parent, child=child)
    plant.look(test=parent, child=child)

    ended = plant.head()
    assert ended.error is not None
    assert ended.error.type == BUDGET_EXCEEDED
    assert "max_seconds is 40.0 s, used is 40.0 s" in ended.error.message
    assert (ended.worked_ms, ended.children_worked_ms) == (20_000, 20_000)
    assert ended.children_usage == Usage()


def test_what_a_run_waits_parked_costs_no_time(plant: Plant) -> None:
    def workflow(_event: Any, context: DurableContext) -> str:  # noqa: ANN401 - JSON
        context.wait(Duration.from_seconds(300), name="pause")
        return context.step(lambda _: "done", name="after")

    plant.accept(Budget(max_seconds=30))
    parked = plant.run(test=workflow)

    ended = plant.run(test=workflow)

    assert parked.status is Status.WAITING
    assert ended.status is Status.COMPLETED


def test_a_limit_in_dollars_refuses_a_model_nobody_knows_the_price_of(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unpriced(*arguments: Any, **more: Any) -> LoadedModel:  # noqa: ANN401 - passed on
        return replace(load_model(*arguments, **more), rates=None)

    monkeypatch.setattr(agents, "load_model", unpriced)
    plant.accept(Budget(max_cost_usd=Decimal(1)))

    ended = plant.run(test=counter)

    assert ended.error is not None
    assert (ended.error.type, ended.usage.model_calls) == ("UnknownPriceError", 0)
    assert ended.error.message == (
        "agent 'counter' has the model 'offline', whose price is not known in full, and the run "
        "has a max_cost_usd; give the price in a file that ERRAND_PRICES names, or limit max_tokens"
    )


def test_a_run_asked_for_without_limits_gets_the_process_s_and_keeps_them(plant: Plant) -> None:
    plant.default = Budget(max_tokens=10, max_seconds=100)
    plant.accept(Budget(max_seconds=70))

    ended = plant.run(test=counter)

    assert ended.budget == Budget(max_tokens=10, max_seconds=70)
    assert ended.usage.model_calls == 1
    assert plant.count(EventType.BUDGET_SET) == 1


def test_a_retry_with_a_higher_limit_pays_for_nothing_again(plant: Plant, tmp_path: Path) -> None:
    plant.accept(Budget(max_tokens=cost_of_calls(tmp_path, 3).tokens))
    stopped = plant.run(test=counter)
    plant.journal.retry(
        SESSION_ID, Retry(by="test", budget=Budget(max_tokens=10**6)), now=plant.clock()
    )

    ended = plant.run(test=counter)

    assert stopped.status is Status.FAILED
    assert (ended.status, ended.usage.model_calls) == (Status.COMPLETED, 5)
    bill = plant.receipt()
    assert bill.repeated == Usage()
    assert [each.after for each in bill.resumptions] == [Resumed.RETRIED]
    assert bill.saved == stopped.usage


def test_a_call_cut_by_the_death_of_its_worker_is_on_the_receipt(plant: Plant) -> None:
    plant.accept(Budget())

    assert plant.die(test=dying_in_a_call) == signal.SIGKILL
    ended = plant.run(test=counter)

    bill = plant.receipt()
    third = usage_of_call(plant.calls()[2])
    assert (ended.status, ended.usage.model_calls) == (Status.COMPLETED, 5)
    assert bill.repeated == third
    assert [(each.attempt, each.after) for each in bill.resumptions] == [(2, Resumed.LOST)]
    assert bill.saved == usage_of_call(plant.calls()[0]) + usage_of_call(plant.calls()[1])


def test_a_workflow_may_raise_the_limit_and_go_on_with_what_is_paid_for(
    plant: Plant, tmp_path: Path
) -> None:
    def workflow(_event: Any, context: DurableContext) -> str:  # noqa: ANN401 - JSON
        attempt = attempt_of(context)
        if attempt.lease.attempt == 2:
            attempt.raise_budget(Budget(max_tokens=100_000))
        context.wait(Duration.from_seconds(60), name="pause")
        return counting(context, "counter")

    plant.accept(Budget(max_tokens=cost_of_calls(tmp_path, 2).tokens))
    plant.run(test=workflow)

    ended = plant.run(test=workflow)

    assert ended.status is Status.COMPLETED
    assert ended.budget.max_tokens == 100_000
    assert ended.usage.model_calls == 5
