import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from runs.ids import (
    MAX_SESSION_ID,
    MIN_SESSION_ID,
    SESSION_ID,
    Ulids,
    new_lease_token,
    new_session_id,
    session_id_for,
)
from tests.support.journals import NOW, later

ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def test_a_new_session_id_is_one_that_agentcore_takes() -> None:
    made = {new_session_id() for _ in range(100)}

    assert len(made) == 100
    assert all(SESSION_ID.fullmatch(one) for one in made)
    assert all(MIN_SESSION_ID <= len(one) <= MAX_SESSION_ID for one in made)


def test_the_session_id_of_a_key_is_part_of_the_public_contract() -> None:
    """Were it to change, an event sent again after an upgrade would start a second run."""
    assert session_id_for("invoice-2026-01") == "8ac73f08-85a6-544c-a207-5176a59f7fc7"


@given(st.text(), st.text())
def test_the_same_key_and_no_other_gives_the_same_session_id(one: str, two: str) -> None:
    assert (session_id_for(one) == session_id_for(two)) == (one == two)
    assert uuid.UUID(session_id_for(one)).version == 5


def test_lease_tokens_are_all_different() -> None:
    assert len({new_lease_token() for _ in range(1000)}) == 1000


def _time_of(ulid: str) -> datetime:
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    milliseconds = 0
    for character in ulid[:10]:
        milliseconds = milliseconds * 32 + alphabet.index(character)
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)


def test_a_ulid_holds_its_instant() -> None:
    made = Ulids().new(NOW)

    assert ULID.fullmatch(made)
    assert _time_of(made) == NOW


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50))
def test_ulids_sort_as_they_were_made_though_the_clock_steps_back(seconds: list[float]) -> None:
    ulids = Ulids()

    made = [ulids.new(later(second)) for second in seconds]

    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_ulids_of_many_threads_are_all_different_and_sort_within_each() -> None:
    ulids = Ulids()

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: [ulids.new(NOW) for _ in range(500)], range(8)))

    assert len({one for some in made for one in some}) == 4000
    assert all(some == sorted(some) for some in made)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_ulid_follows_one_of_another_maker(here: float, there: float) -> None:
    other = Ulids().new(later(there))
    ulids = Ulids()

    first = ulids.new(later(here), after=other)
    second = ulids.new(later(here))

    assert other < first < second


def test_two_makers_do_not_make_the_same_in_one_millisecond() -> None:
    assert len({Ulids().new(NOW) for _ in range(1000)}) == 1000
