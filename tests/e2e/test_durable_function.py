"""The research report as a Lambda function whose processes die, over the service's protocol."""

import json
import os
import signal
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from aws_durable_execution_sdk_python_testing.executor import Executor

from local.own_emulator import RunningEmulator
from runs.artifacts.folder import FolderStore
from runs.artifacts.s3 import S3Store
from runs.events import EventType
from runs.ids import execution_session_id
from runs.journal.sqlite import SqliteJournal
from runs.run import Run, Status
from tests.support.cli import errand
from tests.support.engine import wait_until
from tests.support.journals import DynamoStore
from tests.support.lambda_service import CREDENTIALS, Function, journal_environment, lambda_service
from tests.support.research import QUESTION, write


@pytest.fixture(autouse=True)
def local_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Executor, "RETRY_BACKOFF_SECONDS", 0)
    # The service's own client signs its calls.
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def artifacts(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "artifacts")


@pytest.fixture
def journal(tmp_path: Path, artifacts: FolderStore) -> Iterator[SqliteJournal]:
    opened = SqliteJournal(tmp_path / "journal.db", artifacts=artifacts)
    yield opened
    opened.close()


def request(tmp_path: Path, **more: object) -> dict[str, object]:
    given = json.dumps({"corpus": str(write(tmp_path)), **more})
    return {"workflow": "research-report", "prompt": QUESTION, "input": given}


def head(journal: SqliteJournal, arn: str) -> Run:
    run = journal.get(execution_session_id(arn))
    assert run is not None
    return run


def model_calls(journal: SqliteJournal, arn: str) -> Counter[str | None]:
    events = [it.event for it in journal.events(execution_session_id(arn))]
    return Counter(event.name for event in events if event.type is EventType.MODEL_CALLED)


def test_a_function_killed_in_a_step_goes_on_message_by_message(
    tmp_path: Path, journal: SqliteJournal, artifacts: FolderStore
) -> None:
    function = Function(journal_environment(tmp_path), dying=str(tmp_path / "died"))
    with lambda_service(function) as service:
        wish = request(tmp_path, topics=["lamps", "keepers"], review=True)
        arn = service.start(wish, name="killed")
        wait_until(lambda: journal.approvals(execution_session_id(arn)), seconds=60)
        wait_until(lambda: head(journal, arn).status is Status.WAITING)
        waiting = head(journal, arn)

        # A person at the journal's machine, whose AWS is this service.
        environ = {
            **os.environ,
            "AWS_ENDPOINT_URL_LAMBDA": service.url,
            "ERRAND_HOME": str(tmp_path),
        }
        listed = errand("list", environ=environ)
        told = errand("approve", "last", "--by", "Ada", environ=environ)
        ended = service.wait(arn)

    assert function.exits[0] == -signal.SIGKILL
    assert set(function.exits[1:]) == {0}
    assert (waiting.waiting_for or "").startswith("approval: publish the research report “")
    assert "research-report" in listed.stdout
    assert "WAITING" in listed.stdout
    assert told.returncode == 0, told.stderr
    run = head(journal, arn)
    assert run.status is Status.COMPLETED, run.error
    assert ended["Status"] == "SUCCEEDED"
    assert json.loads(ended["Result"]) == run.result
    # A researcher makes three calls. Those that had finished when the process died are not among
    # what the next one did: of the two, one had made one call and was killed in its second.
    calls = model_calls(journal, arn)
    assert (calls["research-1"], calls["research-2"]) == (3, 3)
    (key,) = (each.key for each in run.artifacts if each.name == "report.md")
    report = artifacts.get(str(key)).decode()
    assert "Reviewed by a person: approved by Ada" in report


def test_a_function_keeps_its_runs_in_a_table_and_their_files_in_a_bucket(
    tmp_path: Path, emulator: RunningEmulator
) -> None:
    client, bucket = emulator.client("s3"), f"artifacts-{uuid.uuid4()}"
    client.create_bucket(Bucket=bucket)
    store = DynamoStore(
        emulator.client("dynamodb"), artifacts=S3Store(client, bucket=bucket, prefix="runs")
    )
    environment = journal_environment(tmp_path) | {
        "AWS_ENDPOINT_URL": emulator.endpoint,
        "ERRAND_JOURNAL": f"dynamodb:{store.table}",
        "ERRAND_ARTIFACTS": f"s3://{bucket}/runs",
        "ERRAND_LEASE_SECONDS": "15",
    }
    with lambda_service(Function(environment)) as service:
        arn = service.start(request(tmp_path, topics=["lamps"]), name="table")
        ended = service.wait(arn)

    run = store.journal().get(execution_session_id(arn))
    assert run is not None
    assert run.status is Status.COMPLETED, run.error
    assert json.loads(ended["Result"]) == run.result
    report = store.artifacts.get(f"runs/{run.session_id}/report.md")
    assert report.startswith(b"# Research report")
    assert {it.uri.partition("/runs/")[0] for it in run.artifacts} == {f"s3://{bucket}"}
    store.close()


def test_a_function_without_a_journal_says_what_to_set(tmp_path: Path) -> None:
    environment = journal_environment(tmp_path)
    del environment["ERRAND_JOURNAL"]
    with lambda_service(Function(environment)) as service:
        ended = service.wait(service.start(request(tmp_path), name="unset"))

    assert ended["Status"] == "FAILED"
    assert ended["Error"]["ErrorType"] == "ConfigError"
    assert ended["Error"]["ErrorMessage"].startswith(
        "ERRAND_JOURNAL is not set, expected 'dynamodb:<table>'"
    )
