import os
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest

from runs.artifacts.folder import FolderStore


@pytest.mark.parametrize(
    "key",
    [
        "../outside",
        "runs/../../outside",
        "/etc/passwd",
        "runs//double",
        "runs/./here",
        "",
        ".",
        "..",
        "runs/",
        "runs\\..\\outside",
        "runs/nul\0",
    ],
)
def test_a_key_that_is_no_plain_path_is_refused(tmp_path: Path, key: str) -> None:
    store = FolderStore(tmp_path / "artifacts")

    with pytest.raises(ValueError, match="is not a plain relative path"):
        store.put(key, b"x", media_type="text/plain")
    with pytest.raises(ValueError, match="is not a plain relative path"):
        store.get(key)
    assert list(tmp_path.iterdir()) == []


def test_a_link_that_leads_out_of_the_root_is_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("x", encoding="utf-8")
    root = tmp_path / "artifacts"
    root.mkdir()
    (root / "runs").symlink_to(outside)
    store = FolderStore(root)

    with pytest.raises(ValueError, match="leads out of the folder"):
        store.get("runs/secret")
    with pytest.raises(ValueError, match="leads out of the folder"):
        store.put("runs/new", b"x", media_type="text/plain")
    assert [path.name for path in outside.iterdir()] == ["secret"]


def test_a_root_reached_by_a_link_is_as_good_as_any(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    store = FolderStore(tmp_path / "link")

    store.put("runs/1/x", b"x", media_type="text/plain")

    assert store.get("runs/1/x") == b"x"


def test_the_uri_opens_the_file(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "my artifacts")

    uri = urlparse(store.put("runs/1/daily cost €.md", b"x", media_type="text/markdown"))

    assert uri.scheme == "file"
    assert Path(unquote(uri.path)).read_bytes() == b"x"


def test_a_relative_root_has_absolute_uris(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = FolderStore(Path("artifacts"))
    monkeypatch.chdir("/")

    assert store.put("a", b"x", media_type="text/plain") == (tmp_path / "artifacts/a").as_uri()


def test_a_put_that_fails_leaves_the_old_bytes_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path)
    store.put("runs/1/x", b"old", media_type="text/plain")

    def full(handle: int) -> None:
        raise OSError(28, f"no space left on device {handle}")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="no space left"):
            store.put("runs/1/x", b"new", media_type="text/plain")

    assert store.get("runs/1/x") == b"old"
    assert [path.name for path in (tmp_path / "runs/1").iterdir()] == ["x"]


def test_the_longest_session_id_is_longer_than_a_file_name(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    keys = [f"runs/{'a' * 255}{last}/report.md" for last in "bc"]

    for key in keys:
        store.put(key, key.encode(), media_type="text/plain")

    assert [store.get(key) for key in keys] == [key.encode() for key in keys]
