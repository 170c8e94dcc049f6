"""Values as JSON texts that every store can hold."""

import json

import pytest

from runs.compact import compact
from runs.json_types import Json


def test_characters_stand_as_they_are() -> None:
    assert compact({"text": "€ 成本 \U0001f984"}) == '{"text":"€ 成本 \U0001f984"}'


@pytest.mark.parametrize("value", ["plain", "€", "lone \ud800 surrogate", {"€\ud800": [None, 1]}])
def test_a_value_is_read_as_it_was_written_through_utf8(value: Json) -> None:
    assert json.loads(compact(value).encode("utf-8")) == value
