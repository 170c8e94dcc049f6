"""Workflows are named in a file, and imported when the process starts."""

from pathlib import Path

import pytest

from agent.errors import WorkflowImportError
from agent.registry import Registry
from runs.errors import InvalidRequestError
from tests.support.workflows import REGISTRY, REGISTRY_FILE


def test_a_registry_file_gives_the_handlers_it_names() -> None:
    registry = Registry.load(REGISTRY_FILE)

    assert registry.names == REGISTRY.names
    assert callable(registry.handler("steps"))


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
    ],
)
def test_a_line_that_can_not_be_used_is_named(tmp_path: Path, target: str, why: str) -> None:
    file = tmp_path / "registry.toml"
    file.write_text(f"mine = {target}\n", encoding="utf-8")

    with pytest.raises(WorkflowImportError, match="workflow 'mine'") as refused:
        Registry.load(file)

    assert why in str(refused.value)
