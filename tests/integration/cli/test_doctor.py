"""What `errand doctor` finds on a machine."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from cli.check import Check, Verdict
from cli.doctor import local_checks
from local.home import Home
from local.processes import ProcessId
from local.state import Phase, Ports, StackState, write_state


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A folder where nothing was ever installed."""
    return Home(root=tmp_path / "home", tools=tmp_path / "tools")


def checks(
    home: Home, *, port: int = 0, environ: Mapping[str, str] = os.environ
) -> dict[str, Check]:
    return {check.name: check for check in local_checks(home, port=port, environ=environ)}


def test_a_machine_without_a_stack_is_fine_and_told_how_to_start(home: Home) -> None:
    found = checks(home)

    assert Verdict.WRONG not in {check.verdict for check in found.values()}
    assert found["stack"].verdict is Verdict.ABSENT
    assert found["stack"].found == "down; `errand up` starts it"
    assert found["emulator"].verdict is Verdict.ABSENT
    assert not home.root.exists()


def test_a_port_in_use_is_named_with_another(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        check = checks(home, port=port)["port"]

    assert check.verdict is Verdict.WRONG
    assert check.found.startswith(f"{port}, where the agent would listen, is in use")
    assert f"ERRAND_PORT={port + 10}" in check.advice


@pytest.mark.parametrize(
    ("version", "found"), [(None, "not found on the PATH"), ("v16.20.0", "16.20.0 is too old")]
)
def test_a_node_that_is_missing_or_too_old_is_to_be_installed(
    home: Home, tmp_path: Path, version: str | None, found: str
) -> None:
    if version:
        node = tmp_path / "node"
        node.write_text(f"#!/bin/sh\necho {version}\n")
        node.chmod(0o755)

    check = checks(home, environ={"PATH": str(tmp_path)})["node"]

    assert (check.verdict, check.found) == (Verdict.WRONG, found)
    assert "install Node 20" in check.advice


def test_a_model_of_bedrocks_is_not_for_a_local_stack(home: Home) -> None:
    environ = {**os.environ, "ERRAND_MODEL": "bedrock:some-model"}

    check = checks(home, environ=environ)["model"]

    assert check.verdict is Verdict.WRONG
    assert "'bedrock:some-model'" in check.found


def test_a_state_whose_supervisor_is_gone_is_stale(home: Home) -> None:
    state = StackState(
        phase=Phase.UP,
        step="up",
        supervisor=ProcessId(os.getpid(), "in another life"),
        ports=Ports(agent=1, agentcore=2, emulator=3),
    )
    write_state(home.state_file, state)

    check = checks(home)["stack"]

    assert check.verdict is Verdict.WRONG
    assert f"supervisor (pid {os.getpid()}) is gone" in check.found
    assert "`errand down` cleans up" in check.advice


def test_a_damaged_state_file_is_named_with_what_cleans_up(home: Home) -> None:
    home.root.mkdir()
    home.state_file.write_text("{")

    check = checks(home)["stack"]

    assert check.verdict is Verdict.WRONG
    assert str(home.state_file) in check.found
    assert "`errand down` cleans up" in check.found


def test_a_home_that_is_no_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    found = checks(Home(root=tmp_path / "file" / "home", tools=tmp_path))

    assert found["folder"].verdict is Verdict.WRONG
    assert "ERRAND_HOME" in found["folder"].advice
    assert found["stack"].verdict is Verdict.WRONG
