"""The processes that make a test's runs: what they can't import, and workers that hang."""

from pathlib import Path

import pytest

from crash import lanes
from crash.errors import LaneError, SubjectError
from crash.lanes import Answer
from crash.subject import Subject
from tests.support.faulty import REGISTRY

#: A workflow of somebody's own, in the folder they are in.
MODULE = """
from aws_durable_execution_sdk_python import durable_execution

@durable_execution
def handler(event, context):
    return context.step(lambda _: event["prompt"].upper(), name="shout")
"""


def subject(workflow: str, registry: Path = REGISTRY) -> Subject:
    return Subject(workflow=workflow, prompt="go", registry=registry)


def made(tested: Subject, folder: Path, *, seconds: float = 60) -> Answer:
    task = {"folder": str(folder / "run"), "endpoint": None, "seconds": seconds}
    with lanes.opened(tested, count=1, folder=folder) as opened:
        (answer,) = opened.do([task])
    return answer


def a_module(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    (folder / "shouting.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    registry = folder / "registry.toml"
    registry.write_text('shout = "shouting:handler"', encoding="utf-8")
    return registry


def test_what_can_be_imported_here_can_be_imported_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = a_module(tmp_path, MODULE, monkeypatch)

    answer = made(subject("shout", registry), tmp_path)

    assert (answer["crashed"], answer["kills"], answer["is_hung"]) == (0, 0, False)
    assert '"result": "GO"' in (tmp_path / "run" / "trace.json").read_text()


def test_a_workflow_that_can_not_be_imported_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = a_module(tmp_path, "import nothing_of_the_kind", monkeypatch)

    with pytest.raises(SubjectError, match=r"'shouting:handler' in .* can't be imported: No mod"):
        made(subject("shout", registry), tmp_path)


def test_a_process_that_ends_when_it_imports_the_workflow_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "import os\nos.write(2, b'no licence')\nos._exit(3)"
    registry = a_module(tmp_path, text, monkeypatch)

    with pytest.raises(LaneError, match="a lane of the crash test ended: no licence"):
        made(subject("shout", registry), tmp_path)


def test_a_worker_that_hangs_is_killed_and_told_from_one_that_was_to_die(tmp_path: Path) -> None:
    answer = made(subject("hangs"), tmp_path, seconds=1)

    assert (answer["is_hung"], answer["kills"]) == (True, 0)


def test_a_registry_that_is_no_toml_is_told(tmp_path: Path) -> None:
    registry = tmp_path / "registry.toml"
    registry.write_text("{", encoding="utf-8")

    with pytest.raises(SubjectError, match=r"the registry '.*' can't be read: .*at line 1"):
        made(subject("shout", registry), tmp_path)
