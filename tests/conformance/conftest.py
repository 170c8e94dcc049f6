"""An engine that parks at every wait, on a journal of each kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.own_emulator import RunningEmulator
from runs.artifacts.folder import FolderStore
from tests.support.conformance import LeapingClock, engine_on
from tests.support.engine import Engine, FlakyJournal
from tests.support.journals import DynamoStore


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    journal = FlakyJournal(FolderStore(tmp_path / "artifacts"))
    yield engine_on(tmp_path, clock=LeapingClock(), journal=journal)
    journal.close()


@pytest.fixture
def on_a_table(emulator: RunningEmulator, tmp_path: Path) -> Iterator[Engine]:
    artifacts = FolderStore(tmp_path / "artifacts")
    store = DynamoStore(emulator.client("dynamodb"), artifacts=artifacts)
    yield engine_on(tmp_path, clock=LeapingClock(), journal=store.journal())
    store.close()
