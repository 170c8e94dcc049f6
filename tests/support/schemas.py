"""The schemas of the events on the bus."""

import json
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from local.home import PROJECT

FOLDER = PROJECT / "runs" / "schemas"


def schema_of(kind: str) -> dict[str, Any]:
    """Read the schema of a type of events."""
    schema: dict[str, Any] = json.loads((FOLDER / f"{kind}.json").read_text())
    return schema


def kinds() -> list[str]:
    """Give the types that have a schema."""
    return sorted(path.name.removesuffix(".json") for path in FOLDER.glob("*.json"))


def problems(event: dict[str, Any]) -> list[str]:
    """Say what of an event is not as the schema of its type says."""
    validator = Draft202012Validator(schema_of(event["type"]), format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(event)]
