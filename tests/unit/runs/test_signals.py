import logging

import pytest

from runs.signals import NoSignal, Pulse, Signal
from runs.stepfunctions import StepFunctionsPulse, StepFunctionsSignal


class RecordingClient:
    """The state machine's side of a task token."""

    def __init__(self, *, has_ended: bool = False) -> None:
        self.sent: list[tuple[str, str]] = []
        self._has_ended = has_ended

    def send_task_success(self, *, taskToken: str, output: str) -> object:  # noqa: N803 - boto3's spelling
        """Take a token once."""
        if self._has_ended:
            msg = "TaskTimedOut"
            raise RuntimeError(msg)
        self.sent.append((taskToken, output))
        return {}


class BeatenClient:
    """The state machine's side of heartbeats."""

    def __init__(self, *, has_ended: bool = False) -> None:
        self.beaten: list[str] = []
        self._has_ended = has_ended

    def send_task_heartbeat(self, *, taskToken: str) -> object:  # noqa: N803 - boto3's spelling
        """Take a heartbeat."""
        if self._has_ended:
            msg = "TaskTimedOut"
            raise RuntimeError(msg)
        self.beaten.append(taskToken)
        return {}


def test_a_signal_ends_the_wait_of_its_token() -> None:
    client = RecordingClient()
    signal: Signal = StepFunctionsSignal(client)

    signal.send("token-1")

    assert client.sent == [("token-1", "{}")]


def test_a_signal_to_a_wait_that_has_ended_fails_nobody(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        StepFunctionsSignal(RecordingClient(has_ended=True)).send("token-1")

    assert [record.getMessage() for record in caplog.records] == ["signal not taken"]
    assert "token-1" not in caplog.text


def test_where_nobody_waits_a_signal_does_nothing() -> None:
    signal: Signal = NoSignal()

    signal.send("token-1")


def test_a_heartbeat_keeps_the_wait_of_its_token() -> None:
    client = BeatenClient()
    pulse: Pulse = StepFunctionsPulse(client)

    pulse.beat("token-1")

    assert client.beaten == ["token-1"]


def test_a_heartbeat_to_a_wait_that_has_ended_fails_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        StepFunctionsPulse(BeatenClient(has_ended=True)).beat("token-1")

    assert [record.getMessage() for record in caplog.records] == ["heartbeat not taken"]
    assert "token-1" not in caplog.text
