"""Runs that ended are taken up again, and forked, with the command."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runs.again import Retry
from runs.artifacts.folder import FolderStore
from runs.budget import Budget
from runs.events import EventType
from runs.ids import new_session_id
from runs.journal.sqlite import SqliteJournal
from runs.lifecycle import Ending
from runs.run import Run, Status
from tests.support.again_runs import ended, failed, step
from tests.support.cli import errand
from tests.support.stack import LocalStack

#: Runs the command, and kills it when it begins its n-th transaction.
KILLED = """
import os, signal, sys
from contextlib import contextmanager
from runs.journal.sqlite import SqliteJournal
left = int(sys.argv.pop(1))
writing = SqliteJournal._writing
def dying(journal, **named):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return writing(journal, **named)
SqliteJournal._writing = dying
from cli.__main__ import main
main()
"""

DONE = [
    step(1, name="load", payload='"x"'),
    step(2, name="check"),
    step(3, name="check"),
    failed(4, name="print"),
]


class Place:
    """A journal in a file that nobody works on, and the command on it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.db"
        self.folder = folder
        self.journal = SqliteJournal(self.path, artifacts=FolderStore(folder / "artifacts"))

    @property
    def environ(self) -> dict[str, str]:
        return {**os.environ, "ERRAND_HOME": str(self.folder), "COLUMNS": "120"}

    def errand(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return errand(*arguments, "--journal", f"sqlite:{self.path}", environ=self.environ)

    def killed_at(self, write: int, *arguments: str) -> int:
        command = [sys.executable, "-c", KILLED, str(write), *arguments]
        done = subprocess.run(  # noqa: S603 - this interpreter
            [*command, "--journal", f"sqlite:{self.path}"],
            env=self.environ,
            capture_output=True,
            check=False,
        )
        return done.returncode

    def a_run(self, **changes: Any) -> Run:  # noqa: ANN401 - any field of a run
        # The command's clock is the real one.
        now = datetime.now(UTC)
        return ended(
            self.journal, *DONE, at=now, **{"deadline_at": now + timedelta(hours=1), **changes}
        )

    def names(self, session_id: str) -> list[str | None]:
        return [operation.name for operation in self.journal.operations(session_id)]

    def head(self, session_id: str) -> Run:
        run = self.journal.get(session_id)
        assert run is not None
        return run


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.journal.close()


def test_a_retry_queues_the_run_and_tells_its_id(place: Place) -> None:
    run = place.a_run()

    done = place.errand("retry", "last", "--detach", "--deadline-seconds", "60")

    again = place.head(run.session_id)
    assert (done.returncode, done.stdout.strip()) == (0, run.session_id)
    assert "`errand watch" in done.stderr
    assert (again.status, again.retries) == (Status.QUEUED, 1)
    assert again.retried_at is not None
    assert again.deadline_at - again.retried_at == timedelta(seconds=60)
    assert place.names(run.session_id) == ["load", "check", "check"]


def test_a_retry_can_begin_at_a_step(place: Place) -> None:
    run = place.a_run()

    done = place.errand("retry", run.session_id, "--from", "load", "-d", "--json")

    assert json.loads(done.stdout) == {"session_id": run.session_id}
    assert place.names(run.session_id) == []


def test_a_fork_is_a_run_of_its_own(place: Place) -> None:
    run = place.a_run()

    done = place.errand(
        "fork", run.session_id, "--at", "print", "-d", "--prompt", "Other", "--edit", 'load={"a":1}'
    )

    made = place.head(done.stdout.strip())
    assert made.forked_from is not None
    assert made.forked_from.edited == ("prompt", "load")
    assert made.prompt == "Other"
    assert place.names(made.session_id) == ["load", "check", "check"]
    assert place.head(run.session_id).status is Status.FAILED


def test_show_tells_what_a_fork_goes_on_from(place: Place) -> None:
    run = place.a_run()
    made = place.errand("fork", run.session_id, "--at", "print", "-d").stdout.strip()

    shown = place.errand("show", made).stdout

    assert f"from {run.session_id} at print" in shown
    assert shown.count("✓ check") + shown.count("+ check") == 2


def test_show_leaves_out_the_steps_a_retry_took_away(place: Place) -> None:
    run = place.a_run()
    place.errand("retry", run.session_id, "-d")

    shown = json.loads(place.errand("show", run.session_id, "--json").stdout)

    assert shown["retries"] == 1
    assert [operation["Name"] for operation in shown["operations"]] == ["load", "check", "check"]
    assert "print" not in place.errand("show", run.session_id).stdout.partition("Timeline")[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("retry", "--from", "prnt"), "has no step 'prnt'; it has: load, check, print"),
        (("retry", "--from", "check"), "'check' is 2 steps of run"),
        (("retry", "--max-tokens", "0"), "--max-tokens: is 0, expected 1 to"),
        (("fork", "--at", "nope"), "has no step 'nope'"),
        (("fork", "--at", "print", "--edit", "load"), "--edit is 'load', expected KEY=VALUE"),
        (("fork", "--at", "print", "--edit", "load={"), "load: is not JSON"),
        (("fork", "--at", "print", "--edit", "a=1", "--edit", "a=2"), "'a' is edited twice"),
        (("fork", "--at", "print", "--prompt", " "), "--prompt: is empty, expected a text"),
        (("fork", "--at", "print", "--session-id", "short"), "--session-id: has 5 characters"),
        (("fork", "--at", "load", "--edit", "print=1"), "print: is done anew, as it comes with or"),
    ],
)
def test_what_can_t_be_done_is_said_and_nothing_is(
    place: Place, arguments: tuple[str, ...], message: str
) -> None:
    run = place.head(place.a_run().session_id)
    command, *options = arguments

    done = place.errand(command, run.session_id, *options)

    assert done.returncode == 2
    assert message in done.stderr
    assert place.head(run.session_id) == run


def test_a_run_that_completed_is_to_be_forked(place: Place) -> None:
    run = ended(place.journal, step(1, name="load"), ending=Ending(status=Status.COMPLETED))

    done = place.errand("retry", run.session_id)

    assert done.returncode == 2
    assert f"`errand fork {run.session_id} --at STEP` makes a new run of it" in done.stderr


def test_a_retry_killed_at_any_write_is_finished_by_the_same_command(place: Place) -> None:
    killed = 0
    for write in range(10):
        run = place.a_run()
        code = place.killed_at(write, "retry", run.session_id, "--from", "load", "-d")
        if code == 0:
            break
        killed += 1
        assert code == -signal.SIGKILL
        assert place.head(run.session_id).status is Status.FAILED
        assert place.errand("retry", run.session_id, "--from", "load", "-d").returncode == 0
        assert place.head(run.session_id).retries == 1
        assert place.names(run.session_id) == []

    # The plan, what goes, and the head.
    assert killed == 3


def test_a_fork_killed_at_its_write_is_made_by_the_same_command(place: Place) -> None:
    run = place.a_run()
    given = ("fork", run.session_id, "--at", "print", "-d", "--session-id", new_session_id())

    code = place.killed_at(0, *given)
    made = place.errand(*given)
    again = place.errand(*given)

    assert code == -signal.SIGKILL
    assert made.stdout == again.stdout
    assert place.names(made.stdout.strip()) == ["load", "check", "check"]


def test_a_run_on_the_stack_is_retried_with_more_and_forked(stack: LocalStack) -> None:
    first = errand("run", "--max-tokens", "3000", "--json", environ=stack.environ)
    run = json.loads(first.stdout)
    short = errand("retry", run["session_id"], environ=stack.environ)

    second = errand(
        "retry", run["session_id"], "--max-tokens", "9000000", "--json", environ=stack.environ
    )
    fork = errand("fork", run["session_id"], "--at", "report", "--json", environ=stack.environ)

    told = [each.event for each in stack.journal.events(run["session_id"])]
    loads = [each for each in told if each.type is EventType.STEP_STARTED and each.name == "load"]
    assert (first.returncode, run["error"]["type"]) == (1, "BudgetExceeded")
    assert (short.returncode, "give it a higher max_tokens" in short.stderr) == (2, True)
    assert second.returncode == 0, second.stderr
    assert len(loads) == 1
    assert fork.returncode == 0, fork.stderr
    made = json.loads(fork.stdout)
    assert made["forked_from"]["session_id"] == run["session_id"]
    assert made["usage"]["model_calls"] == 0
    assert made["result"]["headline"] == json.loads(second.stdout)["result"]["headline"]


def test_a_retry_whose_watcher_was_never_begun_is_healed(stack: LocalStack) -> None:
    sent = errand("run", "--max-tokens", "3000", "--json", environ=stack.environ)
    session_id = json.loads(sent.stdout)["session_id"]
    # As a command does that dies before it has the run watched.
    more = Budget(max_tokens=9_000_000)
    stack.journal.retry(session_id, Retry(by="test", budget=more), now=datetime.now(UTC))

    done = errand("retry", session_id, "--json", environ=stack.environ)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["retries"] == 1
