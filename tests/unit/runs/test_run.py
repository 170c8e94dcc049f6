from dataclasses import replace
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.errors import IllegalTransitionError
from runs.run import TERMINAL, TRANSITIONS, Lease, Run, Status, Usage, check_transition
from tests.support.journals import NOW, a_run, later

#: Written out, not computed: this is what the table is checked against.
LEGAL = {
    ("QUEUED", "BUSY"),
    ("QUEUED", "WAITING"),
    ("QUEUED", "FAILED"),
    ("QUEUED", "CANCELLED"),
    ("QUEUED", "TIMED_OUT"),
    ("BUSY", "BUSY"),
    ("BUSY", "QUEUED"),
    ("BUSY", "WAITING"),
    ("BUSY", "COMPLETED"),
    ("BUSY", "FAILED"),
    ("BUSY", "CANCELLED"),
    ("BUSY", "TIMED_OUT"),
    ("WAITING", "BUSY"),
    ("WAITING", "QUEUED"),
    ("WAITING", "FAILED"),
    ("WAITING", "CANCELLED"),
    ("WAITING", "TIMED_OUT"),
    ("FAILED", "QUEUED"),
    ("CANCELLED", "QUEUED"),
    ("TIMED_OUT", "QUEUED"),
}


@pytest.mark.parametrize(("before", "after"), list(product(Status, Status)))
def test_every_move_is_legal_or_refused(before: Status, after: Status) -> None:
    run = a_run(status=before)

    if (before, after) in LEGAL:
        check_transition(run, after)
        return
    with pytest.raises(IllegalTransitionError, match=f"is {before} and can't become {after}"):
        check_transition(run, after)


def test_the_table_knows_every_status() -> None:
    assert set(TRANSITIONS) == set(Status)
    assert {status for status in Status if status.is_terminal} == TERMINAL
    assert {"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"} == TERMINAL


def _with_lease(run: Run, seconds: float) -> Run:
    lease = Lease(
        session_id=run.session_id,
        token="t",
        owner="o",
        attempt=1,
        seconds=60,
        expires_at=later(seconds),
    )
    return replace(run, lease=lease)


@pytest.mark.parametrize(
    ("status", "lease", "wake", "is_due"),
    [
        ("QUEUED", None, None, False),
        ("QUEUED", None, -1, True),
        ("QUEUED", None, 0, True),
        ("QUEUED", None, 1, False),
        ("WAITING", None, None, False),
        ("WAITING", None, 0, True),
        ("WAITING", None, 1, False),
        ("BUSY", 1, None, False),
        ("BUSY", 0, None, True),
        ("BUSY", -1, None, True),
        ("BUSY", -1, 1, False),
        ("BUSY", -1, 0, True),
        ("BUSY", 1, -1, False),
        ("COMPLETED", None, -1, False),
        ("FAILED", None, -1, False),
        ("CANCELLED", None, -1, False),
        ("TIMED_OUT", None, -1, False),
    ],
)
def test_a_run_is_due_when_it_wants_a_worker_now(
    status: str, lease: float | None, wake: float | None, *, is_due: bool
) -> None:
    run = a_run(status=Status(status), wake_at=None if wake is None else later(wake))
    run = run if lease is None else _with_lease(run, lease)

    assert run.is_due(NOW) is is_due


_usages = st.builds(
    Usage,
    **{name: st.integers(0, 10**15) for name in Usage.__dataclass_fields__},
)


@given(_usages, _usages, _usages)
def test_usages_add_up_in_any_order(one: Usage, two: Usage, three: Usage) -> None:
    assert (one + two) + three == one + (three + two)
    assert one + Usage() == one
    assert (one + two).cost_usd == one.cost_usd + two.cost_usd


def test_cost_is_exact() -> None:
    assert Usage(cost_nano_usd=1).cost_usd == Decimal("0.000000001")
    assert Usage(cost_nano_usd=12_345_678_901).cost_usd == Decimal("12.345678901")
