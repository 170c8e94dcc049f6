from collections.abc import Iterator
from pathlib import Path

import pytest

from runs.artifacts.folder import FolderStore
from tests.support.invoking import Desk, open_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    yield from open_desk(FolderStore(tmp_path))
