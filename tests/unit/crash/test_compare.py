"""Where two values differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crash.compare import ABSENT, Difference, differences, is_ignored
from runs.json_types import Json

JSON: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
)


@given(value=JSON)
def test_a_value_does_not_differ_from_itself(value: Json) -> None:
    assert list(differences(value, value)) == []


@given(one=JSON, other=JSON)
def test_other_values_differ(one: Json, other: Json) -> None:
    is_same = one == other and repr(one) == repr(other)
    # Python's True is 1, and an order of keys says nothing.
    if not is_same and one != other:
        assert list(differences(one, other))


@pytest.mark.parametrize(
    ("wanted", "got", "expected"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [Difference("a.b", 1, 2)]),
        (
            {"a": [1, 2]},
            {"a": [1, 3, 4]},
            [Difference("a[1]", 2, 3), Difference("a[2]", ABSENT, 4)],
        ),
        ({"a": 1}, {"b": 1}, [Difference("a", 1, ABSENT), Difference("b", ABSENT, 1)]),
        ({"a": 1}, {"a": True}, [Difference("a", 1, True)]),
        ({"a": "1"}, {"a": ["1"]}, [Difference("a", "1", ["1"])]),
        ({"a": None}, {}, [Difference("a", None, ABSENT)]),
        ({"a": {}}, {"a": []}, [Difference("a", {}, [])]),
    ],
)
def test_a_difference_is_told_as_deep_as_it_is(
    wanted: Json, got: Json, expected: list[Difference]
) -> None:
    assert list(differences(wanted, got)) == expected


@pytest.mark.parametrize(
    ("path", "pattern", "is_it"),
    [
        ("result.at", "result.at", True),
        ("result.at.day", "result.at", True),
        ("result.rows[2].at", "result.rows[*].at", True),
        ("result.rows[2].at", "result.rows", True),
        ("result.rows[2].at", "*.at", True),
        ("result.attempt", "result.at", False),
        ("result.rows[2].at", "result.rows[1]", False),
    ],
)
def test_what_may_differ_is_named_by_path(path: str, pattern: str, is_it: bool) -> None:
    assert is_ignored(path, ["other", pattern]) is is_it
