"""The local stack asks nothing of the user's AWS set-up."""

from pathlib import Path

import pytest

from cli.local_place import client_of


def test_a_profile_that_is_not_there_does_not_matter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nope")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))

    client = client_of("dynamodb", "http://127.0.0.1:1")

    assert client.meta.endpoint_url == "http://127.0.0.1:1"
