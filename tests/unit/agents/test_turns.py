"""How an agent ends: in time, at a limit, cut off, refused, or not at all."""

from collections.abc import Callable
from typing import Any

import pytest
from strands import Agent, tool
from strands.hooks import AfterModelCallEvent, AfterToolsEvent, MessageAddedEvent
from strands.types.exceptions import ContextWindowOverflowException, ModelThrottledException
from strands.types.streaming import StreamEvent

from agent.effects import effect
from agent.errors import (
    AgentBuildError,
    ContextOverflowError,
    CutOffError,
    MissingPlaybookError,
    ModelUnavailableError,
    RefusedError,
    TurnLimitError,
    UnexpectedStopError,
)
from agent.models.conversation import Conversation, ToolCall, Turn
from agent.models.offline import OfflineModel
from agent.models.select import ModelChoice, load_model
from agent.place import Build
from runs.events import EventType
from runs.receipt import receipt
from runs.run import Usage
from tests.support.agents import SESSION_ID, Bench, assert_valid, built_with, task_for

AGENT = "walker"


@effect(idempotent=True)
@tool
def step(number: int) -> int:
    """Step.

    Args:
        number: Which step.
    """
    return number


def walks(steps: int) -> Callable[[Conversation], Turn]:
    def playbook(conversation: Conversation) -> Turn:
        if conversation.turn < steps:
            return Turn(calls=[ToolCall("step", {"number": conversation.turn})])
        return Turn(f"walked {len(conversation.answers)} steps")

    return playbook


def test_an_agent_may_use_tools_more_often_than_pythons_stack_is_deep(bench: Bench) -> None:
    task = task_for(AGENT, built_with(step), max_turns=400)

    assert bench.converse(task, walks(330)) == "walked 330 steps"
    assert len(bench.events(EventType.MODEL_CALLED)) == 331
    assert_valid(bench.messages(AGENT))


def test_an_agent_ends_at_its_limit_of_model_calls(bench: Bench) -> None:
    task = task_for(AGENT, built_with(step), max_turns=3)

    with pytest.raises(TurnLimitError, match="after 3 model calls"):
        bench.converse(task, walks(9))

    assert len(bench.events(EventType.MODEL_CALLED)) == 3


def test_the_limit_counts_over_all_attempts(bench: Bench) -> None:
    with pytest.raises(TurnLimitError):
        bench.converse(task_for(AGENT, built_with(step), max_turns=3), walks(9))

    with pytest.raises(TurnLimitError, match="after 5 model calls"):
        bench.converse(task_for(AGENT, built_with(step), max_turns=5), walks(9))

    assert len(bench.events(EventType.MODEL_CALLED)) == 5


def test_an_answer_at_the_limit_counts(bench: Bench) -> None:
    task = task_for(AGENT, built_with(step), max_turns=4)

    assert bench.converse(task, walks(3)) == "walked 3 steps"


class Stopping(OfflineModel):
    """Stops for a reason of the test's."""

    def __init__(self, stop_reason: str, turn: Turn | None = None) -> None:
        super().__init__(lambda _: turn or Turn("half an ans"))
        self._stop_reason = stop_reason

    async def stream(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - passed on
        async for event in super().stream(*args, **kwargs):
            yield self._changed(event)

    def _changed(self, event: StreamEvent) -> Any:  # noqa: ANN401 - an event with any reason
        if "messageStop" in event:
            return {"messageStop": {"stopReason": self._stop_reason}}
        return event


@pytest.mark.parametrize(
    ("stop_reason", "error"),
    [
        ("max_tokens", CutOffError),
        ("guardrail_intervened", RefusedError),
        ("content_filtered", RefusedError),
    ],
)
def test_an_answer_that_is_none_is_an_error_now_and_after_a_crash(
    bench: Bench, stop_reason: str, error: type[Exception]
) -> None:
    task = task_for(AGENT, built_with())

    for _attempt in range(2):
        with pytest.raises(error, match=AGENT):
            bench.converse_with(task, Stopping(stop_reason))

    assert [d["StopReason"] for d in bench.details(EventType.MODEL_CALLED)] == [stop_reason]


def test_a_call_that_was_cut_off_is_not_made(bench: Bench) -> None:
    half = Stopping("max_tokens", Turn(calls=[ToolCall("step", {"number": 1})]))
    task = task_for(AGENT, built_with(step))

    for _attempt in range(2):
        with pytest.raises(CutOffError, match="longer than the model may write"):
            bench.converse_with(task, half)

    assert bench.events(EventType.TOOL_CALLED) == []
    assert len(bench.events(EventType.MODEL_CALLED)) == 1
    assert_valid(bench.messages(AGENT))


def test_a_conversation_too_long_for_the_model_says_so(bench: Bench) -> None:
    def overflows(_: Conversation) -> Turn:
        msg = "200001 tokens > 200000"
        raise ContextWindowOverflowException(msg)

    with pytest.raises(ContextOverflowError, match="too long for model 'offline': 200001"):
        bench.converse(task_for(AGENT, built_with()), overflows)


def test_an_error_of_the_model_travels_on_unchanged(bench: Bench) -> None:
    def fails(_: Conversation) -> Turn:
        msg = "no such model"
        raise PermissionError(msg)

    with pytest.raises(PermissionError, match="no such model"):
        bench.converse(task_for(AGENT, built_with()), fails)

    assert [d["RetryInSeconds"] for d in bench.details(EventType.MODEL_FAILED)] == [None]


def throttles(times: int) -> Callable[[Conversation], Turn]:
    failures: list[int] = []

    def playbook(_: Conversation) -> Turn:
        if len(failures) < times:
            failures.append(1)
            msg = "slow down"
            raise ModelThrottledException(msg)
        return Turn("made it")

    return playbook


def test_a_throttled_model_is_called_again(bench: Bench) -> None:
    assert bench.converse(task_for(AGENT, built_with()), throttles(2)) == "made it"

    assert bench.events(EventType.MODEL_CALLED) == [AGENT]
    assert bench.events(EventType.MODEL_FAILED) == [AGENT] * 2


def test_a_model_that_keeps_throttling_is_left_to_a_later_try(bench: Bench) -> None:
    with pytest.raises(ModelUnavailableError, match="slow down") as raised:
        bench.converse(task_for(AGENT, built_with()), throttles(3))

    assert raised.value.retryable
    assert bench.converse(task_for(AGENT, built_with()), throttles(0)) == "made it"


def raises(event: object) -> None:
    msg = f"a hook of the agent's own fails at {type(event).__name__}"
    raise RuntimeError(msg)


def failing_at(event: type[Any]) -> Build:
    def build(**parts: Any) -> Agent:  # noqa: ANN401 - passed on
        agent = Agent(tools=[step], **parts)
        agent.add_hook(raises, event)
        return agent

    return build


@pytest.mark.parametrize("event", [AfterModelCallEvent, AfterToolsEvent, MessageAddedEvent])
def test_a_hook_of_the_agents_own_that_raises_harms_no_conversation(
    bench: Bench, event: type[Any]
) -> None:
    with pytest.raises(RuntimeError, match="own fails"):
        bench.converse(task_for(AGENT, failing_at(event)), walks(1))

    assert_valid(bench.messages(AGENT))
    assert bench.converse(task_for(AGENT, built_with(step)), walks(1)) == "walked 1 steps"


def test_an_answer_that_a_hook_of_the_agent_s_own_raised_over_is_paid_for(bench: Bench) -> None:
    with pytest.raises(RuntimeError, match="own fails"):
        bench.converse(task_for(AGENT, failing_at(AfterModelCallEvent)), walks(1))
    lost = bench.head().usage
    bench.converse(task_for(AGENT, built_with(step)), walks(0))

    events = [each.event for each in bench.journal.events(SESSION_ID)]
    bill = receipt(bench.head(), events)
    assert lost.model_calls == 1
    assert bill.paid.model_calls == 2
    assert bill.repeated == lost
    assert bill.saved == Usage()


def test_an_agent_that_stops_itself_is_an_error_and_not_an_answer(bench: Bench) -> None:
    agents: list[Agent] = []

    @tool
    def give_up() -> str:
        """Give up."""
        agents[0].cancel()
        return "gave up"

    def build(**parts: Any) -> Agent:  # noqa: ANN401 - passed on
        agents.append(Agent(tools=[give_up], **parts))
        return agents[0]

    def gives_up(_: Conversation) -> Turn:
        return Turn(calls=[ToolCall("give_up")])

    with pytest.raises(UnexpectedStopError, match="'cancelled'"):
        bench.converse(task_for(AGENT, build), gives_up)

    assert_valid(bench.messages(AGENT))


def forgetful(**parts: Any) -> Agent:  # noqa: ANN401 - dropped on purpose
    return Agent(model=parts["model"], callback_handler=None)


def test_an_agent_built_without_its_memory_is_refused(bench: Bench) -> None:
    with pytest.raises(AgentBuildError, match="built without its memory or its hooks"):
        bench.converse(task_for(AGENT, forgetful), walks(0))


def test_two_agents_of_one_name_are_refused(bench: Bench) -> None:
    bench.converse(task_for(AGENT, built_with(step)), walks(0))

    with pytest.raises(AgentBuildError, match="give each its own name"):
        bench.converse(task_for(AGENT, built_with(step), prompt="something else"), walks(0))


def test_an_agent_without_a_playbook_says_what_would_do_offline() -> None:
    with pytest.raises(MissingPlaybookError, match=r"agent 'walker' has no playbook.*bedrock:"):
        load_model(ModelChoice.parse("offline"), agent=AGENT, playbook=None)
