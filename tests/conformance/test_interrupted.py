"""A worker that dies in a step is replaced, and the step goes on as its semantics say."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from runs.history import WORKER_LOST
from tests.conformance.interrupted import REQUIREMENTS, TRIES
from tests.support.agent_server import ROOT
from tests.support.conformance import (
    ENDS,
    LeapingClock,
    Requirement,
    carry_on,
    differences,
    engine_on,
    workflow_of,
)
from tests.support.workflows import noted


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_a_requirement_is_kept_though_its_worker_died(
    requirement: Requirement, tmp_path: Path
) -> None:
    clock, notes = LeapingClock(), tmp_path / "notes.txt"
    engine = engine_on(tmp_path, clock=clock)
    engine.registry = workflow_of(requirement)
    engine.accept("tested", json.dumps(str(notes)))
    command = [sys.executable, "-m", "tests.support.dying", str(tmp_path), requirement.number]
    died = subprocess.run(command, cwd=ROOT, check=False, timeout=60)  # noqa: S603 - our own module

    clock.leapt += timedelta(seconds=engine.limits.lease_seconds)
    run = carry_on(engine, [], ends=requirement.ends)

    assert died.returncode == 1
    history = engine.journal.history("run-1")
    assert differences(requirement.history or "", history, ends=requirement.ends) == []
    assert (ENDS[run.status], run.attempt > 1) == (requirement.ends, True)
    assert run.result == (requirement.result if requirement.ends == "SUCCEEDED" else None)
    assert noted(notes) == TRIES[requirement.number]
    lost = next(event for event in history if event["EventType"] == "InvocationCompleted")
    assert lost["InvocationCompletedDetails"]["Error"]["Payload"]["ErrorType"] == WORKER_LOST  # type: ignore[index,call-overload]
