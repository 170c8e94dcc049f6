"""An engine that parks at every wait, on a journal of each kind."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from agent.runner import Limits
from local.own_emulator import RunningEmulator
from runs.artifacts.folder import FolderStore
from tests.support.conformance import LeapingClock
from tests.support.engine import Engine, FlakyJournal
from tests.support.journals import DynamoStore

_LIMITS = Limits(lease_seconds=60, park_after=timedelta(0), stop_grace=timedelta(milliseconds=200))


def _engine(journal: Any, artifacts: FolderStore, folder: Path) -> Engine:  # noqa: ANN401 - any journal
    return Engine(cast("FlakyJournal", journal), artifacts, folder, LeapingClock(), _LIMITS)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    artifacts = FolderStore(tmp_path / "artifacts")
    journal = FlakyJournal(artifacts)
    yield _engine(journal, artifacts, tmp_path)
    journal.close()


@pytest.fixture
def on_a_table(emulator: RunningEmulator, tmp_path: Path) -> Iterator[Engine]:
    artifacts = FolderStore(tmp_path / "artifacts")
    store = DynamoStore(emulator.client("dynamodb"), artifacts=artifacts)
    yield _engine(store.journal(), artifacts, tmp_path)
    store.close()
