"""The durable SDK does not wait where there is nothing to wait for."""

import pytest
from aws_durable_execution_sdk_python import state

from runs.run import Status
from tests.support.engine import Engine

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
