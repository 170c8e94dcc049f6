"""Values as people read them."""

from datetime import UTC, timedelta, timezone
from decimal import Decimal

import pytest

from cli import text
from tests.support.journals import NOW, later


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 ms"),
        (0.0004, "0 ms"),
        (0.25, "250 ms"),
        (0.9996, "1.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (3599.6, "1 h 00 min"),
        (86_399.9, "1 d 0 h"),
        (200_000, "2 d 7 h"),
    ],
)
def test_a_duration_has_its_largest_units(seconds: float, words: str) -> None:
    assert text.duration(seconds) == words


def test_a_growing_duration_has_no_digits_that_flicker() -> None:
    assert [text.clock(seconds) for seconds in (-1, 0.25, 9.94, 61)] == [
        "0.0 s",
        "0.2 s",
        "9.9 s",
        "1 min 01 s",
    ]


def test_the_time_between_two_instants_is_written_as_a_duration() -> None:
    assert text.between(NOW, later(90)) == "1 min 30 s"


def test_instants_are_written_in_the_zone_that_is_asked_for() -> None:
    zone = timezone(timedelta(hours=2), "CEST")

    assert text.moment(NOW, UTC) == "2026-01-31 08:30:00 UTC"
    assert text.clock_time(NOW, zone) == "10:30:00"
    assert text.zone_name(NOW, zone) == "CEST"


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0"), (999, "999"), (1_000, "1k"), (21_543, "21.5k"), (999_499, "999k"), (999_500, "1M")],
)
def test_tokens_have_three_figures(count: int, words: str) -> None:
    assert text.tokens(count) == words


@pytest.mark.parametrize(
    ("usd", "words"),
    [
        ("0", "$0.00"),
        ("0.00000001", "<$0.0001"),
        ("0.0123", "$0.0123"),
        ("1", "$1.00"),
        ("1234.5", "$1,234.50"),
    ],
)
def test_money_has_the_places_a_small_amount_needs(usd: str, words: str) -> None:
    assert text.money(Decimal(usd)) == words


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (999, "999 B"), (63_012, "63 kB"), (2_500_000_000, "2.5 GB")]
)
def test_sizes_have_three_figures(count: int, words: str) -> None:
    assert text.size(count) == words


def test_a_noun_is_in_the_plural_where_it_is_due() -> None:
    assert [text.count(number, "call") for number in (0, 1, 2_000)] == [
        "0 calls",
        "1 call",
        "2,000 calls",
    ]


def test_what_a_terminal_would_obey_is_left_out() -> None:
    assert text.clean("a\x1b[2Jb\x07\nc\td\x9be") == "a[2Jb\nc\tde"
    assert text.one_line(" a\n\tb\r c ") == "a b c"
