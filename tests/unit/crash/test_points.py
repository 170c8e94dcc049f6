"""Points: how they are typed, counted and chosen."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crash.errors import SubjectError
from crash.points import Counted, Point, Where, sample

COUNTED = Counted(
    writes=["claim", *["message"] * 40, "settle"],
    starts=3,
    model_calls=(4, 9),
    tool_calls=(0.5,) * 20,
)


@pytest.mark.parametrize("text", ["1-before", "17-after", "start-2", "model-3", "tool-20"])
def test_a_point_is_read_as_it_is_written(text: str) -> None:
    assert str(Point.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "17", "0-before", "17-within", "start-0", "model-0", "before-17", "-1"]
)
def test_what_is_no_point_is_refused(text: str) -> None:
    with pytest.raises(SubjectError, match=f"point is '{text}', expected such as 17-before"):
        Point.parse(text)


def test_a_run_has_two_points_for_each_write_and_one_for_each_start_and_call() -> None:
    points = COUNTED.points()

    assert len(points) == len(set(points)) == 2 * 42 + 3 + 2 + 20
    assert all(COUNTED.has(point) for point in points)
    assert len(COUNTED.points(has_calls=False)) == 2 * 42 + 3


@pytest.mark.parametrize("text", ["43-before", "start-4", "model-3", "tool-21"])
def test_a_run_does_not_come_to_points_it_has_not(text: str) -> None:
    assert not COUNTED.has(Point.parse(text))


def test_the_middle_of_a_call_is_half_of_what_it_took() -> None:
    assert COUNTED.middle(Point(Where.MODEL, 2)) == 4
    assert COUNTED.middle(Point(Where.TOOL, 7)) == 0.25


def test_a_sample_has_every_kind_of_point() -> None:
    chosen = sample(COUNTED, 9)

    assert {point.where for point in chosen} == set(Where) - {Where.RANDOM}
    writes = {point.number for point in chosen if point.where is Where.AFTER}
    assert {1, 42} < writes


def test_a_larger_sample_is_spread_over_the_run() -> None:
    chosen = [point.number for point in sample(COUNTED, 40) if point.where is Where.BEFORE]

    gaps = [later - sooner for sooner, later in pairwise(chosen)]
    assert max(gaps) <= 8


@given(count=st.integers(0, 150), has_calls=st.booleans())
def test_a_sample_is_as_large_as_asked_and_in_the_order_of_the_run(
    count: int, has_calls: bool
) -> None:
    every = COUNTED.points(has_calls=has_calls)

    chosen = sample(COUNTED, count, has_calls=has_calls)

    assert len(chosen) == len(set(chosen)) == min(count, len(every))
    assert chosen == sorted(chosen, key=every.index)
