"""Numbers in an analyst's words are held against the answers to queries."""

from decimal import Decimal

import pytest

from agent.workflows.cost.bill import Answer, Query
from agent.workflows.cost.numbers import Known, numbers_in

ANSWER = Answer(
    query=Query("SELECT … FROM bill WHERE charge_start::DATE = '2025-09-24'", "USD"),
    columns=("service", "day", "cost", "percent", "count"),
    rows=(
        ("Amazon EC2 m5.2xlarge", "2025-09-16", Decimal("6543.2178"), Decimal("34.8"), 12),
        ("$0.50 per GB of arn:aws:x:1234", "2025-09-18", Decimal("-20.005"), None, 0),
    ),
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It cost USD 6,543.22.", ["6543.22"]),
        ("It cost $6.5k, or 6.5 thousand", ["6500", "6500"]),
        ("0.5 million and 2M", ["500000", "2000000"]),
        ("34.8 % and 34.8%", ["34.8", "34.8"]),
        ("m5.2xlarge in us-east-1 on S3, IPv4 and gp3", []),
        ("on 2025-09-16", []),
        ("from 16 to 18 September", ["16", "18"]),
        ("i-0ab12 and arn:aws:x:1234:y/2", []),
        ("24/7", []),
        ("a saving of 5.", ["5"]),
        ("(12)", ["12"]),
        ("-3.5", ["3.5"]),
    ],
)
def test_numbers_are_found_and_names_are_none(text: str, found: list[str]) -> None:
    assert [number.value for number in numbers_in(text)] == [Decimal(value) for value in found]


@pytest.mark.parametrize(
    "text",
    [
        "USD 6,543.22 on 2025-09-16",
        "about $6.5k",
        "6,543 dollars",
        "34.8 % of it",
        "35 %",
        "it fell by 20.00 or 20.01",
        "12 resources, 0 used",
        "from 16 to 18 September 2025",
        "charged as “$0.50 per GB”",
        "on 2025-09-24, which the query names",
        "two rows: 2",
        "see arn:aws:x:1234, charged apart",
        "Nothing here.",
    ],
)
def test_what_an_answer_holds_is_known_in_any_rounding(text: str) -> None:
    assert Known([ANSWER]).unknown_in(text) == []


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("USD 6,543.23", ["6,543.23"]),
        ("about $6.6k", ["$6.6k"]),
        ("USD 7,000", ["7,000"]),
        ("on 2025-09-17", ["2025-09-17"]),
        ("up 400 %", ["400 %"]),
        ("13 resources", ["13"]),
        ("6543.22 and 1.1 and 99", ["1.1", "99"]),
    ],
)
def test_what_no_answer_holds_is_unknown(text: str, unknown: list[str]) -> None:
    assert Known([ANSWER]).unknown_in(text) == unknown


def test_sentences_with_unknown_numbers_are_left_out() -> None:
    text = "It cost USD 6,543.22. You could save USD 9,999. See m5.2xlarge! It is 34.8 % of all."

    kept, left_out = Known([ANSWER]).keep_known(text)

    assert kept == "It cost USD 6,543.22. See m5.2xlarge! It is 34.8 % of all."
    assert left_out == 1


def test_nothing_is_known_of_no_answers() -> None:
    assert Known([]).unknown_in("1 and 2025-09-16") == ["2025-09-16", "1"]
