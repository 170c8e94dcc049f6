"""A person waits for each start of the command: what one has no use for is not imported."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.home import Home
from local.processes import identify
from local.state import Phase, Ports, StackState, write_state
from runs.artifacts.folder import FolderStore
from runs.journal.sqlite import SqliteJournal
from tests.support.approvals import ask

#: Runs the command, and tells on the last line what was imported.
PROGRAM = """
import json, sys
from cli.app import app
try:
    app(prog_name="errand")
finally:
    print()
    print(json.dumps(sorted(sys.modules)))
"""
#: What takes long to import, and is of use to few commands.
HEAVY = {
    *("boto3", "s3transfer", "strands", "duckdb", "pandas", "bedrock_agentcore", "starlette"),
    *("uvicorn", "httpx", "aws_durable_execution_sdk_python", "concurrent.futures.process"),
    *("runs.letters", "local.supervisor", "cli.crash_command", "cli.stack_commands"),
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path / "home")


def imported(*arguments: str, home: Home) -> set[str]:
    """Run a command in a process of its own, and name the modules it imported."""
    return set(json.loads(run(PROGRAM, *arguments, home=home).stdout.splitlines()[-1]))


def run(program: str, *arguments: str, home: Home) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "ERRAND_HOME": str(home.root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def a_stack(home: Home) -> None:
    """Say that a stack is up, whose emulator does not answer."""
    me = identify(os.getpid())
    assert me is not None
    state = StackState(
        phase=Phase.UP,
        step="up",
        supervisor=me,
        emulator=me,
        ports=Ports(agent=1, agentcore=1, emulator=1),
        outputs={"TableName": "journal"},
    )
    write_state(home.state_file, state)


def test_a_command_is_not_interrupted_to_look_for_garbage(home: Home) -> None:
    program = """
import gc, sys
def tell(phase, found):
    if phase == "start" and len(gc.get_objects()) > 10_000:
        print("looked for garbage", file=sys.stderr)
from cli.__main__ import main
gc.collect()
gc.callbacks.append(tell)
main()
"""
    a_stack(home)

    done = run(program, "approvals", home=home)

    assert "the local stack could not be asked" in done.stderr
    assert "looked for garbage" not in done.stderr


def test_the_help_imports_no_command(home: Home) -> None:
    modules = imported("--help", home=home)

    assert not {each for each in modules if each.endswith(("_command", "_commands"))}
    assert not modules & {*HEAVY, "botocore", "pydantic", "sqlite3", "runs.journal.base"}


@pytest.mark.parametrize("command", [("approve", "last"), ("approvals",), ("list",)])
def test_a_command_on_the_local_stack_imports_its_own_things_only(
    home: Home, command: tuple[str, ...]
) -> None:
    a_stack(home)

    modules = imported(*command, home=home)

    assert "botocore.session" in modules
    assert not modules & {*HEAVY, "runs.journal.sqlite"}


def test_a_decision_in_a_file_needs_nothing_of_aws(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    journal = SqliteJournal(path, artifacts=FolderStore(tmp_path / "artifacts"))
    ask(journal)
    journal.close()

    modules = imported("approve", "last", "--journal", f"sqlite:{path}", home=home)

    assert "runs.journal.sqlite" in modules
    assert not modules & {*HEAVY, "botocore.session", "runs.journal.dynamodb"}
