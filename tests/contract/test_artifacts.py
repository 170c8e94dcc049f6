"""Every artifact store keeps its port's promises."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from runs.artifacts.base import ArtifactStore
from runs.errors import PayloadMissingError


@pytest.mark.parametrize(
    "key",
    ["payloads/ab12", "runs/3f1c/report.md", "runs/3f1c/charts/daily cost (€).png", "top"],
)
def test_what_was_put_is_got(artifacts: ArtifactStore, key: str) -> None:
    data = bytes(range(256)) * 1000

    uri = artifacts.put(key, data, media_type="application/octet-stream")

    assert artifacts.get(key) == data
    assert artifacts.uri(key) == uri


def test_nothing_is_a_value_too(artifacts: ArtifactStore) -> None:
    artifacts.put("runs/1/empty", b"", media_type="text/plain")

    assert artifacts.get("runs/1/empty") == b""


def test_the_last_put_stands(artifacts: ArtifactStore) -> None:
    for data in (b"one", b"a longer second", b"3"):
        artifacts.put("runs/1/report.md", data, media_type="text/markdown")

    assert artifacts.get("runs/1/report.md") == b"3"


@pytest.mark.parametrize("key", ["payloads/none", "runs", "runs/1/report.md/deeper"])
def test_what_was_never_put_is_missing_and_named(artifacts: ArtifactStore, key: str) -> None:
    artifacts.put("runs/1/report.md", b"x", media_type="text/markdown")

    with pytest.raises(PayloadMissingError, match=key):
        artifacts.get(key)


def test_a_reader_sees_the_old_or_the_new_and_never_a_part(artifacts: ArtifactStore) -> None:
    values = [bytes([n]) * 200_000 for n in range(8)]
    artifacts.put("runs/1/x", values[0], media_type="text/plain")

    with ThreadPoolExecutor(8) as pool:
        writes = [
            pool.submit(artifacts.put, "runs/1/x", value, media_type="text/plain")
            for value in values
        ]
        read = [artifacts.get("runs/1/x") for _ in range(20)]
        for write in writes:
            write.result()

    assert set(read) <= set(values)
    assert artifacts.get("runs/1/x") in values
