"""How the plan of a retry looks when it is stored."""

from runs.again import Plan
from runs.fields import FieldError, Fields
from runs.json_types import Json
from runs.records import Kind, Record, json_text, present


def _plan_to_record(plan: Plan) -> Record:
    record: Record = {
        "number": plan.number,
        "dropped": json_text(list(plan.dropped)),
        "removed": json_text(list(plan.removed)),
        "reopened": json_text(list(plan.reopened)),
        "children": json_text(dict(plan.children)),
        "asked": plan.asked,
        "start": plan.start,
    }
    return present(record)


def _plan_from_fields(record: Fields) -> Plan:
    children = record.json_object("children")
    return Plan(
        number=record.whole("number"),
        dropped=_texts(record, "dropped"),
        removed=_texts(record, "removed"),
        reopened=_texts(record, "reopened"),
        children={name: n for name, n in children.items() if isinstance(n, int)},
        asked=record.text_or_none("asked"),
        start=record.text_or_none("start"),
    )


def _texts(record: Fields, name: str) -> tuple[str, ...]:
    value: Json = record.json(name)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise FieldError(name, value, expected="a list of texts as JSON text")
    return tuple(map(str, value))


PLAN = Kind(
    to_record=_plan_to_record,
    from_fields=_plan_from_fields,
    payloads=("dropped", "removed", "reopened", "children"),
)
