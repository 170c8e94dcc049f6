"""The agent process starts in every way its users start it, or says what is wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runs.run import Status
from tests.support.agent_server import ROOT, AgentServer, clean_environ

_PATHS = """
import importlib.util, os, sys
sys.path.insert(0, os.path.abspath("agent"))
import main
print(main.app is not None, importlib.util.find_spec("config"))
"""


@pytest.mark.parametrize("command", [("-m", "agent"), ("-m", "agent.main"), ("agent/main.py",)])
def test_the_process_starts_as_a_package_a_module_and_a_file(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    with AgentServer(tmp_path, command=command) as server:
        assert server.ping() == "Healthy"


def test_a_prompt_to_the_shipped_server_gives_a_failure_a_person_understands(
    tmp_path: Path,
) -> None:
    with AgentServer(tmp_path, command=("-m", "agent")) as server:
        payload = {"prompt": "analyse", "input": str(tmp_path / "missing.csv"), "session_id": "a"}
        _, answer = server.invoke(payload)
        run = server.wait_for_end("a")

    assert answer["status"] == "STARTED"
    assert run.status is Status.FAILED
    assert run.error is not None
    assert "missing.csv" in run.error.message


def test_loaded_as_a_top_level_module_it_hides_its_folder(tmp_path: Path) -> None:
    found = run_python("-c", _PATHS, folder=tmp_path)

    assert (found.returncode, found.stdout.split()) == (0, ["True", "None"]), found.stderr


def test_a_wrong_setting_ends_the_start_with_a_sentence(tmp_path: Path) -> None:
    ended = run_python("-m", "agent", folder=tmp_path, ERRAND_JOURNAL="postgres:x")

    assert ended.returncode == 2
    assert ended.stderr == (
        "errand agent: ERRAND_JOURNAL is 'postgres:x', "
        "expected 'sqlite:<path>' or 'dynamodb:<table>'\n"
    )


def test_a_file_that_is_no_journal_ends_the_start_with_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "notes.db"
    file.write_bytes(b"this is not a database, whatever its name says" * 100)

    ended = run_python("-m", "agent", folder=tmp_path, ERRAND_JOURNAL=f"sqlite:{file}")

    assert ended.returncode == 2
    assert "notes.db" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_cloud_journal_without_a_region_ends_the_start_with_a_sentence(tmp_path: Path) -> None:
    ended = run_python("-m", "agent", folder=tmp_path, ERRAND_JOURNAL="dynamodb:runs")

    assert (ended.returncode, ended.stderr) == (2, "errand agent: You must specify a region.\n")


def run_python(*command: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    nowhere = str(folder / "none")
    no_aws = {"AWS_CONFIG_FILE": nowhere, "AWS_SHARED_CREDENTIALS_FILE": nowhere}
    own = {"ERRAND_JOURNAL": f"sqlite:{folder / 'journal.db'}", "ERRAND_ARTIFACTS": str(folder)}
    return subprocess.run(  # noqa: S603 - this interpreter, our own module
        [sys.executable, *command],
        cwd=ROOT,
        env=clean_environ(os.environ) | no_aws | own | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
