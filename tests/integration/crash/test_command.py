"""`errand crash-test` and `errand record`, in processes of their own."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.cli import errand
from tests.support.cost import PROJECT
from tests.support.faulty import REGISTRY

pytestmark = pytest.mark.timeout(300)


def crash_test(
    *arguments: str, home: Path, seconds: float = 120
) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "ERRAND_HOME": str(home), "COLUMNS": "100"}
    # What is imported takes longer than what is tested: once is enough.
    lanes = () if "--jobs" in arguments else ("--jobs", "1")
    return errand("crash-test", *arguments, *lanes, environ=environ, cwd=PROJECT, seconds=seconds)


def test_a_workflow_of_ones_own_is_tested(tmp_path: Path) -> None:
    done = crash_test(
        "careful", "--registry", str(REGISTRY), "--points", "6", "--kills", "2", home=tmp_path
    )

    assert done.returncode == 0, done.stderr
    assert "careful on sqlite" in done.stdout
    assert "before a write" in done.stdout
    assert "runs ended as if nobody had killed them" in done.stdout
    assert "6 of 6 runs killed at a point" in done.stderr


def test_a_difference_is_told_with_the_command_that_repeats_it(tmp_path: Path) -> None:
    registry = str(REGISTRY)
    done = crash_test("step-twice", "--registry", registry, "--no-calls", home=tmp_path)

    repeat = next(line for line in done.stdout.splitlines() if line.startswith("  repeat: "))
    again = repeat.removeprefix("  repeat: errand crash-test ").split()
    repeated = crash_test(*again, "--json", home=tmp_path)

    assert (done.returncode, repeated.returncode) == (1, 1)
    assert again[:3] == ["step-twice", "--registry", registry]
    report = json.loads(repeated.stdout)
    assert [point["point"] for point in report["points"]] == again[-1:]
    assert report["points"][0]["differences"] == [
        {"path": "outside.told.txt[1]", "wanted": "(absent)", "got": "hello"}
    ]
    assert "StepSucceeded tells" in report["points"][0]["what"]


def test_the_report_is_json_too(tmp_path: Path) -> None:
    done = crash_test(
        "attempt", "--registry", str(REGISTRY), "--points", "2", "--json", home=tmp_path
    )

    report = json.loads(done.stdout)
    assert report.keys() == {
        *("workflow", "journal", "ok", "undisturbed", "rows", "points", "seed", "seconds")
    }
    assert report["undisturbed"]["status"] == "COMPLETED"
    assert report["points"][0].keys() == {
        *("point", "what", "ok", "kills", "differences", "repeated_calls", "in_doubt"),
        *("attempts", "seconds"),
    }


def test_callbacks_are_answered(tmp_path: Path) -> None:
    done = crash_test(
        *("sound", "--registry", str(REGISTRY), "--points", "1"),
        *("--answer", 'review="fine"', "--answer", '{"decision": "approved"}'),
        home=tmp_path,
    )

    assert done.returncode == 0, done.stderr


def test_a_recorded_run_is_tested_without_its_model(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    crash_test(
        *("careful", "--registry", str(REGISTRY), "--points", "0", "--keep", str(kept)),
        home=tmp_path,
    )
    # A home of which the run is the embedded journal's.
    home = kept / "undisturbed-1"
    environ = {**os.environ, "ERRAND_HOME": str(home)}
    recording = tmp_path / "answers.json"
    recorded = errand("record", "last", "-o", str(recording), "--json", environ=environ)
    by_file = crash_test(
        *("careful", "--registry", str(REGISTRY), "--points", "4"),
        *("--model", f"recorded:{recording}"),
        home=home,
    )
    by_run = crash_test(
        "--recording-from", "last", "--registry", str(REGISTRY), "--points", "4", home=home
    )

    assert json.loads(recorded.stdout)["answers"] == 2
    assert json.loads(recorded.stdout)["agents"] == ["user"]
    assert (by_file.returncode, by_run.returncode) == (0, 0), by_file.stderr + by_run.stderr
    assert "careful on sqlite" in by_run.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "which WORKFLOW? `errand crash-test WORKFLOW`, or --recording-from RUN"),
        (["nothing"], "workflow: is 'nothing', expected one of: cost-analysis"),
        (["cost-analysis", "--points", "some"], "--points is 'some', expected a number or 'all'"),
        (["cost-analysis", "--point", "17"], "--point is '17', expected such as 17-before"),
        (["cost-analysis", "--model", "gpt"], "--model is 'gpt', expected one of offline"),
        (
            ["cost-analysis", "--model", "offline", "--recording-from", "last"],
            "--model 'offline' and --recording-from name two models, expected one",
        ),
        (["cost-analysis", "--registry", "nowhere.toml"], "'nowhere.toml' does not exist"),
        (["cost-analysis", "--jobs", "0"], "Invalid value for '--jobs'"),
        (
            ["cost-analysis", "--keep", "."],
            "--keep is '.', which is there; expected a folder to be",
        ),
        (["cost-analysis", "--prompt", " "], "prompt: is empty, expected a text"),
    ],
)
def test_what_can_not_be_done_is_told(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = crash_test(*arguments, home=tmp_path)

    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())


def test_a_run_without_answers_is_not_recorded(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    crash_test(
        *("attempt", "--registry", str(REGISTRY), "--points", "0", "--keep", str(kept)),
        home=tmp_path,
    )
    environ = {**os.environ, "ERRAND_HOME": str(kept / "undisturbed-1")}

    done = errand("record", "last", "-o", str(tmp_path / "answers.json"), environ=environ)

    assert done.returncode == 2
    assert "has no answer of a model to record" in done.stderr
    assert not (tmp_path / "answers.json").exists()
