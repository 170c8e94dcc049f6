"""The stack's state file."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from local.errors import StackStateError
from local.processes import ProcessId, identify
from local.state import Phase, Ports, StackState, read_state, write_state

STATE = StackState(
    phase=Phase.UP,
    step="up",
    supervisor=ProcessId(4_000_000_000, "long ago"),
    ports=Ports(agent=8080, agentcore=8090, emulator=4566),
    agent=ProcessId(12, "then"),
    agent_restarts=2,
    stack_name="errand-local",
    outputs={"TableName": "journal"},
    model="offline",
)


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "stack.json"

    write_state(path, STATE)

    assert read_state(path) == STATE


def test_no_file_is_no_stack(tmp_path: Path) -> None:
    assert read_state(tmp_path / "stack.json") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 0}', '{"format": 1}'])
def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, text: str) -> None:
    path = tmp_path / "stack.json"
    path.write_text(text)

    with pytest.raises(StackStateError, match=r"stack\.json can't be read: .*errand down"):
        read_state(path)


def test_a_stack_whose_supervisor_is_gone_has_failed() -> None:
    seen = STATE.as_seen_now()

    assert seen.phase is Phase.FAILED
    assert seen.error is not None
    assert "supervisor (pid 4000000000) is gone" in seen.error


def test_a_stack_whose_supervisor_runs_is_as_it_says() -> None:
    me = identify(os.getpid())
    assert me is not None
    running = replace(STATE, supervisor=me)

    assert running.as_seen_now() == running


def test_a_reused_pid_is_not_taken_for_the_supervisor() -> None:
    reused = replace(STATE, supervisor=ProcessId(os.getpid(), "another time"))

    assert reused.as_seen_now().phase is Phase.FAILED


def test_a_failure_keeps_its_own_words() -> None:
    failed = replace(STATE, phase=Phase.FAILED, error="the AWS emulator ended")

    assert failed.as_seen_now() == failed
