"""Results that people write, in the form in which the durable SDK reads what a step gave.

The SDK (3.0.0, `ExtendedTypeSerDes`) writes texts, numbers and lists of them as JSON, and all else
with the type of each value. Answers to callbacks and results of child runs are plain JSON.
"""

import json
from collections.abc import Mapping

from runs.errors import InvalidRequestError
from runs.json_types import Json
from runs.operations import Operation, OperationType

_WAIT_FOR_CALLBACK = "WaitForCallback"
_BATCHES = frozenset({"Map", "Parallel"})


def result_of(operation: Operation, text: str, *, field: str) -> str:
    """Give the payload of an operation that is to have come to a value.

    Args:
        operation: What is to have come to it.
        text: The value, as JSON.
        field: What the value was given as, for messages.

    Raises:
        InvalidRequestError: It is not JSON, or the operation's result is not a value of JSON.
    """
    value = check_json(text, field=field)
    kind = operation.type
    if kind is OperationType.WAIT or operation.sub_type in _BATCHES:
        what = "a wait" if kind is OperationType.WAIT else "a map or parallel"
        raise InvalidRequestError(field=field, message=f"is {what}, which has no result to edit")
    if kind in {OperationType.CALLBACK, OperationType.CHAINED_INVOKE}:
        return text
    if not _is_plain(operation.payload):
        message = "has a result that only its workflow can read, expected one of JSON values"
        raise InvalidRequestError(field=field, message=message)
    if operation.sub_type == _WAIT_FOR_CALLBACK:
        # What it gives is the answer's text.
        return json.dumps(text)
    return json.dumps(value if _is_primitive(value) else _tagged(value), separators=(",", ":"))


def check_json(text: str, *, field: str) -> Json:
    """Read a text that must be JSON.

    Raises:
        InvalidRequestError: It is not.
    """
    try:
        value: Json = json.loads(text)
    except ValueError as error:
        raise InvalidRequestError(field=field, message=f"is not JSON: {error}") from error
    return value


def _is_primitive(value: Json) -> bool:
    if isinstance(value, list):
        return all(map(_is_primitive, value))
    return value is None or isinstance(value, str | int | float)


def _tagged(value: Json) -> Json:
    match value:
        case None:
            return {"t": "n", "v": None}
        case bool():
            return {"t": "b", "v": value}
        case int():
            return {"t": "i", "v": value}
        case float():
            return {"t": "f", "v": value}
        case str():
            return {"t": "s", "v": value}
        case Mapping():
            return {"t": "m", "v": {name: _tagged(inner) for name, inner in value.items()}}
        case _:
            return {"t": "l", "v": [_tagged(inner) for inner in value]}


def _is_plain(payload: str | None) -> bool:
    """Say whether a payload is as the SDK writes it by itself."""
    if payload is None:
        return True
    try:
        value = json.loads(payload)
    except ValueError:
        return False
    is_tagged = isinstance(value, dict) and value.keys() == {"t", "v"}
    return is_tagged or _is_primitive(value)
