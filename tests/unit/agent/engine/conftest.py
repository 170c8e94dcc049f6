"""The engine over a journal in memory, with a real clock and with a still one."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.runner import Limits
from runs.artifacts.folder import FolderStore
from tests.support.durable_workflows import REGISTRY
from tests.support.engine import Engine, FlakyJournal, StillClock

_LIMITS = Limits(lease_seconds=6, stop_grace=timedelta(seconds=0.2))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    artifacts = FolderStore(tmp_path / "artifacts")
    journal = FlakyJournal(artifacts)
    yield Engine(journal, artifacts, tmp_path, lambda: datetime.now(UTC), _LIMITS)
    journal.close()


@pytest.fixture
def durable(engine: Engine) -> Engine:
    """Give an engine whose registry has a workflow for every durable operation."""
    engine.registry = REGISTRY
    return engine


@pytest.fixture
def still(durable: Engine, clock: StillClock) -> Engine:
    """Give the same with a clock that stands still, and no patience with timers."""
    durable.clock = clock
    durable.limits = replace(durable.limits, park_after=timedelta(0))
    return durable


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def still_engine(engine: Engine, clock: StillClock) -> Engine:
    engine.clock = clock
    return engine
