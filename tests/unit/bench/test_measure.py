import pytest

from bench.measure import Row, Spread, interleaved, percentile, spread


def row(*, value: float, baseline: float | None = None, bar: float | None = None) -> Row:
    return Row(what="w", value=value, baseline=baseline, note="n", bar=bar, samples=1)


@pytest.mark.parametrize(("percent", "expected"), [(50, 3), (99, 5), (100, 5), (1, 1), (20, 1)])
def test_a_percentile_is_the_smallest_sample_that_so_many_do_not_exceed(
    percent: float, expected: float
) -> None:
    assert percentile([5, 1, 4, 2, 3], percent) == expected


def test_the_99th_percentile_of_a_hundred_is_not_the_worst() -> None:
    assert percentile(list(range(100)), 99) == 98


def test_the_spread_leaves_out_a_tenth_at_each_end() -> None:
    assert spread(list(range(1, 101))) == Spread(10, 90)


def test_one_sample_has_no_spread() -> None:
    assert spread([1.0]) is None
    assert spread([3.0, 1.0]) == Spread(1.0, 3.0)


def test_a_bar_bounds_the_ratio_to_the_baseline() -> None:
    assert row(value=15, baseline=10, bar=1.5).is_met
    assert not row(value=15.1, baseline=10, bar=1.5).is_met


def test_a_value_must_stay_below_its_bar_where_there_is_no_baseline() -> None:
    assert row(value=0.49, bar=0.5).is_met
    assert not row(value=0.5, bar=0.5).is_met


def test_a_row_without_a_bar_can_not_be_missed() -> None:
    assert row(value=100, baseline=1).is_met


def test_works_are_measured_in_turns_and_each_begins_in_turn() -> None:
    order: list[str] = []

    def work(name: str) -> float:
        order.append(name)
        return float(len(order))

    measured = interleaved([lambda: work("a"), lambda: work("b")], rounds=2, warm_up=1)

    assert "".join(order) == "abbaab"
    assert measured == [[4, 5], [3, 6]]
