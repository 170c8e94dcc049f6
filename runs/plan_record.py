"""How the plan of a retry looks when it is stored."""

from runs.again import Plan
from runs.fields import Fields
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
        dropped=record.texts("dropped"),
        removed=record.texts("removed"),
        reopened=record.texts("reopened"),
        children={name: n for name, n in children.items() if isinstance(n, int)},
        asked=record.text_or_none("asked"),
        start=record.text_or_none("start"),
    )


PLAN = Kind(
    to_record=_plan_to_record,
    from_fields=_plan_from_fields,
    payloads=("dropped", "removed", "reopened", "children"),
)
