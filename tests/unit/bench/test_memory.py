"""Memory is read as the system tells it."""

import pytest

from bench.memory import in_megabytes, slope

ROLLUP = """\
5580b6a4d000-7ffd1d9f1000 ---p 00000000 00:00 0                          [rollup]
Rss:              140288 kB
Pss:              108544 kB
Pss_Dirty:         98304 kB
Shared_Clean:      31744 kB
"""


def test_the_whole_and_the_own_share_are_read_in_megabytes() -> None:
    assert in_megabytes(ROLLUP) == (137.0, 106.0)


def test_the_slope_is_what_one_more_adds_whatever_there_is_before() -> None:
    assert slope([(1, 100.5), (10, 105.0), (50, 125.0)]) == pytest.approx(0.5)
