"""What a run really writes is what an estimate of it counts, and `errand estimate` says it."""

import json
import math
import os
import uuid
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from agent.jobs import Jobs
from agent.models.select import ModelChoice, Provider
from agent.registry import Registry
from agent.runner import Limits, Runner
from agent.settling import Settler
from cli.estimating import Estimator
from cli.price_table import shipped_table
from cli.run_shape import shape_of_run
from crash.table import create_table
from infra.settings import Settings
from local.own_emulator import RunningEmulator
from runs.artifacts.folder import FolderStore
from runs.journal.dynamodb import DynamoJournal
from runs.run import Status
from runs.signals import NoSignal
from tests.support.chain import new_session, now
from tests.support.cli import errand
from tests.support.journals import a_run
from tests.support.research import QUESTION, write

_KB = 1024


class Counting:
    """A DynamoDB client that counts write units as the service does: by size, twice in one go."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - boto3's
        self._client = client
        self.units = 0
        self._heads = _KB

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the client's own methods
        return getattr(self._client, name)

    def update_item(self, **request: Any) -> Any:  # noqa: ANN401 - boto3's
        self.units += _units(self._heads)
        return self._client.update_item(**request)

    def transact_write_items(self, **request: Any) -> Any:  # noqa: ANN401 - boto3's
        for each in request["TransactItems"]:
            self._count(each)
        return self._client.transact_write_items(**request)

    def _count(self, part: Mapping[str, Any]) -> None:
        ((kind, body),) = part.items()
        item = body.get("Item") or body["Key"] | body.get("ExpressionAttributeValues", {})
        is_head = {**item, **body.get("Key", {})}["SK"] == {"S": "SESSION"}
        if is_head and kind == "Put":
            self._heads = _size(item)
        self.units += 2 * _units(self._heads if is_head else _size(item))
        # `updated_at` is a key of the index: an entry goes and another comes.
        self.units += 2 if is_head else 0


def _units(size: int) -> int:
    return max(1, math.ceil(size / _KB))


def _size(item: Mapping[str, Any]) -> int:
    return len(json.dumps(item, ensure_ascii=False).encode())


def test_what_a_run_writes_is_what_its_estimate_counts(
    emulator: RunningEmulator, tmp_path: Path
) -> None:
    client, table = Counting(emulator.client("dynamodb")), f"count-{uuid.uuid4().hex[:8]}"
    create_table(client, table)
    store = FolderStore(tmp_path)
    journal = DynamoJournal(client, table=table, artifacts=store)
    at = now()
    run = a_run(
        session_id=new_session(),
        workflow="research-report",
        prompt=QUESTION,
        input=str(write(tmp_path)),
        wake_at=at,
        created_at=at,
        updated_at=at,
        deadline_at=at + timedelta(hours=1),
    )
    journal.accept(run)
    runner = Runner(
        journal=journal,
        artifacts=store,
        registry=Registry.load(),
        settler=Settler(journal=journal, signal=NoSignal()),
        limits=Limits(lease_seconds=60),
        model=ModelChoice(provider=Provider.OFFLINE),
        clock=now,
    )
    job = Jobs(now).begin(run.session_id)
    assert job is not None

    runner.run(job)

    ended = journal.get(run.session_id)
    assert ended is not None
    assert ended.status is Status.COMPLETED, ended.error
    events = [recorded.event for recorded in journal.events(run.session_id)]
    shape = shape_of_run(ended, events, now=now())
    pace = Settings.from_context({"target": "aws"}).pace
    lines = Estimator(table=shipped_table(), pace=pace).lines(shape)
    (counted,) = (int(line.quantity) for line in lines if line.price.unit == "write unit")
    assert 0.6 < counted / client.units < 1.6


def test_the_command_says_it_as_data(tmp_path: Path) -> None:
    environ = {**os.environ, "ERRAND_HOME": str(tmp_path), "AWS_REGION": "eu-central-1"}

    done = errand("estimate", "--duration", "20m", "--json", environ=environ)

    said = json.loads(done.stdout)
    assert (done.returncode, said["working_seconds"], said["region"]) == (0, 1200, "eu-central-1")
    assert said["run"]["model_usd"] is not None


def test_a_run_is_taken_as_it_was_or_described_and_not_both(tmp_path: Path) -> None:
    environ = {**os.environ, "ERRAND_HOME": str(tmp_path)}

    done = errand("estimate", "--like", "last", "--duration", "1h", environ=environ)

    assert done.returncode == 2
    assert "leave out --duration, --wait and the tokens" in done.stderr
