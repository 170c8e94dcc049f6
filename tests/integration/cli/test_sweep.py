"""`errand sweep`, on the local stack and on the journal in a file."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runs.artifacts.folder import FolderStore
from runs.journal.sqlite import SqliteJournal
from runs.run import Run, Status
from tests.support.cli import errand
from tests.support.journals import accept
from tests.support.stack import LocalStack


@pytest.fixture
def environ(tmp_path: Path) -> Mapping[str, str]:
    return {**os.environ, "ERRAND_HOME": str(tmp_path)}


def late_run(folder: Path) -> Run:
    """Leave a run past its deadline in a journal whose process is gone."""
    journal = SqliteJournal(folder / "journal.db", artifacts=FolderStore(folder / "artifacts"))
    at = datetime.now(UTC) - timedelta(hours=2)
    run = accept(journal, created_at=at, updated_at=at, wake_at=at, deadline_at=at)
    journal.close()
    return run


def test_a_dry_run_says_what_would_be_done_and_ends_with_1(
    environ: Mapping[str, str], tmp_path: Path
) -> None:
    run = late_run(tmp_path)

    done = errand("sweep", "--dry-run", environ=environ)

    assert done.returncode == 1
    assert run.session_id in done.stdout
    assert "past its deadline for 2 h 00 min: it is to end as TIMED_OUT" in done.stdout
    assert done.stderr.strip().endswith("looked at 1 run; 1 not as it should be, 0 mended")


def test_a_sweep_of_a_file_ends_runs_past_their_deadline(
    environ: Mapping[str, str], tmp_path: Path
) -> None:
    run = late_run(tmp_path)

    done = errand("sweep", "--json", environ=environ)
    shown = errand("show", run.session_id, "--json", environ=environ)

    (found,) = json.loads(done.stdout)["found"]
    assert done.returncode == 0
    assert (found["problem"], found["mend"], found["is_mended"]) == ("overtime", "expire", True)
    assert json.loads(shown.stdout)["status"] == Status.TIMED_OUT


def test_without_anything_to_sweep_it_says_so(environ: Mapping[str, str]) -> None:
    done = errand("sweep", environ=environ)

    assert (done.returncode, done.stderr) == (
        4,
        "errand: the local stack is down; `errand up` starts it\n",
    )


def test_a_stack_that_is_up_is_swept_and_checked_part_by_part(stack: LocalStack) -> None:
    swept = errand("sweep", "--dry-run", "--json", environ=stack.environ)
    checked = errand("doctor", "--json", environ=stack.environ)

    said: dict[str, Any] = json.loads(swept.stdout)
    checks = {check["name"]: check for check in json.loads(checked.stdout)["checks"]}
    assert said["is_whole"]
    for name in ("deployment", "table", "state machine"):
        assert checks[name]["verdict"] == "fine", checks[name]
    assert {"functions", "deciders", "dead letters", "executions", "runs"} <= checks.keys()
    assert "alarms" not in checks
