"""The shapes of the Lambda service, as botocore has them, to check our history against."""

import json
import re
from datetime import datetime
from typing import Any

import botocore.session
from botocore.model import Shape, StructureShape
from botocore.parsers import create_parser

from runs.json_types import Json


def event_shape() -> StructureShape:
    """Give the shape of one event of `GetDurableExecutionHistory`."""
    model = botocore.session.get_session().get_service_model("lambda")
    shape = model.shape_for("Event")
    assert isinstance(shape, StructureShape)
    return shape


def parsed(history: list[dict[str, Json]]) -> list[dict[str, Any]]:
    """Give a history's events as boto3 would give them to who asked the service."""
    model = botocore.session.get_session().get_service_model("lambda")
    shape = model.operation_model("GetDurableExecutionHistory").output_shape
    body = json.dumps({"Events": history}).encode()
    answer = {"body": body, "headers": {}, "status_code": 200}
    events: list[dict[str, Any]] = create_parser("rest-json").parse(answer, shape)["Events"]
    return events


def faults(value: Json, shape: Shape, *, path: str = "") -> list[str]:
    """Name everything in a value that the service would not give."""
    match shape.type_name:
        case "structure":
            return _structure(value, shape, path)
        case "list":
            if not isinstance(value, list):
                return [f"{path} is no list"]
            members: Any = shape.member
            return [fault for one in value for fault in faults(one, members, path=f"{path}[]")]
        case "timestamp":
            # Raises for what is none.
            datetime.fromisoformat(str(value))
            return []
        case "integer" | "long":
            is_whole = isinstance(value, int) and not isinstance(value, bool)
            return [] if is_whole else [f"{path} is {value!r}, expected a whole number"]
        case "boolean":
            return [] if isinstance(value, bool) else [f"{path} is {value!r}, expected a flag"]
        case _:
            return _text(value, shape, path)


def _structure(value: Json, shape: Any, path: str) -> list[str]:  # noqa: ANN401 - botocore's are untyped
    if not isinstance(value, dict):
        return [f"{path} is {value!r}, expected an object"]
    missing = [f"{path}.{name} is missing" for name in shape.required_members if name not in value]
    unknown = [f"{path}.{name} is unknown" for name in value if name not in shape.members]
    known = [name for name in value if name in shape.members]
    inner = [
        fault
        for name in known
        for fault in faults(value[name], shape.members[name], path=f"{path}.{name}")
    ]
    return missing + unknown + inner


def _text(value: Json, shape: Any, path: str) -> list[str]:  # noqa: ANN401 - as above
    if not isinstance(value, str):
        return [f"{path} is {value!r}, expected a text"]
    if shape.enum and value not in shape.enum:
        return [f"{path} is {value!r}, expected one of {shape.enum}"]
    limits = shape.metadata
    if not limits.get("min", 0) <= len(value) <= limits.get("max", len(value)):
        return [f"{path} has {len(value)} characters, expected {limits}"]
    pattern = limits.get("pattern")
    if pattern and not re.fullmatch(pattern, value):
        return [f"{path} is {value!r}, expected {pattern}"]
    return []
