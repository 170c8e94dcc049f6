"""What happens to tool calls that a death, a stop or the journal interrupts."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from strands import Agent, ToolContext, tool
from strands.hooks import AfterToolCallEvent

from agent.effects import (
    Effect,
    InterruptedCall,
    NotTaken,
    Taken,
    attempt_number,
    effect,
    effect_of,
    idempotency_key,
)
from agent.errors import AttemptStoppedError, InvalidMessageError
from agent.models.conversation import Conversation, ToolCall, Turn
from agent.place import Task
from runs.errors import JournalUnavailableError
from runs.events import EventType
from runs.journal.base import Changes, Journal, ToolStatus
from runs.json_types import Json
from runs.run import Lease
from tests.support.agents import (
    SESSION_ID,
    Bench,
    DyingJournal,
    KilledError,
    assert_valid,
    built_with,
    task_for,
)

AGENT = "payer"
CALL = f"{AGENT}-1-0"


class Bank:
    """Takes payments; the worker dies right after the first."""

    def __init__(self) -> None:
        self.paid: list[int] = []
        self.keys: list[str] = []
        self.attempts: list[int] = []
        self.dies = True

    def task(self, declare: Callable[[Any], Any] = lambda pay: pay) -> Task:
        return task_for(AGENT, built_with(*self.tools(declare)))

    def tools(self, declare: Callable[[Any], Any] = lambda pay: pay) -> list[object]:
        @declare
        @tool(context=True)
        def pay(amount: int, tool_context: ToolContext) -> str:
            """Pay.

            Args:
                amount: How much.
                tool_context: Who calls.
            """
            self.keys.append(idempotency_key(tool_context))
            self.attempts.append(attempt_number(tool_context))
            self.paid.append(amount)
            if self.dies:
                self.dies = False
                raise KilledError
            return f"paid {amount}"

        return [pay]


def pays(conversation: Conversation) -> Turn:
    if conversation.turn == 0:
        return Turn(calls=[ToolCall("pay", {"amount": 9})])
    return Turn("; ".join(answer.text for answer in conversation.answers))


def pay_and_die(bench: Bench, bank: Bank, task: Task) -> None:
    with pytest.raises((KilledError, InvalidMessageError)):
        bench.converse(task, pays)
    assert bank.paid == [9]
    entry = bench.journal.tool(SESSION_ID, CALL)
    assert entry is not None
    assert entry.status is ToolStatus.STARTED


def test_a_tool_that_declared_nothing_is_not_called_again(bench: Bench) -> None:
    bank = Bank()
    pay_and_die(bench, bank, bank.task())

    answer = str(bench.converse(bank.task(), pays))

    assert "Nobody knows whether the call took effect" in answer
    assert bank.paid == [9]
    assert [d["Status"] for d in bench.details(EventType.TOOL_RETURNED)] == ["in_doubt"]
    assert_valid(bench.messages(AGENT))


def test_an_idempotent_tool_is_called_again_with_the_same_key(bench: Bench) -> None:
    bank = Bank()
    declare = effect(idempotent=True)
    pay_and_die(bench, bank, bank.task(declare))

    assert bench.converse(bank.task(declare), pays) == "paid 9"
    assert bank.paid == [9, 9]
    assert bank.keys == [f"{SESSION_ID}/{CALL}"] * 2
    assert bank.attempts == [1, 2]
    assert bench.events(EventType.TOOL_CALLED) == ["pay", "pay"]


def test_a_tool_that_knows_it_took_effect_gives_the_result_it_would_have(bench: Bench) -> None:
    bank, asked = Bank(), list[InterruptedCall]()

    def find(call: InterruptedCall) -> Taken:
        asked.append(call)
        return Taken({"receipt": 7})

    declare = effect(reconcile=find)
    pay_and_die(bench, bank, bank.task(declare))

    assert bench.converse(bank.task(declare), pays) == '{"receipt": 7}'
    assert bank.paid == [9]
    assert [(call.tool, call.input, call.attempt) for call in asked] == [("pay", {"amount": 9}, 1)]
    assert asked[0].idempotency_key == f"{SESSION_ID}/{CALL}"
    entry = bench.journal.tool(SESSION_ID, CALL)
    assert entry is not None
    assert entry.status is ToolStatus.DONE


def test_a_tool_that_knows_it_took_no_effect_is_called(bench: Bench) -> None:
    bank = Bank()
    declare = effect(reconcile=lambda _: NotTaken())
    pay_and_die(bench, bank, bank.task(declare))

    assert bench.converse(bank.task(declare), pays) == "paid 9"
    assert bank.paid == [9, 9]


def cannot_tell(_: InterruptedCall) -> None:
    return None


def test_a_tool_that_cannot_tell_is_not_called_again(bench: Bench) -> None:
    bank = Bank()
    declare = effect(reconcile=cannot_tell)
    pay_and_die(bench, bank, bank.task(declare))

    assert "Nobody knows" in str(bench.converse(bank.task(declare), pays))
    assert bank.paid == [9]


def test_a_whole_tool_result_from_reconcile_is_passed_on(bench: Bench) -> None:
    bank = Bank()
    found: Json = {"status": "error", "content": [{"text": "refused: no money"}]}
    declare = effect(reconcile=lambda _: Taken(found))
    pay_and_die(bench, bank, bank.task(declare))

    assert bench.converse(bank.task(declare), pays) == "refused: no money"


def test_a_reconcile_that_fails_leaves_the_doubt_for_the_next_attempt(bench: Bench) -> None:
    bank = Bank()

    def unreachable(_: InterruptedCall) -> None:
        raise ConnectionError

    pay_and_die(bench, bank, bank.task())
    with pytest.raises(ConnectionError):
        bench.converse(bank.task(effect(reconcile=unreachable)), pays)

    assert len(bench.messages(AGENT)) == 2
    assert bench.converse(bank.task(effect(reconcile=lambda _: Taken("found"))), pays) == "found"


def two_tools(bank: Bank) -> tuple[Task, list[str]]:
    """One tool that finishes, and one that dies when the first has."""
    entered: list[str] = []
    is_quick_done = threading.Event()

    @tool
    def quick() -> str:
        """Finish."""
        entered.append("quick")
        return "done"

    @effect(idempotent=True)
    @tool
    def slow() -> str:
        """Die."""
        entered.append("slow")
        if bank.dies:
            is_quick_done.wait(0.3)
            bank.dies = False
            raise KilledError
        return "done too"

    return task_for(AGENT, built_with(quick, slow)), entered


def test_of_two_parallel_tools_only_the_interrupted_one_is_called_again(bench: Bench) -> None:
    task, entered = two_tools(Bank())

    def both(conversation: Conversation) -> Turn:
        if conversation.turn == 0:
            return Turn(calls=[ToolCall("quick"), ToolCall("slow")])
        return Turn("; ".join(answer.text for answer in conversation.answers))

    with pytest.raises((KilledError, InvalidMessageError)):
        bench.converse(task, both)

    assert bench.converse(task, both) == "done; done too"
    assert sorted(entered) == ["quick", "slow", "slow"]
    assert_valid(bench.messages(AGENT))


class Failing:
    """A journal that fails the writes about tools, as if it were away."""

    def __init__(self, journal: Journal, status: ToolStatus) -> None:
        self._journal = journal
        self._status = status

    def commit(self, lease: Lease, changes: Changes, *, now: Any) -> None:  # noqa: ANN401 - passed on
        if any(entry.status is self._status for entry in changes.tools):
            msg = "the disk is on fire"
            raise JournalUnavailableError(msg)
        self._journal.commit(lease, changes, now=now)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - everything else is the journal's
        return getattr(self._journal, name)


@pytest.mark.parametrize("status", [ToolStatus.STARTED, ToolStatus.DONE])
def test_a_journal_that_fails_at_a_tool_is_not_told_to_the_model(
    bench: Bench, status: ToolStatus
) -> None:
    bank = Bank()
    bank.dies = False
    attempt = bench.attempt(lambda journal: Failing(journal, status))
    # Without a lease's time to wait, the first failure is the last.
    attempt.lease = replace(attempt.lease, seconds=0.0)

    with pytest.raises(AttemptStoppedError):
        bench.converse(bank.task(), pays, attempt)

    assert [message["role"] for message in bench.messages(AGENT)] == ["user", "assistant"]
    assert bench.events(EventType.MODEL_CALLED) == [AGENT]
    assert bank.paid == ([] if status is ToolStatus.STARTED else [9])


def test_a_journal_that_fails_when_a_tool_asks_asks_nobody(bench: Bench) -> None:
    @tool(context=True)
    def pay(amount: int, tool_context: ToolContext) -> str:
        """Pay.

        Args:
            amount: How much.
            tool_context: Who calls.
        """
        return str(tool_context.interrupt("may it?", reason=str(amount)))

    attempt = bench.attempt(lambda journal: Failing(journal, ToolStatus.PAUSED))
    attempt.lease = replace(attempt.lease, seconds=0.0)

    with pytest.raises(AttemptStoppedError):
        bench.turn(task_for(AGENT, built_with(pay)), pays, attempt)

    assert len(bench.messages(AGENT)) == 2


def test_losing_the_lease_inside_a_tool_ends_the_agent(bench: Bench) -> None:
    calls: list[int] = []

    @tool
    def pay(amount: int) -> str:
        """Pay.

        Args:
            amount: How much.
        """
        bench.steal()
        return f"paid {amount}"

    def counting(conversation: Conversation) -> Turn:
        calls.append(conversation.turn)
        return pays(conversation)

    with pytest.raises(AttemptStoppedError, match="no longer holds the lease"):
        bench.converse(task_for(AGENT, built_with(pay)), counting)

    assert calls == [0]
    assert len(bench.messages(AGENT)) == 2


def test_an_unknown_tool_is_told_to_the_model_and_not_entered(bench: Bench) -> None:
    answer = bench.converse(task_for(AGENT, built_with()), pays)

    assert answer == "Unknown tool: pay"
    assert bench.events(EventType.TOOL_CALLED) == []


def test_a_failing_tool_is_told_to_the_model_and_not_called_again(bench: Bench) -> None:
    @tool
    def pay(amount: int) -> str:
        """Pay.

        Args:
            amount: How much.
        """
        msg = f"no {amount} there"
        raise RuntimeError(msg)

    assert "no 9 there" in str(bench.converse(task_for(AGENT, built_with(pay)), pays))
    assert [d["Status"] for d in bench.details(EventType.TOOL_RETURNED)] == ["error"]


def test_results_with_bytes_come_back_as_they_were(bench: Bench) -> None:
    image = {"image": {"format": "png", "source": {"bytes": b"\x89PNG\x00"}}}
    seen: list[Any] = []
    entered: list[int] = []

    @tool
    def pay(amount: int) -> dict[str, Any]:
        """Pay.

        Args:
            amount: How much.
        """
        entered.append(amount)
        return {"status": "success", "content": [image]}

    def looks(conversation: Conversation) -> Turn:
        if conversation.turn == 1:
            seen.append(conversation.messages[-1]["content"][0]["toolResult"]["content"])
        if len(seen) == 1:
            raise KilledError
        return pays(conversation)

    task = task_for(AGENT, built_with(pay))
    with pytest.raises(KilledError):
        bench.converse(task, looks)
    bench.converse(task, looks)

    assert seen == [[image], [image]]
    assert entered == [9]


class Counter:
    """A tool that is a method, declared under the decorator and above it."""

    @tool
    @effect(idempotent=True)
    def below(self) -> int:
        """Count."""
        return 1

    @effect(idempotent=True)
    @tool
    def above(self) -> int:
        """Count."""
        return 1

    @tool
    def silent(self) -> int:
        """Count."""
        return 1


@pytest.mark.parametrize("name", ["below", "above"])
def test_an_effect_may_be_declared_on_either_side_of_tool(name: str) -> None:
    assert effect_of(getattr(Counter(), name)) == Effect(idempotent=True)


def test_a_tool_that_declares_nothing_must_not_be_called_again() -> None:
    assert effect_of(Counter().silent) == Effect()


def retrying(times: int, tools: list[object]) -> Task:
    """Have each call made again by a hook if its result is an error, so many times at most."""
    retries: list[str] = []

    def again(event: AfterToolCallEvent) -> None:
        if event.result["status"] == "error" and len(retries) < times:
            retries.append(event.tool_use["toolUseId"])
            event.retry = True

    def build(**parts: Any) -> Agent:  # noqa: ANN401 - passed on
        agent = Agent(tools=tools, **parts)
        agent.add_hook(again, AfterToolCallEvent)
        return agent

    return task_for(AGENT, build)


def test_a_hook_may_have_a_call_made_again_after_a_crash_as_before_one(bench: Bench) -> None:
    entered: list[int] = []

    @tool
    def pay(amount: int) -> str:
        """Pay.

        Args:
            amount: How much.
        """
        entered.append(amount)
        if len(entered) < 3:
            msg = "no answer"
            raise TimeoutError(msg)
        return f"paid {amount}"

    dying = bench.attempt(lambda journal: DyingJournal(journal, write=3, is_after=True))
    with pytest.raises(KilledError):
        bench.converse(retrying(0, [pay]), pays, dying)

    assert bench.converse(retrying(2, [pay]), pays) == "paid 9"
    assert entered == [9, 9, 9]


def test_a_hook_can_not_have_a_call_in_doubt_made_again(bench: Bench) -> None:
    bank = Bank()
    pay_and_die(bench, bank, bank.task())
    tools = bank.tools()

    assert "Nobody knows" in str(bench.converse(retrying(3, tools), pays))
    assert bank.paid == [9]
