"""Making the template: when, with what, and what is said if it can't be made."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from local.errors import NodeMissingError, SynthesisError
from local.synth import cached, fingerprint, synthesise

APP = """
import os, pathlib, sys
assert sys.argv[1:] == ["-c", "target=local"], sys.argv
output = pathlib.Path(os.environ["CDK_OUTDIR"])
(output / "manifest.json").write_text("{}")
with open("synthesised", "a") as times:
    times.write("x")
"""
#: As the CDK's runtime does before anything else.
UNPACKING_APP = """
import os, pathlib
default = pathlib.Path(os.environ["HOME"]) / ".cache"
pathlib.Path(os.environ.get("JSII_RUNTIME_PACKAGE_CACHE_ROOT", default)).mkdir(parents=True)
(pathlib.Path(os.environ["CDK_OUTDIR"]) / "manifest.json").write_text("{}")
"""
FAILING_APP = "raise SystemExit('stage is 7, expected a name')"

MakeNode = Callable[[str], dict[str, str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for name in ("infra", "statemachine", "invoker", "runs"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").touch()
    (folder / "infra" / "app.py").write_text(APP)
    return folder


@pytest.fixture
def environ_with_node(tmp_path: Path) -> MakeNode:
    def make(version: str) -> dict[str, str]:
        node = tmp_path / "bin" / "node"
        node.parent.mkdir()
        node.write_text(f"#!/bin/sh\necho {version}\n")
        node.chmod(0o755)
        return {**os.environ, "PATH": f"{node.parent}:/bin:/usr/bin"}

    return make


def test_the_template_is_made_once_for_each_state_of_the_code(
    project: Path, tmp_path: Path, environ_with_node: MakeNode
) -> None:
    environ = environ_with_node("v22.1.0")

    first = synthesise(project, tmp_path / "cache", environ=environ)
    second = synthesise(project, tmp_path / "cache", environ=environ)
    (project / "runs" / "run.py").write_text("RUN = 1\n")
    third = synthesise(project, tmp_path / "cache", environ=environ)

    assert first == second != third
    assert (third / "manifest.json").is_file()
    assert (project / "synthesised").read_text() == "xx"


def test_a_template_with_webhooks_is_another(
    project: Path, tmp_path: Path, environ_with_node: MakeNode
) -> None:
    app = """
import os, pathlib, sys
assert sys.argv[1:] == ["-c", "target=local", "-c", "webhook=http://a/,http://b/"], sys.argv
(pathlib.Path(os.environ["CDK_OUTDIR"]) / "manifest.json").write_text("{}")
"""
    (project / "infra" / "app.py").write_text(app)
    cache, webhooks = tmp_path / "cache", ("http://a/", "http://b/")

    made = synthesise(project, cache, environ=environ_with_node("v22.1.0"), webhooks=webhooks)

    assert made == cached(project, cache, webhooks=webhooks)
    assert cached(project, cache) is None


def test_a_cached_template_needs_no_node(
    project: Path, tmp_path: Path, environ_with_node: MakeNode
) -> None:
    made = synthesise(project, tmp_path / "cache", environ=environ_with_node("v20.0.0"))

    found = synthesise(project, tmp_path / "cache", environ={"PATH": str(tmp_path)})

    assert found == made == cached(project, tmp_path / "cache")


def test_without_node_the_message_says_what_to_install(project: Path, tmp_path: Path) -> None:
    with pytest.raises(NodeMissingError, match="Node was not found on the PATH; install Node 20"):
        synthesise(project, tmp_path / "cache", environ={"PATH": str(tmp_path)})


def test_a_node_too_old_is_named(
    project: Path, tmp_path: Path, environ_with_node: MakeNode
) -> None:
    with pytest.raises(NodeMissingError, match=r"Node 18\.20\.4 is too old"):
        synthesise(project, tmp_path / "cache", environ=environ_with_node("v18.20.4"))


def test_a_failing_app_is_quoted_and_leaves_nothing_in_the_cache(
    project: Path, tmp_path: Path, environ_with_node: MakeNode
) -> None:
    (project / "infra" / "app.py").write_text(FAILING_APP)

    with pytest.raises(SynthesisError, match="code 1: stage is 7, expected a name"):
        synthesise(project, tmp_path / "cache", environ=environ_with_node("v22.1.0"))

    assert list((tmp_path / "cache").iterdir()) == []


def test_bytecode_does_not_count_as_a_change(project: Path) -> None:
    before = fingerprint(project)
    cache = project / "runs" / "__pycache__"
    cache.mkdir()
    (cache / "run.cpython-311.pyc").write_bytes(b"\0")

    assert fingerprint(project) == before


@pytest.mark.parametrize(
    "path", ["infra/stack.py", "statemachine/run.asl.json", "agent/workflows/registry.toml"]
)
def test_what_the_template_is_made_from_counts(project: Path, path: str) -> None:
    before = fingerprint(project)
    (project / path).parent.mkdir(parents=True, exist_ok=True)
    (project / path).write_text("changed")

    assert fingerprint(project) != before


def test_a_home_that_can_not_be_written_is_no_obstacle(
    project: Path, tmp_path: Path, environ_with_node: MakeNode
) -> None:
    (project / "infra" / "app.py").write_text(UNPACKING_APP)
    home = tmp_path / "home"
    home.touch()

    made = synthesise(
        project, tmp_path / "cache", environ=environ_with_node("v22.1.0") | {"HOME": str(home)}
    )

    assert made.is_dir()
