"""What a run may use, and what counts against it."""

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

import pytest

from runs import lifecycle
from runs.budget import Budget, Standing, Used, reached, standings
from runs.children import child_of, to_be_told, told
from runs.errors import LeaseLostError
from runs.events import EventType
from runs.lifecycle import Change, Ending, lease_of
from runs.run import Run, Status, Usage
from tests.support.journals import NOW, a_run, an_operation, later

USED = Used(tokens=100, cost_usd=Decimal("0.30"), seconds=12.5)


def claimed(run: Run, *, at: float = 0) -> Run:
    return lifecycle.claim(
        run, owner="worker", token=f"of {at}", now=later(at), lease_seconds=60
    ).run


def settled(run: Run, *, at: float) -> Run:
    ending = Ending(status=Status.COMPLETED)
    return lifecycle.settle(run, lease=lease_of(run), ending=ending, now=later(at)).run


def parked(run: Run, *, at: float) -> Run:
    return lifecycle.park(
        run, lease=lease_of(run), wake_at=later(at), waiting_for="a timer", now=later(at)
    ).run


@pytest.mark.parametrize(
    ("budget", "limit"),
    [
        (Budget(), None),
        (Budget(max_tokens=101, max_cost_usd=Decimal("0.31"), max_seconds=12.6), None),
        (Budget(max_tokens=100), "max_tokens"),
        (Budget(max_cost_usd=Decimal("0.3")), "max_cost_usd"),
        (Budget(max_seconds=12.5), "max_seconds"),
        (Budget(max_tokens=1_000, max_seconds=1), "max_seconds"),
    ],
)
def test_a_limit_is_reached_when_as_much_is_used(budget: Budget, limit: str | None) -> None:
    standing = reached(budget, USED)

    assert (standing and standing.limit) == limit


def test_a_limit_says_how_it_stands_and_never_has_less_than_nothing_left() -> None:
    budget = Budget(max_tokens=1_000_000, max_cost_usd=Decimal("0.10"), max_seconds=60)

    tokens, cost, seconds = standings(budget, USED)

    assert str(tokens) == "max_tokens is 1,000,000, used is 100"
    assert str(cost) == "max_cost_usd is $0.1, used is $0.3"
    assert str(seconds) == "max_seconds is 60.0 s, used is 12.5 s"
    assert [tokens.left, cost.left, seconds.left] == [999_900, 0, Decimal("47.5")]
    assert cost == Standing(limit="max_cost_usd", allowed=Decimal("0.10"), used=Decimal("0.30"))


@pytest.mark.parametrize(
    ("limit", "amount", "expected"),
    [
        ("max_tokens", "5", "a whole number from 0 to 1,000,000,000,000"),
        ("max_tokens", 1.5, "a whole number from 0 to 1,000,000,000,000"),
        ("max_tokens", True, "a whole number from 0 to 1,000,000,000,000"),
        ("max_tokens", 10**13, "a whole number from 0 to 1,000,000,000,000"),
        ("max_cost_usd", "0.5", "a number from 0 to 1,000,000"),
        ("max_cost_usd", Decimal("sNaN"), "a number from 0 to 1,000,000"),
        ("max_cost_usd", Decimal("1e400"), "a number from 0 to 1,000,000"),
        ("max_seconds", float("nan"), "a number from 0 to 2,592,000"),
        ("max_seconds", float("inf"), "a number from 0 to 2,592,000"),
        ("max_seconds", -1, "a number from 0 to 2,592,000"),
    ],
)
def test_what_can_be_no_limit_is_refused_before_it_is_written(
    limit: str, amount: object, expected: str
) -> None:
    message = re.escape(f"{limit} is {amount!r}, expected {expected}")

    with pytest.raises(ValueError, match=f"^{message}$"):
        Budget(**cast("dict[str, Any]", {limit: amount}))


def test_a_default_is_for_limits_that_are_missing_only() -> None:
    default = Budget(max_tokens=5, max_seconds=6)

    assert Budget(max_tokens=9).or_else(default) == Budget(max_tokens=9, max_seconds=6)


def test_of_two_that_raise_a_limit_the_higher_stands_whoever_comes_first() -> None:
    low, high = Budget(max_tokens=5), Budget(max_tokens=9, max_cost_usd=Decimal(1))

    assert low.raised(high) == high.raised(low) == high


def test_all_kinds_of_tokens_of_the_run_and_its_children_count() -> None:
    own = Usage(input_tokens=1, output_tokens=2, cache_read_tokens=4, cache_write_tokens=8)
    run = a_run(usage=own, children_usage=Usage(output_tokens=16, cost_nano_usd=5))

    assert run.used(NOW) == Used(tokens=31, cost_usd=Decimal("5E-9"), seconds=0)


def test_time_counts_while_an_attempt_works_and_not_while_the_run_waits() -> None:
    run = parked(claimed(a_run()), at=10)
    waited = run.used(later(1_000)).seconds
    again = claimed(run, at=1_000)

    assert waited == 10
    assert again.used(later(1_005)).seconds == 15
    assert settled(again, at=1_020).used(later(9_000)).seconds == 30


def test_a_lost_attempt_worked_until_it_last_renewed_its_lease() -> None:
    run = claimed(a_run())
    renewed = lifecycle.renew(run, lease=lease_of(run), now=later(25)).run

    assert renewed.used(later(84)).seconds == 84
    assert renewed.used(later(85)).seconds == 25
    assert claimed(renewed, at=500).worked_ms == 25_000


def test_raising_a_limit_is_told_once_and_refused_to_others() -> None:
    run = claimed(a_run(budget=Budget(max_tokens=10)))
    lease = lease_of(run)

    change = lifecycle.raise_budget(run, lease=lease, budget=Budget(max_tokens=20), now=later(1))
    again = lifecycle.raise_budget(
        change.run, lease=lease, budget=Budget(max_tokens=20), now=later(2)
    )

    assert change.run.budget == Budget(max_tokens=20)
    assert [event.type for event in change.events] == [EventType.BUDGET_SET]
    assert again == Change(run=change.run)
    with pytest.raises(LeaseLostError):
        lifecycle.raise_budget(claimed(run, at=61), lease=lease, budget=Budget(), now=later(62))


def test_a_grandchild_belongs_to_the_run_that_began_the_family() -> None:
    invoke = an_operation("inv-1")
    child = child_of(a_run(session_id="root"), invoke, workflow="w", now=NOW)
    grandchild = child_of(child, invoke, workflow="w", now=NOW)

    assert (child.root_session_id, grandchild.root_session_id) == ("root", "root")
    assert grandchild.parent_session_id == child.session_id


def test_the_end_of_a_child_tells_the_root_of_its_time_and_the_parent_of_its_end() -> None:
    before = claimed(a_run(parent_session_id="parent", root_session_id="root"))
    change = Change(run=settled(before, at=8))
    root, parent = (a_run(session_id=name, status=Status.WAITING) for name in ("root", "parent"))

    names = to_be_told(before, change)
    told_root = told(root, before=before, change=change).run
    told_parent = told(parent, before=before, change=change).run

    assert names == ("root", "parent")
    assert told_root == replace(root, children_worked_ms=8_000, version=1)
    assert (told_parent.answers, told_parent.children_worked_ms) == (1, 0)


def test_a_run_that_is_over_hears_of_time_worked_for_it_and_of_nothing_else() -> None:
    before = claimed(a_run(parent_session_id="root", root_session_id="root"))
    change = Change(run=settled(before, at=8))
    root = a_run(session_id="root", status=Status.FAILED)

    assert told(root, before=before, change=change).run == replace(
        root, children_worked_ms=8_000, version=1
    )
