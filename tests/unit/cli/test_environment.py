"""What the environment says about the local stack."""

from pathlib import Path

import pytest

from cli import environment
from cli.errors import UsageError


def test_the_home_is_a_folder_here_unless_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ERRAND_HOME", raising=False)
    usual = environment.home().root
    monkeypatch.setenv("ERRAND_HOME", "elsewhere")

    assert usual == tmp_path / ".errand"
    assert environment.home().root == tmp_path / "elsewhere"


def test_an_option_comes_before_the_environment_and_that_before_8080(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ERRAND_PORT", raising=False)
    usual = environment.agent_port(None)
    monkeypatch.setenv("ERRAND_PORT", "9000")

    assert (usual, environment.agent_port(None), environment.agent_port(0)) == (8080, 9000, 0)


@pytest.mark.parametrize("port", ["http", "-1", "65536", "8080.0", "\uff18"])
def test_what_is_no_port_is_refused_with_where_it_was_named(
    monkeypatch: pytest.MonkeyPatch, port: str
) -> None:
    monkeypatch.setenv("ERRAND_PORT", port)

    with pytest.raises(UsageError, match=f"ERRAND_PORT is '{port}', expected a number"):
        environment.agent_port(None)
