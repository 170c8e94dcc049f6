"""What is used and what may be used stand on heads exactly once, whoever in a family used it."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from runs.budget import Budget
from runs.errors import LeaseLostError
from runs.events import EventType
from runs.ids import child_session_id
from runs.journal.base import Changes, Journal
from runs.lifecycle import Ending
from runs.run import Lease, Run, Status, Usage
from tests.support.journals import NOW, accept, an_event, claim, later

DONE = Ending(status=Status.COMPLETED)
LIMITS = Budget(max_tokens=10, max_cost_usd=Decimal("0.10"), max_seconds=90.5)
CALL = Usage(model_calls=1, input_tokens=3, output_tokens=4, cost_nano_usd=5, unpriced_calls=1)


def head(journal: Journal, session_id: str) -> Run:
    run = journal.get(session_id)
    assert run is not None
    return run


def grandchild_of(journal: Journal, session_id: str) -> Run:
    """Accept a run that another one's child invoked."""
    parent = accept(
        journal,
        session_id=child_session_id(session_id, "inv-1"),
        parent_session_id=session_id,
        root_session_id=session_id,
    )
    return accept(
        journal,
        session_id=child_session_id(parent.session_id, "inv-1"),
        parent_session_id=parent.session_id,
        root_session_id=session_id,
    )


def call(journal: Journal, lease: Lease, root: str | None) -> None:
    event = an_event(EventType.MODEL_CALLED)
    changes = Changes(events=(event,), spent=CALL, family_id=root)
    journal.commit(lease, changes, now=later(1))


def test_a_run_is_read_with_the_limits_it_was_accepted_with(journal: Journal) -> None:
    run = accept(journal, budget=LIMITS)

    assert head(journal, run.session_id) == run
    assert run.budget == LIMITS


def test_what_a_child_spends_is_on_its_own_head_and_at_once_on_that_of_the_family(
    journal: Journal,
) -> None:
    root = accept(journal)
    child = grandchild_of(journal, root.session_id)
    lease = claim(journal, child.session_id).lease
    root_lease = claim(journal, root.session_id).lease

    call(journal, lease, root.session_id)
    call(journal, lease, root.session_id)
    call(journal, root_lease, None)

    used = head(journal, root.session_id)
    assert head(journal, child.session_id).usage == CALL + CALL
    assert (used.usage, used.children_usage) == (CALL, CALL + CALL)
    assert used.used(NOW).tokens == 21
    # What was added without reading is not undone by what reads and writes the whole head.
    journal.park(root_lease, wake_at=None, waiting_for="children", now=later(2))
    assert head(journal, root.session_id).children_usage == CALL + CALL


def test_children_that_spend_at_once_lose_nothing_to_each_other_or_to_their_family(
    journal: Journal,
) -> None:
    calls = 5
    root = accept(journal)
    root_lease = claim(journal, root.session_id).lease
    children = [
        accept(journal, parent_session_id=root.session_id, root_session_id=root.session_id)
        for _ in range(4)
    ]
    leases = [claim(journal, child.session_id).lease for child in children]

    def spend(lease: Lease) -> None:
        for _ in range(calls):
            call(journal, lease, root.session_id)

    def renew() -> None:
        for second in range(calls):
            journal.renew(root_lease, now=later(second))
            journal.raise_budget(root_lease, Budget(max_tokens=second + 1), now=later(second))

    with ThreadPoolExecutor() as threads:
        done = [threads.submit(spend, lease) for lease in leases] + [threads.submit(renew)]
    for each in done:
        each.result()

    after = head(journal, root.session_id)
    assert after.children_usage.model_calls == len(leases) * calls
    assert after.children_usage.input_tokens == len(leases) * calls * CALL.input_tokens
    assert after.budget.max_tokens == calls


def test_a_refused_write_of_a_child_adds_nothing_to_its_family(journal: Journal) -> None:
    root = accept(journal)
    child = grandchild_of(journal, root.session_id)
    lease = claim(journal, child.session_id).lease
    journal.release(lease, now=later(1), why="shutdown")

    with pytest.raises(LeaseLostError):
        call(journal, lease, root.session_id)

    assert head(journal, root.session_id).children_usage == Usage()


def test_a_child_works_on_when_the_head_of_its_family_is_gone(journal: Journal) -> None:
    child = accept(journal, parent_session_id="gone", root_session_id="gone")
    lease = claim(journal, child.session_id).lease

    call(journal, lease, "gone")
    journal.settle(lease, DONE, now=later(2))

    assert head(journal, child.session_id).usage == CALL
    assert journal.get("gone") is None


def test_the_time_of_a_child_s_attempts_is_added_once_each(journal: Journal) -> None:
    root = accept(journal)
    child = grandchild_of(journal, root.session_id)
    claim(journal, child.session_id)
    lease = claim(journal, child.session_id, now=later(100)).lease
    lost = head(journal, root.session_id).children_worked_ms

    journal.settle(lease, DONE, now=later(107))

    assert lost == 0
    assert head(journal, child.session_id).worked_ms == 7_000
    assert head(journal, root.session_id).children_worked_ms == 7_000


def test_time_is_counted_until_the_last_renewal_of_a_worker_that_died(journal: Journal) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease
    journal.renew(lease, now=later(20))
    journal.commit(lease, Changes(), now=later(30))

    again = claim(journal, run.session_id, now=later(500)).run

    assert again.worked_ms == 30_000
    assert again.claimed_at == later(500)


def test_a_raised_limit_is_durable_told_and_fenced(journal: Journal) -> None:
    run = accept(journal, budget=LIMITS)
    lease = claim(journal, run.session_id).lease

    journal.raise_budget(lease, Budget(max_tokens=50, max_seconds=1), now=later(1))
    journal.raise_budget(lease, Budget(max_tokens=50), now=later(2))

    assert head(journal, run.session_id).budget == Budget(
        max_tokens=50, max_cost_usd=LIMITS.max_cost_usd, max_seconds=LIMITS.max_seconds
    )
    told = [entry.event.type for entry in journal.events(run.session_id)]
    assert told.count(EventType.BUDGET_SET) == 1
    journal.settle(lease, DONE, now=later(3))
    with pytest.raises(LeaseLostError):
        journal.raise_budget(lease, Budget(max_tokens=60), now=later(4))


def test_a_child_raises_the_limit_of_its_family(journal: Journal) -> None:
    root = accept(journal, budget=LIMITS)
    child = grandchild_of(journal, root.session_id)
    lease = claim(journal, child.session_id).lease

    journal.raise_budget(lease, Budget(max_tokens=50), now=later(1))

    assert head(journal, root.session_id).budget.max_tokens == 50
    assert not head(journal, child.session_id).budget.is_set
    told = [entry.event.type for entry in journal.events(child.session_id)]
    assert EventType.BUDGET_SET in told
