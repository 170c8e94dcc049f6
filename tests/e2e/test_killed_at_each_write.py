"""Runs whose worker is killed by SIGKILL before and after each journal write."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from runs.artifacts.folder import FolderStore
from runs.events import EventType
from runs.journal.sqlite import SqliteJournal
from runs.json_types import Json
from runs.run import Status
from tests.support.cost import PROJECT, SAMPLE, SESSION_ID
from tests.support.research import write

#: Workers in parallel, as many as the smallest machine has cores.
_LANES = 2


@dataclass(frozen=True, slots=True)
class Trace:
    """What a run left behind, as far as being killed must not change it."""

    status: Status
    result: Json
    files: dict[str, str]
    finished_steps: dict[str | None, int]
    model_calls: int
    #: Tool calls that returned; a call the worker died in was not one of them.
    returned_tools: int


def _trace(folder: Path) -> tuple[Trace, int]:
    """Read what a run left, and at which attempt."""
    journal = SqliteJournal(folder / "journal.db", artifacts=FolderStore(folder / "artifacts"))
    try:
        run = journal.get(SESSION_ID)
        assert run is not None
        events = [recorded.event for recorded in journal.events(SESSION_ID)]
    finally:
        journal.close()
    kinds = Counter(event.type for event in events)
    steps = Counter(event.name for event in events if event.type is EventType.STEP_SUCCEEDED)
    trace = Trace(
        status=run.status,
        result=run.result,
        files={artifact.name: artifact.sha256 for artifact in run.artifacts},
        finished_steps=dict(steps),
        model_calls=kinds[EventType.MODEL_CALLED],
        returned_tools=kinds[EventType.TOOL_RETURNED],
    )
    return trace, run.attempt


def _differences(folder: Path, undisturbed: Trace) -> dict[str, tuple[object, object]]:
    found, _ = _trace(folder)
    pairs = {
        field.name: (getattr(undisturbed, field.name), getattr(found, field.name))
        for field in fields(Trace)
    }
    return {name: (wanted, got) for name, (wanted, got) in pairs.items() if wanted != got}


def _lives(
    workflow: str, folder: Path, given: Path, points: Sequence[str]
) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - this interpreter, our own module
        [
            *(sys.executable, "-m", "tests.support.killing"),
            *(workflow, str(folder), str(given), *points),
        ],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )


def _told(process: subprocess.Popen[str]) -> Iterator[tuple[str, int]]:
    output, _ = process.communicate()
    assert process.returncode == 0
    for line in output.splitlines():
        told = json.loads(line)
        yield told["point"], told["died_of"]


@pytest.fixture
def given(workflow: str, tmp_path: Path) -> Path:
    # Two topics at once are enough to get in each other's way, and soon done.
    return SAMPLE if workflow == "cost-analysis" else write(tmp_path)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("workflow", ["cost-analysis", "research-report"])
def test_a_run_killed_at_any_write_ends_as_if_it_had_not_been(
    workflow: str, given: Path, tmp_path: Path
) -> None:
    assert list(_told(_lives(workflow, tmp_path, given, ["0-before"]))) == [("0-before", 0)]
    undisturbed, _ = _trace(tmp_path / "0-before")
    writes = json.loads((tmp_path / "0-before" / "writes.json").read_text())
    points = [f"{write}-{when}" for write in range(1, writes + 1) for when in ("before", "after")]

    lanes = [_lives(workflow, tmp_path, given, points[lane::_LANES]) for lane in range(_LANES)]
    deaths = dict(told for lane in lanes for told in _told(lane))

    assert undisturbed.status is Status.COMPLETED
    assert undisturbed.model_calls > 1
    differences = {point: _differences(tmp_path / point, undisturbed) for point in points}
    differences = {point: found for point, found in differences.items() if found}
    assert differences == {}
    # Parallel tools share writes now and then, so a run may be a write or two shorter.
    survivors = [point for point in points if deaths[point] == 0]
    assert all(int(point.split("-")[0]) > writes * 0.9 for point in survivors), survivors
    # It was recovered, and not merely finished by a first worker that was not killed.
    assert sum(_trace(tmp_path / point)[1] == 2 for point in points) > writes
