"""A result that a person writes is read by the durable SDK as if a step had given it."""

import json

import pytest
from aws_durable_execution_sdk_python.serdes import EXTENDED_TYPES_SERDES, SerDesContext
from hypothesis import given
from hypothesis import strategies as st

from runs.errors import InvalidRequestError
from runs.json_types import Json
from runs.operations import OperationType
from runs.results import result_of
from tests.support.journals import an_operation

_LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
JSON = st.recursive(_LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(JSON)
def test_it_is_written_as_the_sdk_writes_it(value: Json) -> None:
    payload = result_of(an_operation(payload=None), json.dumps(value), field="load")

    assert payload == EXTENDED_TYPES_SERDES.serialize(value, SerDesContext())
    assert EXTENDED_TYPES_SERDES.deserialize(payload, SerDesContext()) == value


@pytest.mark.parametrize("kind", [OperationType.CALLBACK, OperationType.CHAINED_INVOKE])
def test_answers_and_results_of_children_are_plain_json(kind: OperationType) -> None:
    assert result_of(an_operation(type=kind), '{"a": 1}', field="it") == '{"a": 1}'


@pytest.mark.parametrize("payload", ["not json", '{"rows": 3}'])
def test_a_result_written_by_another_serialiser_is_refused(payload: str) -> None:
    with pytest.raises(InvalidRequestError, match="load: has a result that only its workflow can"):
        result_of(an_operation(payload=payload), "1", field="load")


def test_a_wait_has_no_result() -> None:
    with pytest.raises(InvalidRequestError, match="pause: is a wait, which has no result to edit"):
        result_of(an_operation(type=OperationType.WAIT, payload=None), "1", field="pause")
