"""How late renewals are is told from what is left of the leases."""

from datetime import timedelta

from bench.capacity import lateness
from bench.peers.errand_app import LEASE_SECONDS
from runs.run import Lease, Run, Status
from tests.support.journals import NOW, a_run


def _leased(*, renewed_seconds_ago: float) -> Run:
    expires_at = NOW + timedelta(seconds=LEASE_SECONDS - renewed_seconds_ago)
    lease = Lease(
        session_id="run-1",
        token="token",
        owner="worker",
        attempt=1,
        seconds=LEASE_SECONDS,
        expires_at=expires_at,
    )
    return a_run(status=Status.BUSY, lease=lease)


def test_a_lease_that_was_renewed_within_a_third_of_its_time_is_not_late() -> None:
    assert lateness([_leased(renewed_seconds_ago=LEASE_SECONDS / 3)], now=NOW) == 0


def test_the_oldest_lease_counts() -> None:
    runs = [_leased(renewed_seconds_ago=seconds) for seconds in (1.0, 3.5, 2.5)]

    assert lateness(runs, now=NOW) == 3.5 - LEASE_SECONDS / 3


def test_without_leases_nothing_is_late() -> None:
    assert lateness([a_run()], now=NOW) == 0
