"""Workers in any order, each with a clock of its own: one holds the lease, and nothing is lost."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from runs.errors import ClaimLostError, IllegalTransitionError, LeaseLostError
from runs.events import Event, EventType
from runs.journal.base import Changes, Journal
from runs.lifecycle import Ending
from runs.run import Lease, Run, Status, Usage
from tests.support.journals import NOW, JournalStore, a_run, an_operation

WORKERS = range(3)
LEASE_SECONDS = 60.0
#: Of hypothesis: examples, and steps of each. A table answers slower.
_SETTINGS = {"memory": (80, 40), "counted": (8, 30), "sqlite": (8, 30), "dynamodb": (4, 25)}

apart = st.sampled_from([-7200.0, -300.0, -1.0, 0.0, 1.0, 300.0, 7200.0])
workers = st.sampled_from(WORKERS)


@dataclass
class Known:
    """What must be in the journal: what was answered."""

    #: Who may write.
    holder: Lease | None = None
    events: list[str] = field(default_factory=list)
    operations: dict[str, str] = field(default_factory=dict)
    tokens: int = 0


class Workers(RuleBasedStateMachine):
    """Workers at one run, and somebody who hands it over and cancels it."""

    def __init__(self, open_journal: Callable[[], Journal]) -> None:
        super().__init__()
        # Each is a process of its own.
        self.journals = [open_journal() for _ in WORKERS]
        self.reader = open_journal()
        self.run = a_run(deadline_at=NOW + timedelta(days=30))
        self.reader.accept(self.run)
        self.known = Known()
        #: By worker, all leases that it ever had: it may not know that it lost them.
        self.leases: list[list[Lease]] = [[] for _ in WORKERS]
        self.passed = timedelta(0)
        self.apart = [timedelta(0) for _ in WORKERS]
        self.version = -1
        self.count = 0

    @initialize(seconds=st.tuples(*(apart for _ in WORKERS)))
    def set_clocks(self, seconds: tuple[float, ...]) -> None:
        """Set the clocks apart."""
        self.apart = [timedelta(seconds=each) for each in seconds]

    @rule(seconds=st.sampled_from([0.001, 1.0, 61.0, 400.0]))
    def let_time_pass(self, seconds: float) -> None:
        """Let time pass, for all."""
        self.passed += timedelta(seconds=seconds)

    @rule(worker=workers, ahead=apart)
    def set_clock(self, worker: int, ahead: float) -> None:
        """Correct a clock, or make it wrong."""
        self.apart[worker] = timedelta(seconds=ahead)

    @rule(worker=workers)
    def claim(self, worker: int) -> None:
        """Claim the run."""
        before, now = self.head(), self.now(worker)
        self.count += 1
        try:
            claim = self.journals[worker].claim(
                self.run.session_id,
                owner=f"worker {worker}",
                token=f"token {self.count}",
                now=now,
                lease_seconds=LEASE_SECONDS,
            )
        except ClaimLostError:
            is_held = before.lease is not None and before.lease.expires_at > now
            is_early = before.status is Status.WAITING and not before.is_due(now)
            assert is_held or is_early or before.cancel_requested or before.status.is_terminal
            return
        assert before.lease is None or before.lease.expires_at <= now
        assert claim.lease.attempt == before.attempt + 1
        self.known.holder = claim.lease
        self.leases[worker].append(claim.lease)

    @precondition(lambda self: any(self.leases))
    @rule(data=st.data(), tokens=st.integers(0, 9), operation=st.sampled_from("abc"))
    def commit(self, data: st.DataObject, tokens: int, operation: str) -> None:
        """Record something, under any lease that anybody ever had."""
        worker, lease = self.any_lease(data)
        self.count += 1
        name, now = f"event {self.count}", self.now(worker)
        changes = Changes(
            operations=(an_operation(operation, payload=f'"{name}"'),),
            events=(Event(type=EventType.STEP_SUCCEEDED, at=now, name=name, attempt=1),),
            spent=Usage(model_calls=1, input_tokens=tokens),
        )
        self.fenced(lease, lambda: self.journals[worker].commit(lease, changes, now=now))
        if lease is self.known.holder:
            self.known.events.append(name)
            self.known.operations[operation] = f'"{name}"'
            self.known.tokens += tokens

    @precondition(lambda self: any(self.leases))
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        """Renew any lease."""
        worker, lease = self.any_lease(data)
        self.fenced(lease, lambda: self.journals[worker].renew(lease, now=self.now(worker)))

    @precondition(lambda self: any(self.leases))
    @rule(data=st.data(), how=st.sampled_from(["park", "release", "settle"]))
    def leave(self, data: st.DataObject, how: str) -> None:
        """Leave the run, under any lease."""
        worker, lease = self.any_lease(data)
        journal, now = self.journals[worker], self.now(worker)
        writes: dict[str, Callable[[], Run]] = {
            "park": lambda: journal.park(
                lease, wake_at=now + timedelta(seconds=30), waiting_for="a timer", now=now
            ),
            "release": lambda: journal.release(lease, now=now, why="it is told to end"),
            "settle": lambda: journal.settle(lease, Ending(status=Status.COMPLETED), now=now),
        }
        self.fenced(lease, writes[how])
        if lease is self.known.holder:
            self.known.holder = None

    @rule(worker=workers)
    def hand_over(self, worker: int) -> None:
        """Count a hand-over, by any clock."""
        before, now = self.head(), self.now(worker)
        try:
            self.reader.dispatch(self.run.session_id, now=now, retry_at=now + timedelta(seconds=10))
        except IllegalTransitionError:
            assert not before.is_due(now)
        else:
            assert before.is_due(now)

    @rule(worker=workers, is_meant=st.integers(0, 9))
    def cancel(self, worker: int, is_meant: int) -> None:
        """Cancel the run, now and then; ends it where no lease holds by that clock."""
        if is_meant == 0:
            run = self.reader.cancel(self.run.session_id, now=self.now(worker), reason="enough")
            if run.status.is_terminal:
                self.known.holder = None

    @invariant()
    def one_holds_the_lease(self) -> None:
        """The head says so, and names who was last answered that it is theirs."""
        head, holder = self.head(), self.known.holder
        assert (head.status is Status.BUSY) == (holder is not None)
        assert (head.lease.token if head.lease else None) == (holder.token if holder else None)

    @invariant()
    def versions_only_grow(self) -> None:
        """Whatever the clocks say."""
        version = self.head().version
        assert version >= self.version
        self.version = version

    @invariant()
    def what_was_answered_is_there(self) -> None:
        """All of it, in the order in which it was recorded, and nothing else."""
        session_id = self.run.session_id
        recorded = [each.event for each in self.reader.events(session_id)]
        steps = [each.name for each in recorded if each.type is EventType.STEP_SUCCEEDED]
        operations = {
            each.operation_id: each.payload for each in self.reader.operations(session_id)
        }
        assert steps == self.known.events
        assert operations == self.known.operations
        assert self.head().usage.input_tokens == self.known.tokens

    def fenced(self, lease: Lease, write: Callable[[], object]) -> None:
        """Write under a lease; refused if and only if it is not the run's."""
        before = self.head()
        if lease is self.known.holder:
            write()
            assert self.head().version > before.version
            return
        with pytest.raises(LeaseLostError):
            write()
        assert self.head() == before

    def any_lease(self, data: st.DataObject) -> tuple[int, Lease]:
        """Choose one that anybody ever had."""
        had = [(worker, lease) for worker in WORKERS for lease in self.leases[worker]]
        return data.draw(st.sampled_from(had))

    def now(self, worker: int) -> datetime:
        """Tell the time by a worker's clock."""
        return NOW + self.passed + self.apart[worker]

    def head(self) -> Run:
        """Read the head."""
        run = self.reader.get(self.run.session_id)
        assert run is not None
        return run


def test_workers_in_any_order_never_write_over_each_other(
    store: JournalStore, request: pytest.FixtureRequest
) -> None:
    examples, steps = _SETTINGS[request.node.callspec.params["store"]]
    journals: list[Journal] = []

    def open_journal() -> Journal:
        # One for each worker and example would be many files to hold open: they are used again.
        if len(journals) < len(WORKERS) + 1:
            journals.append(store.journal())
        opened.append(journals[len(opened) % len(journals)])
        return opened[-1]

    opened: list[Journal] = []

    class Here(Workers):
        def __init__(self) -> None:
            super().__init__(open_journal)

    run_machine(
        Here,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
