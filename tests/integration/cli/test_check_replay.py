"""`errand check-replay` before a deployment, over the journal of an embedded agent."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.jobs import Jobs
from agent.models.select import ModelChoice, Provider
from agent.registry import Handler, Registry
from agent.runner import Limits, Runner
from agent.settling import Settler
from cli.app import app
from runs.artifacts.folder import FolderStore
from runs.journal.sqlite import SqliteJournal
from runs.run import Status
from runs.signals import NoSignal
from tests.support import versions as v
from tests.support.cli import errand
from tests.support.journals import a_run

PROJECT = Path(__file__).parents[3]
FLOW = """
from tests.support import versions as v

print("imported")
handler = v.stepped({names})
"""


class Shop:
    """A folder with a working tree, and a journal with runs that began under another version."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.artifacts = FolderStore(folder / "home" / "artifacts")
        self.journal = SqliteJournal(folder / "journal.db", artifacts=self.artifacts)
        registry = 'changing = { handler = "flow:handler", version = "2" }\n'
        (folder / "registry.toml").write_text(registry, encoding="utf-8")
        self.deploy("load")

    @property
    def environ(self) -> Mapping[str, str]:
        return {
            **os.environ,
            "ERRAND_HOME": str(self.folder / "home"),
            "ERRAND_MODEL": "offline",
            "PYTHONPATH": str(PROJECT),
        }

    def deploy(self, *names: str) -> None:
        """Have the working tree's workflow do these steps."""
        flow = FLOW.format(names=", ".join(map(repr, names)))
        (self.folder / "flow.py").write_text(flow, encoding="utf-8")

    def begin(self, handler: Handler, *, workflow: str = "changing") -> str:
        """Begin a run under version 1, until it asks."""
        now = datetime.now(UTC)
        times = {"wake_at": now, "created_at": now, "updated_at": now}
        run = a_run(workflow=workflow, deadline_at=now + timedelta(hours=1), **times)
        self.journal.accept(run)
        clock = lambda: datetime.now(UTC)  # noqa: E731 - an argument
        runner = Runner(
            journal=self.journal,
            artifacts=self.artifacts,
            registry=Registry({workflow: handler}, versions={workflow: "1"}),
            settler=Settler(journal=self.journal, signal=NoSignal()),
            limits=Limits(lease_seconds=60),
            model=ModelChoice(provider=Provider.OFFLINE),
            clock=clock,
        )
        job = Jobs(clock).begin(run.session_id)
        assert job is not None
        runner.run(job)
        parked = self.journal.get(run.session_id)
        assert parked is not None
        assert parked.status is Status.WAITING
        return run.session_id

    @property
    def where(self) -> tuple[str, str]:
        return ("--journal", f"sqlite:{self.folder / 'journal.db'}")

    def check(self, *arguments: str) -> tuple[int, str, str]:
        """Run the command in the working tree, in this process: importing agents takes seconds."""
        done = CliRunner().invoke(app, ["check-replay", *arguments, *self.where])
        return done.exit_code, done.stdout, done.stderr

    def check_outside(self, *arguments: str) -> tuple[int, str, str]:
        """Run it as people do."""
        done = errand(
            "check-replay", *arguments, *self.where, environ=self.environ, cwd=self.folder
        )
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    made = Shop(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("ERRAND_HOME", "ERRAND_MODEL"):
        monkeypatch.setenv(name, made.environ[name])
    yield made
    made.journal.close()
    sys.modules.pop("flow", None)


def test_runs_that_would_go_on_are_told_and_where_they_stand(shop: Shop) -> None:
    session_id = shop.begin(v.stepped("load"))

    code, said, _ = shop.check("--registry", "registry.toml")

    assert code == 0
    assert f"ok  {session_id}  changing, WAITING" in said
    assert "stands at callback 'approve'" in said


def test_a_run_that_would_not_go_on_is_told_with_the_first_difference(shop: Shop) -> None:
    fine, differing = shop.begin(v.stepped("fetch")), shop.begin(v.stepped("load"))
    shop.deploy("fetch")
    before = shop.journal.events(differing)

    code, said, aside = shop.check_outside("--registry", "registry.toml")

    assert code == 1
    assert f"ok  {fine}" in said
    assert f"differs  {differing}" in said
    assert "operation 1 is recorded as step 'load' (id " in said
    assert "the code, version 2, asks for step 'fetch' in its place" in said
    assert "1 run of 2 would not go on" in aside
    assert "Traceback" not in aside
    assert shop.journal.events(differing) == before


def test_json_has_the_difference_in_parts_and_nothing_else_on_stdout(shop: Shop) -> None:
    session_id = shop.begin(v.stepped("load"))
    shop.deploy("fetch")

    code, said, aside = shop.check_outside("--registry", "registry.toml", "--json")

    (found,) = json.loads(said)
    assert code == 1
    assert "imported" in aside
    assert (found["session_id"], found["workflow"]) == (session_id, "changing")
    assert (found["status"], found["verdict"]) == ("WAITING", "differs")
    assert (found["recorded_version"], found["version"]) == ("1", "2")
    assert found["difference"] | {"id": ""} == {
        "place": "operation 1",
        "id": "",
        "type": "STEP",
        "sub_type": "Step",
        "name": "load",
        "attempt": 1,
        "version": "1",
        "instead": "asks for step 'fetch' in its place",
    }


def test_a_run_is_named_by_its_id_also_a_finished_one(shop: Shop) -> None:
    session_id, other = shop.begin(v.stepped("load")), shop.begin(v.stepped("fetch"))
    shop.journal.cancel(session_id, now=datetime.now(UTC), reason="enough")

    code, said, _ = shop.check(session_id, "--registry", "registry.toml")

    assert code == 0
    assert f"{session_id}  changing, CANCELLED" in said
    assert other not in said


def test_only_runs_of_one_workflow(shop: Shop) -> None:
    ours = shop.begin(v.stepped("load"))
    theirs = shop.begin(v.stepped("load"), workflow="another")

    code, said, _ = shop.check("--registry", "registry.toml", "--workflow", "changing")
    all_of_them = shop.check("--registry", "registry.toml")

    assert (code, theirs in said, ours in said) == (0, False, True)
    assert all_of_them[0] == 1
    assert f"unchecked  {theirs}" in all_of_them[1]
    assert "'another', expected one of: changing" in all_of_them[1]


def test_a_journal_without_open_runs_is_fine(shop: Shop) -> None:
    code, said, aside = shop.check()
    as_json = shop.check("--json")

    assert (code, said) == (0, "")
    assert "no open run in the journal" in aside
    assert as_json[:2] == (0, "[]\n")


def test_a_workflow_without_open_runs_is_fine(shop: Shop) -> None:
    shop.begin(v.stepped("load"))

    code, _, aside = shop.check("--workflow", "nobodys")

    assert code == 0
    assert "no open run of workflow 'nobodys'" in aside


def test_an_unknown_id_is_refused(shop: Shop) -> None:
    code, _, aside = shop.check("0123456789")

    assert code == 2
    assert "no run '0123456789' in the journal" in aside


@pytest.mark.parametrize(
    ("registry", "why"),
    [
        ("changing = 'nowhere:handler'", "can't be imported"),
        ("changing = ", "can't be loaded: TOMLDecodeError"),
        ("changing = 'broken:handler'", "can't be loaded: SyntaxError"),
        (None, "can't be loaded: FileNotFoundError"),
    ],
)
def test_a_registry_that_can_not_be_loaded_is_refused(
    shop: Shop, registry: str | None, why: str
) -> None:
    shop.begin(v.stepped("load"))
    (shop.folder / "broken.py").write_text("def half(:\n", encoding="utf-8")
    if registry is not None:
        (shop.folder / "mine.toml").write_text(registry, encoding="utf-8")

    code, _, aside = shop.check("--registry", "mine.toml")

    assert code == 2
    assert why in aside


def test_the_workflows_that_ship_are_taken_without_a_registry(shop: Shop) -> None:
    shop.begin(v.stepped("load"), workflow="cost-analysis")

    code, said, _ = shop.check()

    assert code == 1
    # Lines break where the versions' lengths have it.
    words = " ".join(said.split())
    assert "operation 2 is recorded as callback 'approve'" in words
    assert "raises TypeError: " in words
