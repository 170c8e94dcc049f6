"""A workflow's version is a digest of its own sources, and of nothing else."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from agent.versions import engine_version, version_of
from agent.workflows import cost_analysis, research_report

SOURCES = {
    "errands_of_mine/__init__.py": "",
    "errands_of_mine/flow.py": (
        "import json\n"
        "import errands_of_mine.plain\n"
        "from . import texts\n"
        "from .deep.tools import tool\n"
        "def handler():\n"
        "    from errands_of_mine import lazy\n"
    ),
    "errands_of_mine/texts.py": "TEXT = 'a'\n",
    "errands_of_mine/plain.py": "PLAIN = 'a'\n",
    "errands_of_mine/lazy.py": "LAZY = 'a'\n",
    "errands_of_mine/other.py": "OTHER = 'a'\n",
    "errands_of_mine/deep/__init__.py": "from ..under import UNDER\n",
    "errands_of_mine/deep/tools.py": "tool = 'a'\n",
    "errands_of_mine/under.py": "UNDER = 'a'\n",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, source in SOURCES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("errands_of_mine")]:
        del sys.modules[name]


@pytest.fixture
def flow(root: Path) -> ModuleType:
    return importlib.import_module("errands_of_mine.flow")


@pytest.mark.parametrize("name", ["flow", "texts", "plain", "lazy", "under", "deep/tools"])
def test_a_change_of_a_module_that_the_workflow_imports_is_another_version(
    root: Path, flow: ModuleType, name: str
) -> None:
    before = version_of(flow)

    with (root / f"errands_of_mine/{name}.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")

    assert version_of(flow) != before


def test_a_change_of_a_module_it_does_not_import_is_none(root: Path, flow: ModuleType) -> None:
    before = version_of(flow)

    (root / "errands_of_mine/other.py").write_text("OTHER = 'b'\n", encoding="utf-8")

    assert version_of(flow) == before


def test_the_same_sources_elsewhere_are_the_same_version(
    root: Path, flow: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = version_of(flow)
    elsewhere = root / "elsewhere"
    elsewhere.mkdir()
    (root / "errands_of_mine").rename(elsewhere / "errands_of_mine")

    monkeypatch.setattr(flow, "__file__", str(elsewhere / "errands_of_mine/flow.py"))

    assert version_of(flow) == before


def test_a_module_nobody_could_import_yet_does_not_keep_the_others_from_theirs(
    root: Path, flow: ModuleType
) -> None:
    before = version_of(flow)

    (root / "errands_of_mine/lazy.py").write_text("def half(:\n", encoding="utf-8")

    assert version_of(flow) != before


def test_the_workflows_that_ship_have_versions_of_their_own_over_one_engine() -> None:
    versions = [version_of(cost_analysis), version_of(research_report)]

    assert versions[0] != versions[1]
    assert {version.partition("+")[2] for version in versions} == {f"errand.{engine_version()}"}


def test_packages_unpacked_beside_the_workflow_do_not_count(root: Path, flow: ModuleType) -> None:
    (root / "json-1.0.dist-info").mkdir()
    (root / "json-1.0.dist-info" / "RECORD").write_text("json/__init__.py,sha256=abc,11\n")
    package = root / "json" / "__init__.py"
    package.parent.mkdir()
    package.write_text("JSON = 'a'\n")
    before = version_of(flow)

    package.write_text("JSON = 'b'\n")

    assert version_of(flow) == before
