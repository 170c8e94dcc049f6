"""An attempt that is told to stop: the agent ends soon, and nothing it says about that is saved."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from strands import ToolContext, tool
from strands.models import Model
from strands.types.exceptions import ModelThrottledException

from agent.attempt import Attempt, StopReason
from agent.effects import effect
from agent.errors import AttemptStoppedError
from agent.models.conversation import Conversation, ToolCall, Turn
from agent.models.stopping import Interruptible
from runs.errors import JournalUnavailableError
from runs.events import EventType
from runs.journal.base import Message
from tests.support.agents import Bench, Hanging, assert_valid, built_with, task_for

AGENT = "talker"
#: Far more than a stop takes, far less than the models below would.
SOON_SECONDS = 5.0


class HangingInterruptible(Interruptible, Hanging):
    """A silent provider, as our adapters mix it."""


@contextmanager
def stopping(attempt: Attempt, when: Callable[[], object]) -> Iterator[None]:
    """Cancel an attempt from another thread once something has happened."""

    def stop() -> None:
        when()
        attempt.request_stop(StopReason.CANCELLED, "enough")

    thread = threading.Thread(target=stop)
    thread.start()
    started = time.monotonic()
    try:
        yield
    finally:
        thread.join()
    assert time.monotonic() - started < SOON_SECONDS


def answers(_: Conversation) -> Turn:
    return Turn("all done")


@pytest.mark.parametrize(
    "model",
    [
        Hanging(pause_seconds=0.01, chunks=100_000),
        HangingInterruptible(pause_seconds=600, chunks=1),
    ],
    ids=["streaming", "silent"],
)
def test_a_stop_ends_a_model_call_and_leaves_nothing_of_it(bench: Bench, model: Model) -> None:
    attempt = bench.attempt()
    assert isinstance(model, Hanging)
    task = task_for(AGENT, built_with())

    with (
        stopping(attempt, model.is_streaming.wait),
        pytest.raises(AttemptStoppedError, match="enough"),
    ):
        bench.converse_with(task, model, attempt)

    assert bench.messages(AGENT) == [{"role": "user", "content": [{"text": "go"}]}]
    assert bench.events(EventType.MODEL_CALLED) == []
    assert bench.converse(task, answers) == "all done"


def uses(name: str) -> Callable[[Conversation], Turn]:
    def playbook(conversation: Conversation) -> Turn:
        if conversation.turn == 0:
            return Turn(calls=[ToolCall(name)])
        return Turn("; ".join(answer.text for answer in conversation.answers))

    return playbook


def test_a_tool_that_finishes_after_the_stop_is_not_called_again(bench: Bench) -> None:
    attempt, entered = bench.attempt(), list[str]()

    @tool
    def work() -> str:
        """Work."""
        entered.append("work")
        attempt.request_stop(StopReason.SHUTDOWN, "shutting down")
        return "worked"

    task = task_for(AGENT, built_with(work))
    with pytest.raises(AttemptStoppedError):
        bench.converse(task, uses("work"), attempt)

    assert len(bench.messages(AGENT)) == 2
    assert bench.converse(task, uses("work")) == "worked"
    assert entered == ["work"]
    assert_valid(bench.messages(AGENT))


def test_an_idempotent_tool_that_gives_up_on_the_stop_is_called_again(bench: Bench) -> None:
    attempt, entered = bench.attempt(), list[int]()

    @effect(idempotent=True)
    @tool(context=True)
    def work(tool_context: ToolContext) -> str:
        """Work.

        Args:
            tool_context: Who calls.
        """
        entered.append(1)
        if len(entered) == 1:
            attempt.request_stop(StopReason.SHUTDOWN, "shutting down")
            assert tool_context.cancel_signal.wait(SOON_SECONDS)
            msg = "gave up"
            raise TimeoutError(msg)
        return "worked"

    task = task_for(AGENT, built_with(work))
    with pytest.raises(AttemptStoppedError):
        bench.converse(task, uses("work"), attempt)

    assert bench.converse(task, uses("work")) == "worked"
    assert len(entered) == 2


def test_a_tool_may_leave_at_an_edge_of_its_own(bench: Bench) -> None:
    attempt = bench.attempt()

    @effect(idempotent=True)
    @tool
    def work() -> str:
        """Work."""
        if attempt.lease.attempt == bench.head().attempt == 1:
            attempt.request_stop(StopReason.SHUTDOWN, "shutting down")
            attempt.leave_if_stopped()
        return "worked"

    task = task_for(AGENT, built_with(work))
    with pytest.raises(AttemptStoppedError, match="shutting down"):
        bench.converse(task, uses("work"), attempt)

    assert bench.converse(task, uses("work")) == "worked"


def test_a_stop_before_the_tools_leaves_them_to_the_next_attempt(bench: Bench) -> None:
    attempt, entered = bench.attempt(), list[str]()

    @tool
    def work() -> str:
        """Work."""
        entered.append("work")
        return "worked"

    def stops(conversation: Conversation) -> Turn:
        if conversation.turn == 0:
            # After the answer has streamed: the last chunk is followed by the look at the signal.
            threading.Timer(0, attempt.request_stop, [StopReason.CANCELLED, "enough"]).start()
        return uses("work")(conversation)

    task = task_for(AGENT, built_with(work))
    with pytest.raises(AttemptStoppedError):
        bench.converse(task, stops, attempt)

    assert bench.converse(task, uses("work")) == "worked"
    assert entered == ["work"]
    assert_valid(bench.messages(AGENT))


def test_a_pause_after_throttling_gives_way_to_a_stop(bench: Bench) -> None:
    attempt, is_throttled = bench.attempt(), threading.Event()
    bench.pauses = (0.0, 600.0)

    def throttled(_: Conversation) -> Turn:
        if bench.details(EventType.MODEL_FAILED):
            is_throttled.set()
        msg = "slow down"
        raise ModelThrottledException(msg)

    with stopping(attempt, is_throttled.wait), pytest.raises(AttemptStoppedError, match="enough"):
        bench.converse(task_for(AGENT, built_with()), throttled, attempt)


def test_an_attempt_that_was_stopped_before_does_not_begin(bench: Bench) -> None:
    attempt = bench.attempt()
    attempt.request_stop(StopReason.DEADLINE, "too late")

    with pytest.raises(AttemptStoppedError, match="too late"):
        bench.converse(task_for(AGENT, built_with()), answers, attempt)

    assert bench.messages(AGENT) == []


def test_losing_the_lease_while_a_failed_call_is_told_ends_the_agent(bench: Bench) -> None:
    def robbed(_: Conversation) -> Turn:
        bench.steal()
        msg = "slow down"
        raise ModelThrottledException(msg)

    with pytest.raises(AttemptStoppedError, match="no longer holds the lease"):
        bench.converse(task_for(AGENT, built_with()), robbed)


class Away:
    """A journal that can't be read."""

    def messages(self, session_id: str, agent: str) -> list[Message]:
        msg = f"no answer about {agent} of {session_id}"
        raise JournalUnavailableError(msg)


def test_a_journal_that_can_not_be_read_stops_the_attempt(bench: Bench) -> None:
    attempt = bench.attempt()
    attempt.journal = Away()  # type: ignore[assignment] # all that is read before it fails
    attempt.lease = replace(attempt.lease, seconds=0.0)

    with pytest.raises(AttemptStoppedError, match="the journal did not answer"):
        bench.converse(task_for(AGENT, built_with()), answers, attempt)

    assert attempt.stop_reason is StopReason.JOURNAL_UNAVAILABLE


def test_losing_the_lease_during_a_model_call_ends_the_agent(bench: Bench) -> None:
    def robbed(_: Conversation) -> Turn:
        bench.steal()
        return Turn("all done")

    with pytest.raises(AttemptStoppedError, match="no longer holds the lease"):
        bench.converse(task_for(AGENT, built_with()), robbed)

    assert len(bench.messages(AGENT)) == 1
