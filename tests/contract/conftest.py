"""Every kind of journal and of artifact store."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.clients import Client
from local.own_emulator import RunningEmulator
from runs.artifacts.base import ArtifactStore
from runs.artifacts.folder import FolderStore
from runs.artifacts.s3 import S3Store
from runs.journal.base import Journal
from tests.support.journals import (
    CountedStore,
    DynamoStore,
    JournalStore,
    SqliteStore,
    folder_store,
)


@pytest.fixture(scope="session")
def dynamodb(emulator: RunningEmulator) -> Client:
    return emulator.client("dynamodb")


@pytest.fixture(params=["sqlite", "memory", "counted", "dynamodb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[JournalStore]:
    artifacts = folder_store(tmp_path)
    made: JournalStore
    if request.param == "dynamodb":
        made = DynamoStore(request.getfixturevalue("dynamodb"), artifacts=artifacts)
    elif request.param == "counted":
        # What the benchmarks count on, in simulated time.
        made = CountedStore(artifacts=artifacts)
    elif request.param == "sqlite":
        made = SqliteStore(tmp_path / "journal.db", artifacts=artifacts)
    else:
        made = SqliteStore(":memory:", artifacts=artifacts)
    yield made
    made.close()


@pytest.fixture
def journal(store: JournalStore) -> Journal:
    return store.journal()


@pytest.fixture(params=["folder", "s3"])
def artifacts(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    if request.param == "folder":
        return FolderStore(tmp_path / "artifacts")
    client = request.getfixturevalue("emulator").client("s3")
    bucket = f"artifacts-{uuid.uuid4()}"
    client.create_bucket(Bucket=bucket)
    return S3Store(client, bucket=bucket, prefix="errand")
