"""A network between a worker and its journal that delays, loses and delivers late."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import boto3
import pytest
from botocore.config import Config

from agent.attempt import Attempt
from agent.outcomes import completed
from agent.settling import Settler
from local.environment import CREDENTIALS, REGION
from local.own_emulator import RunningEmulator
from runs.artifacts.folder import FolderStore
from runs.errors import LeaseLostError
from runs.events import EventType
from runs.ids import new_session_id
from runs.instants import whole
from runs.journal.base import Changes
from runs.journal.dynamodb import DynamoJournal
from runs.operations import OperationStatus
from runs.run import Run, Status, Usage
from tests.integration.workers.test_racing import a_run
from tests.support.engine import HeardSignals, wait_until
from tests.support.journals import DynamoStore, an_operation
from tests.support.proxy import Proxy, running_proxy
from tests.support.worker import Worker

LEASE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Network:
    """A table, and a proxy before it."""

    folder: Path
    store: DynamoStore
    proxy: Proxy

    @property
    def journal(self) -> DynamoJournal:
        """The journal as others reach it."""
        return self.store.journal()

    def proxied(self) -> DynamoJournal:
        """Open the journal behind the proxy."""
        client = boto3.client(
            "dynamodb",
            endpoint_url=self.proxy.url,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            config=Config(proxies={}, read_timeout=0.2, retries={"total_max_attempts": 1}),
        )
        return DynamoJournal(client, table=self.store.table, artifacts=self.store.artifacts)

    def worker(self, endpoint: str, *, name: str) -> Worker:
        """Make a worker process that reaches the table by an address."""
        environ = {
            **CREDENTIALS,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": endpoint,
            "ERRAND_JOURNAL": f"dynamodb:{self.store.table}",
            "ERRAND_LEASE_SECONDS": str(LEASE_SECONDS),
        }
        return Worker(self.folder, environ, name=name)

    def head(self, session_id: str) -> Run:
        run = self.journal.get(session_id)
        assert run is not None
        return run

    def attempt(self) -> Attempt:
        """Accept and claim a run, and give an attempt behind the proxy."""
        run = a_run()
        self.journal.accept(run)
        claim = self.journal.claim(
            run.session_id, owner="a", token="a", now=_now(), lease_seconds=10
        )
        return Attempt(
            journal=self.proxied(),
            artifacts=self.store.artifacts,
            run=claim.run,
            lease=claim.lease,
            clock=_now,
        )

    def kinds(self, session_id: str) -> list[EventType]:
        return [each.event.type for each in self.journal.events(session_id)]


def _now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def network(tmp_path: Path, emulator: RunningEmulator) -> Iterator[Network]:
    store = DynamoStore(emulator.client("dynamodb"), artifacts=FolderStore(tmp_path / "artifacts"))
    with running_proxy(emulator.endpoint) as proxy:
        yield Network(tmp_path, store, proxy)
    store.close()


def test_a_worker_that_is_cut_off_ends_and_what_it_had_sent_comes_too_late(
    network: Network, emulator: RunningEmulator
) -> None:
    session_id = new_session_id()
    with (
        network.worker(network.proxy.url, name="far") as far,
        network.worker(emulator.endpoint, name="near") as near,
    ):
        far.start(session_id, "counts", "8 150")
        wait_until(lambda: "2 in attempt 1" in _noted(far))
        network.proxy.hold()
        wait_until(lambda: far.ping() == "Healthy")
        held = network.proxy.held
        wait_until(lambda: _has_expired(network.head(session_id)))
        near.invoke({"action": "resume", "session_id": session_id})
        wait_until(lambda: network.head(session_id).attempt == 2)

        network.proxy.deliver()
        wait_until(lambda: network.head(session_id).status is Status.COMPLETED)
        wait_until(lambda: near.ping() == "Healthy")

    run = network.head(session_id)
    events = [each.event for each in network.journal.events(session_id)]
    attempts = [event.attempt for event in events if event.attempt]
    assert held > 0
    assert (run.result, run.attempt) == (list(range(8)), 2)
    assert attempts == sorted(attempts)
    assert [event.type for event in events].count(EventType.STEP_SUCCEEDED) == 8


def test_a_run_whose_answers_are_lost_is_recorded_once(network: Network) -> None:
    session_id = new_session_id()
    with network.worker(network.proxy.url, name="far") as far:
        network.proxy.lose(lambda number: number % 3 == 0)
        far.start(session_id, "counts", "5 20")
        wait_until(lambda: (run := network.journal.get(session_id)) and run.status.is_terminal)

    kinds = network.kinds(session_id)
    assert network.head(session_id).result == list(range(5))
    assert kinds.count(EventType.STEP_SUCCEEDED) == 5
    assert kinds.count(EventType.LEASE_CLAIMED) == 1
    assert kinds.count(EventType.EXECUTION_SUCCEEDED) == 1


@pytest.fixture
def in_background() -> Iterator[Callable[[Callable[[], object]], Thread]]:
    threads: list[Thread] = []

    def begin(work: Callable[[], object]) -> Thread:
        threads.append(Thread(target=work, daemon=True))
        threads[-1].start()
        return threads[-1]

    yield begin
    for thread in threads:
        thread.join(20)


def test_a_write_that_was_delivered_late_does_not_undo_a_later_one(
    network: Network, in_background: Callable[[Callable[[], object]], Thread]
) -> None:
    attempt = network.attempt()
    begun = Changes(
        operations=(an_operation(status=OperationStatus.STARTED, payload=None),),
        events=(attempt.event(EventType.STEP_STARTED, name="load"),),
        spent=Usage(model_calls=1, input_tokens=10),
    )
    done = Changes(
        operations=(an_operation(),),
        events=(attempt.event(EventType.STEP_SUCCEEDED, name="load"),),
    )

    network.proxy.hold()
    writing = in_background(lambda: attempt.commit(begun))
    wait_until(lambda: network.proxy.held > 0)
    network.proxy.heal()
    writing.join(20)
    attempt.commit(done)
    network.proxy.deliver()

    found = network.journal.operation(attempt.session_id, "op-1")
    kinds = network.kinds(attempt.session_id)
    assert found is not None
    assert found.status is OperationStatus.SUCCEEDED
    assert [kind for kind in kinds if kind.startswith("Step")] == ["StepStarted", "StepSucceeded"]
    assert network.head(attempt.session_id).usage.input_tokens == 10


def test_a_renewal_that_was_delivered_late_gives_no_lease_back(
    network: Network, in_background: Callable[[Callable[[], object]], Thread]
) -> None:
    attempt = network.attempt()

    def renew() -> None:
        with suppress(LeaseLostError):
            attempt.patiently(lambda: attempt.journal.renew(attempt.lease, now=_now()))

    network.proxy.hold()
    in_background(renew)
    wait_until(lambda: network.proxy.held > 0)
    later = whole(attempt.lease.expires_at)
    taken = network.journal.claim(
        attempt.session_id, owner="b", token="b", now=later, lease_seconds=10
    )
    network.proxy.deliver()

    assert network.head(attempt.session_id).lease == taken.lease


def test_an_end_whose_answer_was_lost_is_still_told_to_who_waits_for_it(network: Network) -> None:
    attempt, signals = network.attempt(), HeardSignals()
    network.store.alter(
        attempt.session_id, "SESSION", lambda record: record.update(wake_token="waits")
    )
    # The head is read, and then written.
    network.proxy.lose(lambda number: number == 2)

    Settler(journal=attempt.journal, signal=signals).conclude(attempt, completed("done"))

    assert network.head(attempt.session_id).status is Status.COMPLETED
    assert signals.tokens == ["waits"]


def _noted(worker: Worker) -> str:
    return worker.notes.read_text(encoding="utf-8") if worker.notes.exists() else ""


def _has_expired(run: Run) -> bool:
    return run.lease is None or run.lease.expires_at <= _now()
