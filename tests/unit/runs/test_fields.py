from collections.abc import Callable

import pytest

from runs.fields import FieldError, Fields
from runs.json_types import Json


@pytest.mark.parametrize(
    ("read", "value", "message"),
    [
        (Fields.text, None, "x is missing, expected a text"),
        (Fields.text, 3, "x is 3, expected a text"),
        (Fields.text_or_none, [], "x is [], expected a text"),
        (Fields.whole, "3", "x is '3', expected a whole number"),
        (Fields.whole, True, "x is True, expected a whole number"),
        (Fields.whole, None, "x is missing, expected a whole number"),
        (Fields.count, 1.5, "x is 1.5, expected a whole number"),
        (Fields.flag, "yes", "x is 'yes', expected true or false"),
        (Fields.number, "much", "x is 'much', expected a decimal number as text"),
        (Fields.number, 1.5, "x is 1.5, expected a text"),
        (Fields.instant, "now", "x is 'now', expected an instant with a zone"),
        (Fields.instant, "2026-01-31T08:30:00", "expected an instant with a zone"),
        (Fields.json, "{", "x is '{', expected a JSON text"),
        (Fields.json_object, "[1]", "x is [1], expected an object as JSON text"),
        (Fields.part, "{}", "x is '{}', expected an object"),
    ],
)
def test_a_field_of_the_wrong_kind_is_named(
    read: Callable[[Fields, str], object], value: Json, message: str
) -> None:
    with pytest.raises(FieldError) as raised:
        read(Fields({"x": value}), "x")

    assert message in str(raised.value)


def test_a_long_value_is_shown_in_part() -> None:
    with pytest.raises(FieldError) as raised:
        Fields({"x": "y" * 10_000}).instant("x")

    assert len(str(raised.value)) < 200
