"""A run that the last release recorded is read, and goes on, with the code of now.

`released_run.json` is what it wrote: the items of a run that waits for an answer. It is never
written anew to make a test pass: tables are full of its kind.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from local.own_emulator import RunningEmulator
from runs.artifacts.folder import FolderStore
from runs.events import EventType
from runs.run import Status
from tests.contract.test_replay import run_under
from tests.support import versions
from tests.support.engine import StillClock
from tests.support.journals import NOW, DynamoStore
from tests.support.version_pairs import answer

RECORDED = json.loads(Path(__file__).with_name("released_run.json").read_text(encoding="utf-8"))
SESSION_ID = "085b996c-47d4-4df7-bbc1-b2bebb73c9d1"


@pytest.fixture
def store(emulator: RunningEmulator, tmp_path: Path) -> Iterator[DynamoStore]:
    made = DynamoStore(emulator.client("dynamodb"), artifacts=FolderStore(tmp_path))
    for item in RECORDED:
        made.client.put_item(TableName=made.table, Item=item)
    yield made
    made.close()


def test_it_is_read(store: DynamoStore) -> None:
    journal = store.journal()

    run = journal.get(SESSION_ID)

    assert run is not None
    assert (run.status, run.waiting_for) == (Status.WAITING, "answer to approve")
    assert [listed.session_id for listed in journal.list_runs(limit=10).runs] == [SESSION_ID]
    assert [it.name for it in journal.operations(SESSION_ID)] == ["load", "approve"]
    assert len(journal.events(SESSION_ID)) == sum(
        item["SK"]["S"].startswith("EVENT#") for item in RECORDED
    )


def test_it_is_answered_and_goes_on_where_it_was(store: DynamoStore) -> None:
    journal, clock = store.journal(), StillClock(NOW + timedelta(minutes=1))
    answer(journal, SESSION_ID, now=clock())

    run = run_under(
        journal, SESSION_ID, versions.stepped("load", then="pay"), version="2", clock=clock
    )

    assert (run.status, run.result) == (Status.COMPLETED, ["load", "yes", "pay"])
    assert run.attempt == 2
    events = [recorded.event for recorded in journal.events(SESSION_ID)]
    done = [it.name for it in events if it.type is EventType.STEP_SUCCEEDED]
    assert done == ["load", "pay"]
