"""A run that is paused: what is begun comes to its end, then nothing is, until it is resumed."""

import threading
from pathlib import Path

import pytest
from aws_durable_execution_sdk_python import DurableContext
from aws_durable_execution_sdk_python.config import Duration
from strands import tool

from agent.agents import run_agent
from agent.attempt import StopReason
from agent.heartbeat import Heartbeat
from agent.models.conversation import Conversation, ToolCall, Turn
from runs.errors import ClaimLostError
from runs.events import EventType
from runs.run import Pause, Run, Status
from runs.told import Tell
from tests.support.agents import SESSION_ID, built_with
from tests.support.plant import Plant


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path)


def pause(plant: Plant, reason: str = "") -> Run:
    """Pause the run as the invoker does: in the journal, and then by asking its worker."""
    now = plant.clock()
    run = plant.journal.pause(SESSION_ID, Pause(by="ada", reason=reason, at=now), now=now)
    job = plant.jobs.find(SESSION_ID)
    if run.status is Status.BUSY and job is not None:
        job.request_stop(StopReason.PAUSED, "it is to be paused")
    return run


def resume(plant: Plant) -> Run:
    return plant.journal.resume(SESSION_ID, now=plant.clock(), by="ada")


def test_a_model_call_in_flight_is_finished_and_paid_for_once(plant: Plant) -> None:
    calls: list[int] = []

    def pausing(conversation: Conversation) -> Turn:
        calls.append(conversation.turn)
        if conversation.turn == 0:
            pause(plant)
            return Turn(calls=[ToolCall("count", {"what": "ab"})])
        return Turn("done")

    def workflow(_: object, context: DurableContext) -> object:
        return run_agent(
            context, name="clerk", build=built_with(count), prompt="go", playbook=pausing
        )

    parked = plant.run(workflow)
    resume(plant)
    ended = plant.run(workflow)

    assert parked.status is Status.WAITING
    assert (parked.waiting_for, parked.wake_at) == ("paused by ada", None)
    assert (ended.status, ended.result) == (Status.COMPLETED, "done")
    # The tool of the answer that came still ran; no call was made twice.
    assert calls == [0, 1]
    assert plant.count(EventType.TOOL_CALLED) == 1
    assert ended.usage.model_calls == 2


def test_a_step_that_is_begun_is_finished_and_the_next_is_not_begun(plant: Plant) -> None:
    done: list[str] = []

    def first(_: object) -> str:
        pause(plant)
        done.append("first")
        return "first"

    def second(_: object) -> str:
        done.append("second")
        return "second"

    def workflow(_: object, context: DurableContext) -> object:
        return [context.step(first, name="first"), context.step(second, name="second")]

    parked = plant.run(workflow)
    before = list(done)
    resume(plant)
    ended = plant.run(workflow)

    assert (parked.status, before) == (Status.WAITING, ["first"])
    assert plant.steps()["first"] == "SUCCEEDED"
    assert ended.result == ["first", "second"]
    assert done == ["first", "second"]


def test_branches_at_work_come_to_their_edges_before_the_run_is_left(plant: Plant) -> None:
    """The quick branch leaves at its edge while the slow one's call is still in flight."""
    calls: list[str] = []
    is_called, has_left = threading.Event(), threading.Event()

    def quick(conversation: Conversation) -> Turn:
        calls.append(f"quick {conversation.turn}")
        if conversation.turn:
            return Turn("quick")
        # Before that the other branch would not begin its call at all.
        assert is_called.wait(10)
        pause(plant)
        has_left.set()
        return Turn(calls=[ToolCall("count", {"what": "ab"})])

    def slow(conversation: Conversation) -> Turn:
        calls.append(f"slow {conversation.turn}")
        is_called.set()
        assert has_left.wait(10)
        if conversation.turn:
            return Turn("slow")
        return Turn(calls=[ToolCall("count", {"what": "abc"})])

    def workflow(_: object, context: DurableContext) -> object:
        playbooks = {"quick": quick, "slow": slow}

        def branch(child: DurableContext, name: str, _: int, __: object) -> str:
            book = playbooks[name]
            return run_agent(child, name=name, build=built_with(count), prompt="go", playbook=book)

        return context.map(["quick", "slow"], branch, name="both").get_results()

    parked = plant.run(workflow)
    made = sorted(calls)
    resume(plant)
    ended = plant.run(workflow)

    assert parked.status is Status.WAITING
    assert made == ["quick 0", "slow 0"]
    assert ended.result == ["quick", "slow"]
    assert sorted(calls) == ["quick 0", "quick 1", "slow 0", "slow 1"]


def test_a_timer_that_comes_due_wakes_no_paused_run(plant: Plant) -> None:
    def workflow(_: object, context: DurableContext) -> object:
        context.wait(Duration.from_seconds(3600), name="an hour")
        return "later"

    plant.run(workflow)
    pause(plant, reason="the budget is reviewed")
    plant.clock.advance(7200)
    is_due = plant.head().is_due(plant.clock())
    words = plant.head().waiting_for
    resumed = resume(plant)

    assert not is_due
    assert words == "paused by ada: the budget is reviewed"
    assert resumed.is_due(plant.clock())
    assert plant.run(workflow).result == "later"


def test_a_paused_run_is_nobodys_to_claim(plant: Plant) -> None:
    def workflow(_: object, context: DurableContext) -> None:
        context.wait(Duration.from_seconds(3600), name="an hour")

    plant.run(workflow)
    pause(plant)
    plant.run(workflow)

    assert plant.head().attempt == 1
    with pytest.raises(ClaimLostError, match="it is paused by ada"):
        plant.journal.claim(SESSION_ID, owner="x", token="y", now=plant.clock(), lease_seconds=60)


def test_a_run_that_is_resumed_before_its_worker_left_is_handed_back(plant: Plant) -> None:
    def first(_: object) -> str:
        pause(plant)
        resume(plant)
        return "first"

    def workflow(_: object, context: DurableContext) -> object:
        return [context.step(first, name="first"), context.step(lambda _: "b", name="second")]

    left = plant.run(workflow)

    assert (left.status, left.pause) == (Status.QUEUED, None)
    assert left.is_due(plant.clock())
    assert plant.run(workflow).result == ["first", "b"]


def test_a_result_that_is_there_when_a_pause_is_asked_for_counts(plant: Plant) -> None:
    def last(_: object) -> str:
        pause(plant)
        return "done"

    def workflow(_: object, context: DurableContext) -> object:
        return context.step(last, name="last")

    ended = plant.run(workflow)

    assert (ended.status, ended.result, ended.pause) == (Status.COMPLETED, "done", None)


def test_the_heartbeat_hears_of_a_pause(plant: Plant) -> None:
    """Where nobody can ask the worker: the agent of an embedded journal."""
    seen: list[tuple[bool, bool]] = []

    def first(_: object) -> str:
        now = plant.clock()
        plant.journal.pause(SESSION_ID, Pause(by="ada", at=now), now=now)
        job = plant.jobs.find(SESSION_ID)
        assert job is not None
        assert job.attempt is not None
        Heartbeat(job.attempt).beat()
        seen.append((job.attempt.leaving.is_set(), job.attempt.stop.is_set()))
        return "first"

    def workflow(_: object, context: DurableContext) -> object:
        return [context.step(first, name="first"), context.step(lambda _: "b", name="second")]

    parked = plant.run(workflow)

    assert seen == [(True, False)]
    assert parked.status is Status.WAITING


def test_a_cancellation_takes_the_place_of_a_pause(plant: Plant) -> None:
    def first(_: object) -> str:
        pause(plant)
        plant.journal.cancel(SESSION_ID, now=plant.clock(), reason="enough")
        job = plant.jobs.find(SESSION_ID)
        assert job is not None
        job.request_stop(StopReason.CANCELLED, "enough")
        return "first"

    def workflow(_: object, context: DurableContext) -> object:
        return [context.step(first, name="first"), context.step(lambda _: "b", name="second")]

    ended = plant.run(workflow)

    assert (ended.status, ended.pause) == (Status.CANCELLED, None)


def test_a_paused_run_keeps_what_it_was_told_until_it_goes_on(plant: Plant) -> None:
    def heeding(conversation: Conversation) -> Turn:
        if conversation.turn == 0:
            pause(plant)
            return Turn(calls=[ToolCall("count", {"what": "ab"})])
        last = conversation.messages[-1]["content"][-1]
        return Turn(f"heard {last.get('text')}")

    def workflow(_: object, context: DurableContext) -> object:
        return run_agent(
            context, name="clerk", build=built_with(count), prompt="go", playbook=heeding
        )

    plant.run(workflow)
    now = plant.clock()
    plant.journal.tell(
        SESSION_ID, Tell(tell_id="1", text="in euros", by="ada", told_at=now), now=now
    )
    woken = plant.head().is_due(now)
    resume(plant)

    assert not woken
    assert plant.run(workflow).result == "heard in euros"


@tool
def count(what: str) -> int:
    """Count.

    Args:
        what: What to count.
    """
    return len(what)
