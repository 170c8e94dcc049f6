"""Workflows are named in a file, and imported when the process starts."""

from pathlib import Path

import pytest

from agent.errors import WorkflowImportError
from agent.registry import Registry
from agent.versions import version_of
from runs.errors import InvalidRequestError
from tests.support import workflows
from tests.support.workflows import REGISTRY, REGISTRY_FILE


def test_a_registry_file_gives_the_handlers_it_names() -> None:
    registry = Registry.load(REGISTRY_FILE)

    assert registry.names == REGISTRY.names
    assert callable(registry.handler("steps"))


def test_a_workflow_has_the_version_its_author_declares(tmp_path: Path) -> None:
    file = tmp_path / "registry.toml"
    line = 'mine = { handler = "tests.support.workflows:steps", version = "2.1" }'
    file.write_text(line, encoding="utf-8")

    assert Registry.load(file).versions == {"mine": "2.1"}


def test_a_workflow_whose_author_declares_none_has_that_of_its_sources() -> None:
    versions = Registry.load(REGISTRY_FILE).versions

    assert versions.keys() == REGISTRY.names
    assert versions["steps"] == version_of(workflows)


def test_an_unknown_workflow_is_answered_with_those_there_are() -> None:
    with pytest.raises(InvalidRequestError, match="expected one of: asks, catches, fails"):
        REGISTRY.handler("gone")


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ('"tests.support.workflows"', "expected 'package.module:attribute'"),
        ('"no.such.module:handler"', "can't be imported"),
        ('"tests.support.workflows:gone"', "has no function 'gone'"),
        ("7", "expected 'package.module:attribute'"),
        ('{ version = "2" }', "expected 'package.module:attribute'"),
        ('{ handler = "tests.support.workflows:steps", verson = "2" }', "which has verson"),
        ('{ handler = "tests.support.workflows:steps", version = 2 }', "whose version is 2"),
        ('{ handler = "tests.support.workflows:steps", version = "" }', "whose version is ''"),
    ],
)
def test_a_line_that_can_not_be_used_is_named(tmp_path: Path, target: str, why: str) -> None:
    file = tmp_path / "registry.toml"
    file.write_text(f"mine = {target}\n", encoding="utf-8")

    with pytest.raises(WorkflowImportError, match="workflow 'mine'") as refused:
        Registry.load(file)

    assert why in str(refused.value)
