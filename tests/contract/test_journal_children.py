"""A child's end and its parent's head change together, and a parent's end reaches its children."""

from dataclasses import replace

import pytest

from runs.journal.base import Changes, Journal
from runs.lifecycle import Ending
from runs.operations import OperationStatus, OperationType
from runs.run import Run, Status
from tests.support.families import family
from tests.support.journals import NOW, accept, an_operation, claim, later

DONE = Ending(status=Status.COMPLETED, result=1)


def head(journal: Journal, session_id: str) -> Run:
    run = journal.get(session_id)
    assert run is not None
    return run


def test_a_child_that_ends_makes_its_parked_parent_due(journal: Journal) -> None:
    lease, child = family(journal)
    journal.park(lease, wake_at=None, waiting_for="child", seen_answers=0, now=later(1))

    journal.settle(claim(journal, child.session_id).lease, DONE, now=later(2))

    parent = head(journal, lease.session_id)
    assert (parent.status, parent.wake_at, parent.answers) == (Status.WAITING, later(2), 1)


def test_a_child_that_ends_before_its_parent_parks_is_not_slept_through(journal: Journal) -> None:
    lease, child = family(journal)
    journal.cancel(child.session_id, now=later(1), reason="no need")

    journal.park(lease, wake_at=None, waiting_for="child", seen_answers=0, now=later(2))

    assert head(journal, lease.session_id).is_due(later(2))


def test_a_child_s_end_leaves_a_parent_that_is_over_alone(journal: Journal) -> None:
    lease, child = family(journal)
    ended = journal.settle(lease, DONE, now=later(1))

    journal.settle(claim(journal, child.session_id).lease, DONE, now=later(2))

    assert head(journal, lease.session_id) == ended


def test_a_child_can_end_whose_parent_is_gone(journal: Journal) -> None:
    child = accept(journal, parent_session_id="gone", parent_operation_id="inv-1")

    journal.settle(claim(journal, child.session_id).lease, DONE, now=later(2))

    assert head(journal, child.session_id).status is Status.COMPLETED


@pytest.mark.parametrize("how", ["settle", "cancel", "expire"])
def test_a_parent_that_ends_badly_ends_its_open_children(journal: Journal, how: str) -> None:
    lease, child = family(journal)
    match how:
        case "settle":
            journal.settle(lease, Ending(status=Status.FAILED), now=later(1))
        case "cancel":
            journal.park(lease, wake_at=None, waiting_for="child", now=later(1))
            journal.cancel(lease.session_id, now=later(2), reason="no need")
        case _:
            journal.expire(lease.session_id, now=later(4_000))

    ended = head(journal, child.session_id)
    assert ended.status is (Status.TIMED_OUT if how == "expire" else Status.CANCELLED)


def test_a_parent_that_completes_leaves_what_it_does_not_wait_for(journal: Journal) -> None:
    lease, child = family(journal)

    journal.settle(lease, DONE, now=later(1))

    assert head(journal, child.session_id) == child


def test_open_children_are_those_whose_ends_are_not_recorded(journal: Journal) -> None:
    lease, child = family(journal)
    never_accepted = an_operation(
        "inv-2", type=OperationType.CHAINED_INVOKE, status=OperationStatus.STARTED, ended_at=None
    )
    journal.commit(lease, Changes(operations=(an_operation("op-1"), never_accepted)), now=NOW)
    found = journal.open_children(lease.session_id)

    over = replace(
        never_accepted, operation_id="inv-1", status=OperationStatus.SUCCEEDED, ended_at=NOW
    )
    journal.commit(lease, Changes(operations=(over,)), now=NOW)

    assert found == [child]
    assert journal.open_children(lease.session_id) == []
