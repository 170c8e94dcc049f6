"""Records as DynamoDB items, and the writes of a transaction."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from runs.head_record import (
    artifact_to_record,
    children_usage_to_record,
    progress_to_record,
    usage_to_record,
)
from runs.instants import to_iso
from runs.journal.base import Changes
from runs.json_types import Json
from runs.payloads import HEAD
from runs.records import OPERATION_FIELDS, Record
from runs.request import MAX_DEADLINE_SECONDS
from runs.run import RETENTION, Lease, Usage

#: What boto3's client takes and gives: each value under the letter of its type.
Item = dict[str, Any]
#: One entry of `TransactItems`.
Write = dict[str, Any]

#: Each item expires by itself, and no item may before its run's retention is over. When an item is
#: written nobody knows when its run will end, only that no deadline is further than this: so all
#: items get the same time, and a head, written last, goes last.
_KEEP = timedelta(seconds=MAX_DEADLINE_SECONDS) + RETENTION

#: Of what one transaction takes: 100 writes and 4 MB.
_PAGE = 90
_PAGE_BYTES = 3_000_000

_OWN = frozenset({"PK", "SK", "ttl", "first_recorded"})


def to_item(record: Mapping[str, Json], *, session_id: str, key: str, at: datetime) -> Item:
    """Make an item of a record that is written at an instant."""
    return {
        **item_key(session_id, key),
        **{name: to_attribute(value) for name, value in record.items()},
        "ttl": ttl_at(at),
    }


def item_key(session_id: str, key: str) -> Item:
    """Give the primary key of a run's record."""
    return {"PK": {"S": session_id}, "SK": {"S": key}}


def ttl_at(at: datetime) -> Item:
    """Give the `ttl` of an item that is written at an instant."""
    return {"N": str(int((at + _KEEP).timestamp()))}


def to_attribute(value: Json) -> Item:
    """Write a record's value in DynamoDB's types.

    Raises:
        TypeError: Records hold no such value.
    """
    match value:
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case str():
            return {"S": _storable(value)}
        case Mapping():
            return {"M": {name: to_attribute(inner) for name, inner in value.items()}}
        case _:
            msg = (
                f"{value!r} is not a value of a record, expected text, whole number, flag or object"
            )
            raise TypeError(msg)


def from_item(item: Item, *, names: Collection[str] | None = None) -> Record:
    """Read an item's record, or some of its attributes."""
    wanted = item.keys() - _OWN if names is None else item.keys() & set(names)
    return {name: _from_attribute(item[name]) for name in wanted}


def _from_attribute(attribute: Item) -> Json:
    (kind, value), *_ = attribute.items()
    match kind:
        case "S" | "BOOL":
            same: Json = value
            return same
        case "N":
            text = str(value)
            return int(text) if text.lstrip("-").isdigit() else text
        case "M":
            return {name: _from_attribute(inner) for name, inner in value.items()}
        case _:
            # Types that records do not use: a later version's, or somebody else's. As if absent.
            return None


def _storable(text: str) -> str:
    # DynamoDB takes UTF-8 only. A lone surrogate (a file name's, a model's) is shown as its escape:
    # an error message that quotes one must not keep a run from ending.
    return text.encode("utf-8", "backslashreplace").decode()


def put_write(table: str, item: Item) -> Write:
    """Write an item, whatever was there."""
    return {"Put": {"TableName": table, "Item": item}}


def removal(table: str, session_id: str, key: str) -> Write:
    """Remove an item, if it is there."""
    return {"Delete": {"TableName": table, "Key": item_key(session_id, key)}}


def new_head_write(table: str, item: Item) -> Write:
    """Write a head if the session id has none."""
    put = put_write(table, item)
    put["Put"]["ConditionExpression"] = "attribute_not_exists(PK)"
    return put


def no_head(table: str, session_id: str) -> Write:
    """Refuse the transaction if the session id has a run."""
    return {
        "ConditionCheck": {
            "TableName": table,
            "Key": item_key(session_id, HEAD),
            "ConditionExpression": "attribute_not_exists(PK)",
        }
    }


def pages_of(writes: Iterable[Write]) -> Iterator[list[Write]]:
    """Divide writes into transactions, each with room for one more of small size."""
    page: list[Write] = []
    room = _PAGE_BYTES
    for write in writes:
        # As text it is somewhat larger than DynamoDB counts it.
        size = len(json.dumps(write))
        if page and (size > room or len(page) == _PAGE):
            yield page
            page, room = [], _PAGE_BYTES
        page.append(write)
        room -= size
    if page:
        yield page


def next_head_write(table: str, item: Item, *, version: int) -> Write:
    """Write a head if it is still the one that was read."""
    put = put_write(table, item)
    put["Put"] |= {
        "ConditionExpression": "#version = :version",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": {":version": {"N": str(version)}},
    }
    return put


def operation_write(table: str, item: Item, *, new_id: str) -> Write:
    """Write an operation; when it was first recorded stays, and what this version does not know."""
    sets = {name: item[name] for name in item.keys() - {"PK", "SK"}}
    gone = OPERATION_FIELDS - sets.keys()
    assignments = [f"#{name} = :{name}" for name in sorted(sets)]
    assignments.append("#first = if_not_exists(#first, :first)")
    removals = ", ".join(f"#{name}" for name in sorted(gone))
    return {
        "Update": {
            "TableName": table,
            "Key": {"PK": item["PK"], "SK": item["SK"]},
            "UpdateExpression": f"SET {', '.join(assignments)} REMOVE {removals}",
            "ExpressionAttributeNames": {
                "#first": "first_recorded",
                **{f"#{name}": name for name in sets.keys() | gone},
            },
            "ExpressionAttributeValues": {
                ":first": {"S": new_id},
                **{f":{name}": value for name, value in sets.items()},
            },
        }
    }


def head_update(
    table: str, lease: Lease, changes: Changes, *, now: datetime, last_id: str
) -> Write:
    """Write what a commit changes on the head: the lease's time, and what adds up."""
    update = _lease_update(table, lease, now=now)
    sets: dict[str, Json] = {"updated_at": to_iso(now), "last_id": last_id}
    if changes.is_advance:
        sets["lost_attempts"] = 0
    if changes.approvals:
        # Those who may decide are to hear of it.
        sets["notify_at"] = to_iso(now)
    if changes.progress is not None:
        sets["progress"] = progress_to_record(changes.progress)
    assignments = [f"#{name} = :{name}" for name in sets]
    additions = {
        name: value for name, value in usage_to_record(changes.spent or Usage()).items() if value
    }
    update["ExpressionAttributeNames"] |= {f"#{name}": name for name in sets | additions}
    update["ExpressionAttributeValues"] |= {
        f":{name}": to_attribute(value) for name, value in (sets | additions).items()
    }
    assignments += _artifact_assignments(update, changes)
    added = "".join(f", #{name} :{name}" for name in additions)
    update["UpdateExpression"] = f"{_RENEW}, {', '.join(assignments)} {_COUNT}{added}"
    return {"Update": update}


def family_update(table: str, session_id: str, spent: Usage) -> Write:
    """Add to what a run's children have used, without reading it.

    The condition is that the head is there: an update would make one of nothing else.
    """
    added = children_usage_to_record(spent)
    return {
        "Update": {
            "TableName": table,
            "Key": item_key(session_id, HEAD),
            "ConditionExpression": "attribute_exists(PK)",
            "UpdateExpression": _COUNT + "".join(f", #{name} :{name}" for name in added),
            "ExpressionAttributeNames": {f"#{name}": name for name in ("version", *added)},
            "ExpressionAttributeValues": {
                ":one": {"N": "1"},
                **{f":{name}": to_attribute(value) for name, value in added.items()},
            },
        }
    }


def _artifact_assignments(update: Item, changes: Changes) -> list[str]:
    # By name, so that a later file of a name replaces the earlier without anything being read.
    files = {artifact.name: artifact_to_record(artifact) for artifact in changes.artifacts}
    if files:
        update["ExpressionAttributeNames"]["#artifacts"] = "artifacts"
    for n, (name, record) in enumerate(files.items()):
        update["ExpressionAttributeNames"][f"#file{n}"] = name
        update["ExpressionAttributeValues"][f":file{n}"] = to_attribute(record)
    return [f"#artifacts.#file{n} = :file{n}" for n in range(len(files))]


_RENEW = "SET #lease_expires_at = :lease_expires_at, #ttl = :ttl"
_COUNT = "ADD #version :one"


def renewal(table: str, lease: Lease, *, now: datetime) -> Item:
    """Give a lease its full time: the rule `lifecycle.renew`, as one fenced update of the head."""
    update = _lease_update(table, lease, now=now)
    update["UpdateExpression"] = f"{_RENEW}, #dispatches = :zero REMOVE #wake_at {_COUNT}"
    update["ExpressionAttributeNames"] |= {"#dispatches": "dispatches", "#wake_at": "wake_at"}
    update["ExpressionAttributeValues"][":zero"] = {"N": "0"}
    return update


def _lease_update(table: str, lease: Lease, *, now: datetime) -> Item:
    return {
        "TableName": table,
        "Key": item_key(lease.session_id, HEAD),
        # Still this worker's lease, and the run has neither ended nor been parked.
        "ConditionExpression": "#lease_token = :lease_token AND #status = :busy",
        "ExpressionAttributeNames": {
            f"#{name}": name
            for name in ("lease_token", "status", "lease_expires_at", "ttl", "version")
        },
        "ExpressionAttributeValues": {
            ":lease_token": {"S": lease.token},
            ":busy": {"S": "BUSY"},
            ":lease_expires_at": {"S": to_iso(lease.renewed(now).expires_at)},
            ":ttl": ttl_at(now),
            ":one": {"N": "1"},
        },
    }
