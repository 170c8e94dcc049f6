"""Agents in workflows, under the real runner, the durable SDK and a journal on disk."""

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aws_durable_execution_sdk_python import DurableContext
from pydantic import BaseModel
from strands import Agent, tool
from strands.types.exceptions import ModelThrottledException

from agent import agents
from agent.agents import retry_if_it_helps, run_agent
from agent.attempt import StopReason
from agent.effects import effect
from agent.errors import ModelUnavailableError, RefusedError
from agent.models.conversation import Conversation, ToolCall, Turn
from agent.models.loaded import LoadedModel
from agent.models.select import load_model
from agent.services import attempt_of
from runs.errors import JournalUnavailableError
from runs.events import EventType
from runs.operations import OperationStatus
from runs.run import Status
from tests.support.agents import SESSION_ID
from tests.support.plant import Plant


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path)


class Sum(BaseModel):
    total: int
    how: str


@effect(idempotent=True)
@tool
def add(left: int, right: int) -> int:
    """Add.

    Args:
        left: One.
        right: Another.
    """
    return left + right


def build(**parts: Any) -> Agent:  # noqa: ANN401 - passed on
    return Agent(tools=[add], system_prompt="You add.", **parts)


def adds(conversation: Conversation) -> Turn:
    if conversation.turn == 0:
        return Turn("Adding.", [ToolCall("add", {"left": 1, "right": 2})])
    total = int(conversation.answers[-1].text)
    if "Sum" in conversation.tools:
        return Turn(calls=[ToolCall("Sum", {"total": total, "how": "by tool"})])
    return Turn(f"The sum is {total}.")


def two_agents(event: dict[str, Any], context: DurableContext) -> dict[str, Any]:
    text = run_agent(
        context, name="teller", build=build, prompt=str(event["prompt"]), playbook=adds
    )
    answer = run_agent(context, name="summer", build=build, prompt=text, playbook=adds, output=Sum)
    assert isinstance(answer, Sum)
    return {"text": text, "total": answer.total}


def test_a_workflow_runs_its_agents_as_steps(plant: Plant) -> None:
    run = plant.run(two_agents)

    assert run.status is Status.COMPLETED
    assert run.result == {"text": "The sum is 3.", "total": 3}
    assert run.usage.model_calls == plant.count(EventType.MODEL_CALLED) == 4
    names = {operation.name for operation in plant.journal.operations(SESSION_ID)}
    assert names >= {"teller", "summer"}


def test_a_shutdown_between_two_agents_repeats_neither(plant: Plant) -> None:
    stops: list[str] = []

    def interrupted(event: dict[str, Any], context: DurableContext) -> dict[str, Any]:
        def stopping(conversation: Conversation) -> Turn:
            if conversation.turn == 0 and not stops:
                stops.append("once")
                attempt_of(context).request_stop(StopReason.SHUTDOWN, "shutting down")
            return adds(conversation)

        text = run_agent(context, name="teller", build=build, prompt="a", playbook=adds)
        run_agent(context, name="summer", build=build, prompt=text, playbook=stopping)
        return {"text": text}

    assert plant.run(interrupted).status is Status.QUEUED
    statuses = {operation.status for operation in plant.journal.operations(SESSION_ID)}
    assert OperationStatus.FAILED not in statuses

    assert plant.run(interrupted).status is Status.COMPLETED
    assert plant.count(EventType.MODEL_CALLED) == 4


def test_a_cancel_inside_an_agent_ends_the_run_as_cancelled(plant: Plant) -> None:
    def cancelled(event: dict[str, Any], context: DurableContext) -> str:
        def asked(conversation: Conversation) -> Turn:
            attempt_of(context).request_stop(StopReason.CANCELLED, "not needed any more")
            return adds(conversation)

        return run_agent(context, name="teller", build=build, prompt="a", playbook=asked)

    run = plant.run(cancelled)

    assert run.status is Status.CANCELLED
    assert run.error is not None
    assert run.error.message == "not needed any more"


def test_an_agent_error_fails_the_run_with_its_own_type_and_message(plant: Plant) -> None:
    def limited(event: dict[str, Any], context: DurableContext) -> str:
        return run_agent(
            context, name="teller", build=build, prompt="a", playbook=adds, max_turns=1
        )

    run = plant.run(limited)

    assert run.status is Status.FAILED
    assert run.error is not None
    assert "agent 'teller' has no answer after 1 model calls, its limit" in run.error.message


def test_an_agent_without_a_playbook_fails_the_run_and_says_what_would_do(plant: Plant) -> None:
    def silent(event: dict[str, Any], context: DurableContext) -> str:
        return run_agent(context, name="teller", build=build, prompt="a")

    run = plant.run(silent)

    assert run.error is not None
    assert "has no playbook" in run.error.message
    assert "ERRAND_MODEL" in run.error.message


def test_a_model_that_is_away_parks_the_run_until_a_later_try(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def impatient(*args: Any, **kwargs: Any) -> LoadedModel:  # noqa: ANN401 - passed on
        return replace(load_model(*args, **kwargs), pauses=())

    monkeypatch.setattr(agents, "load_model", impatient)
    failures: list[str] = []

    def patient(event: dict[str, Any], context: DurableContext) -> str:
        def throttled(conversation: Conversation) -> Turn:
            if conversation.turn == 1 and len(failures) < 2:
                failures.append("slow down")
                raise ModelThrottledException(failures[-1])
            return adds(conversation)

        return run_agent(context, name="teller", build=build, prompt="a", playbook=throttled)

    first = plant.run(patient)

    assert first.status is Status.WAITING
    assert first.wake_at is not None
    assert first.wake_at - plant.clock() == timedelta(seconds=agents.RETRY_SECONDS[0])
    assert plant.run(patient).status is Status.WAITING
    last = plant.run(patient)
    assert last.result == "The sum is 3."
    # The tool and the call before the throttled one were kept from the first try.
    assert plant.count(EventType.TOOL_CALLED) == 1
    assert plant.count(EventType.MODEL_CALLED) == 2


def test_agents_run_in_parallel_branches(plant: Plant) -> None:
    both = threading.Barrier(2, timeout=10)

    def mapped(event: dict[str, Any], context: DurableContext) -> list[str]:
        def branch(child: DurableContext, topic: str, index: int, _: object) -> str:
            def meets(conversation: Conversation) -> Turn:
                if conversation.turn == 0:
                    both.wait()
                return adds(conversation)

            return run_agent(
                child, name=f"branch-{index}", build=build, prompt=topic, playbook=meets
            )

        return list(context.map(["one", "two"], branch, name="topics").get_results())

    run = plant.run(mapped)

    assert run.result == ["The sum is 3.", "The sum is 3."]
    assert run.usage.model_calls == 4


@pytest.mark.parametrize("name", ["", "two words", "x" * 33, "-dash", "ä"])
def test_a_name_that_can_not_be_part_of_an_id_is_refused(plant: Plant, name: str) -> None:
    def named(event: dict[str, Any], context: DurableContext) -> str:
        return run_agent(context, name=name, build=build, prompt="a", playbook=adds)

    run = plant.run(named)

    assert run.error is not None
    assert f"agent name is {name!r}, expected 1 to 32" in run.error.message


@pytest.mark.parametrize(
    ("error", "tries", "delay"),
    [
        (ModelUnavailableError("a", model="m", why="away"), 1, 30),
        (JournalUnavailableError("away"), 4, 240),
        (ModelUnavailableError("a", model="m", why="away"), 5, None),
        (RefusedError("a", stop_reason="refusal"), 1, None),
        (ValueError("a bug"), 1, None),
    ],
)
def test_a_turn_is_tried_again_only_if_that_may_help(
    error: Exception, tries: int, delay: int | None
) -> None:
    decision = retry_if_it_helps(error, tries)

    assert decision.should_retry is (delay is not None)
    assert delay is None or decision.delay_seconds == delay
