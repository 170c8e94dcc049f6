from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.instants import from_iso, to_iso, whole

_zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_instants = st.datetimes(
    min_value=datetime(1970, 1, 3),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(9999, 12, 29),  # noqa: DTZ001 - as above
    timezones=_zones,
)


def test_an_instant_is_written_in_utc_with_milliseconds() -> None:
    at = datetime(2026, 1, 31, 9, 30, 0, 123_999, tzinfo=timezone(timedelta(hours=1)))

    assert to_iso(at) == "2026-01-31T08:30:00.123Z"


@given(_instants)
def test_an_instant_comes_back_to_the_millisecond(at: datetime) -> None:
    back = from_iso(to_iso(at))

    assert back == whole(at)
    assert timedelta(0) <= at - back < timedelta(milliseconds=1)
    assert back.tzinfo is UTC
    assert to_iso(back) == to_iso(at)


@given(_instants, _instants)
def test_texts_sort_as_the_instants_they_stand_for(one: datetime, two: datetime) -> None:
    first, second = sorted([one, two])

    assert to_iso(first) <= to_iso(second)
    assert len(to_iso(first)) == 24


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="'2026-01-31T08:30:00' has no time zone"):
        to_iso(datetime(2026, 1, 31, 8, 30))  # noqa: DTZ001 - the point
    with pytest.raises(ValueError, match="'2026-01-31T08:30:00' has no time zone"):
        from_iso("2026-01-31T08:30:00")


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01T00:00:00Z", "1769848200"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        from_iso(text)


def test_an_instant_with_an_offset_is_read_as_utc() -> None:
    assert from_iso("2026-01-31T09:30:00+01:00") == datetime(2026, 1, 31, 8, 30, tzinfo=UTC)
