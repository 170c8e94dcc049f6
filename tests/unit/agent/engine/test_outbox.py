"""Whoever waits for a checkpoint sends it; what nobody waits for is sent all the same."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aws_durable_execution_sdk_python import DurableContext, StepContext, state

from agent.durable.outbox import Outbox
from runs.artifacts.folder import FolderStore
from runs.events import EventType
from runs.json_types import Json
from runs.run import Run, Status
from tests.support.conformance import LeapingClock, Requirement, engine_on, play
from tests.support.engine import Engine, FlakyJournal, wait_until

#: Longer than a test may take: who waits for that hangs.
_FOREVER = 3_600.0


@pytest.mark.timeout(30)
def test_a_step_goes_on_as_soon_as_it_is_recorded(
    still: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "_BLOCKED_CALLER_WAIT_SECONDS", _FOREVER)
    monkeypatch.setattr(state, "_STOP_SIGNAL_POLL_SECONDS", _FOREVER)
    slow = state.CheckpointBatcherConfig(max_batch_time_seconds=_FOREVER)
    monkeypatch.setattr(state, "CheckpointBatcherConfig", lambda: slow)

    run = still.execute("steps", "3")

    assert run.status is Status.COMPLETED


@pytest.mark.timeout(30)
def test_a_run_is_parked_as_soon_as_it_waits(
    still: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "_STOP_SIGNAL_POLL_SECONDS", _FOREVER)

    run = still.execute("waits", "60")

    assert run.status is Status.WAITING


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    journal = FlakyJournal(FolderStore(tmp_path / "artifacts"))
    yield engine_on(tmp_path, clock=LeapingClock(), journal=journal)
    journal.close()


def _play(work: Callable[[Json, DurableContext], object], engine: Engine) -> Run:
    return play(Requirement(number="", says="", work=work, history=None), engine)


def test_a_step_is_recorded_by_the_thread_that_waits_for_it(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Outbox, "send_what_nobody_waits_for", lambda _: None)

    run = _play(lambda _, context: [context.step(_number(n), name=f"s{n}") for n in (1, 2)], engine)

    assert (run.status, run.result) == (Status.COMPLETED, [1, 2])


def test_the_start_of_a_long_step_is_recorded_while_it_is_worked_on(engine: Engine) -> None:
    def long(_: StepContext) -> str:
        # As long as it takes: nothing of the step follows that could take its start along.
        wait_until(lambda: EventType.STEP_STARTED in _types(engine))
        return "done"

    run = _play(lambda _, context: context.step(long), engine)

    assert (run.status, run.result) == (Status.COMPLETED, "done")


def test_what_was_begun_is_in_the_history_of_an_invocation_that_ends(engine: Engine) -> None:
    run = _play(lambda _, context: context.step(_exits), engine)

    assert run.status is Status.FAILED
    assert EventType.STEP_STARTED in _types(engine)


def _number(number: int) -> Callable[[StepContext], int]:
    return lambda _: number


def _exits(_: StepContext) -> str:
    raise SystemExit


def _types(engine: Engine) -> set[EventType]:
    return {recorded.event.type for recorded in engine.journal.events("run-1")}
