"""Every journal keeps its port's promises about what an attempt records."""

from dataclasses import replace

import pytest

from runs.errors import CorruptRecordError, LeaseLostError
from runs.events import EventType
from runs.journal.base import (
    MAX_CHANGES,
    AgentRecord,
    Changes,
    Journal,
    Message,
    ToolEntry,
    ToolStatus,
)
from runs.json_types import Json
from runs.lifecycle import Ending
from runs.operations import Operation, OperationError, OperationStatus, OperationType
from runs.run import Lease, Run, Status, Usage
from tests.support.journals import (
    NOW,
    JournalStore,
    accept,
    an_event,
    an_operation,
    claim,
    later,
)


@pytest.fixture
def run(journal: Journal) -> Run:
    return accept(journal)


@pytest.fixture
def lease(journal: Journal, run: Run) -> Lease:
    return claim(journal, run.session_id).lease


def test_an_operation_is_read_back_as_it_was(journal: Journal, lease: Lease) -> None:
    operations = [
        an_operation("execution", type=OperationType.EXECUTION, name=None, payload='{"a":1}'),
        an_operation(
            "failed",
            status=OperationStatus.PENDING,
            parent_id="execution",
            sub_type="Step",
            payload=None,
            error=OperationError(
                message="no", type="ValueError", data="{}", stack_trace=("a.py:1", "b.py:2")
            ),
            due_at=later(30),
            ended_at=None,
        ),
        an_operation(
            "callback", type=OperationType.CALLBACK, callback_id="cb-1", replay_children=True
        ),
        an_operation(
            "odd#id/ü",
            payload="lone \ud800 surrogate is escaped by JSON".encode(
                "utf-8", "backslashreplace"
            ).decode(),
        ),
    ]

    journal.commit(lease, Changes(operations=operations), now=NOW)

    assert journal.operations(lease.session_id) == operations


def test_operations_keep_the_order_of_their_start(journal: Journal, lease: Lease) -> None:
    names = ["z", "b", "x", "a", "m"]
    started = [an_operation(name, status=OperationStatus.STARTED, payload=None) for name in names]
    journal.commit(lease, Changes(operations=started[:3]), now=NOW)
    journal.commit(lease, Changes(operations=started[3:]), now=NOW)

    for operation in reversed(started):
        done = replace(operation, status=OperationStatus.SUCCEEDED, payload="1")
        journal.commit(lease, Changes(operations=(done,)), now=later(1))

    found = journal.operations(lease.session_id)
    assert [operation.operation_id for operation in found] == names
    assert {operation.status for operation in found} == {OperationStatus.SUCCEEDED}


def test_an_operation_recorded_twice_in_one_write_is_as_the_last(
    journal: Journal, lease: Lease
) -> None:
    started = an_operation("a", status=OperationStatus.STARTED, payload=None, ended_at=None)
    done = an_operation("a")

    journal.commit(lease, Changes(operations=(started, an_operation("b"), done)), now=NOW)

    assert journal.operations(lease.session_id) == [done, an_operation("b")]


def test_what_an_operation_no_longer_has_is_gone(journal: Journal, lease: Lease) -> None:
    failed = an_operation(
        "a",
        status=OperationStatus.PENDING,
        payload=None,
        error=OperationError(message="no"),
        due_at=later(5),
    )
    journal.commit(lease, Changes(operations=(failed,)), now=NOW)

    journal.commit(lease, Changes(operations=(an_operation("a"),)), now=NOW)

    assert journal.operations(lease.session_id) == [an_operation("a")]


def test_an_event_is_read_back_as_it_was(journal: Journal, lease: Lease) -> None:
    event = an_event(
        EventType.MODEL_CALLED,
        operation_id="op-1",
        parent_id="op-0",
        name="analyst",
        sub_type="Step",
        attempt=1,
        details={"InputTokens": 12, "Ratio": 0.1, "Text": "€ \ud800", "None": None, "List": [1]},
    )

    journal.commit(lease, Changes(events=(event,)), now=NOW)

    assert journal.events(lease.session_id)[-1].event == event


def test_events_come_in_the_order_they_were_recorded(store: JournalStore) -> None:
    """Though their clocks stand still, or step back, and several processes record them."""
    here, there = store.journal(), store.journal()
    run = accept(here)
    lease = claim(there, run.session_id).lease
    for n in range(20):
        events = [an_event(name=f"{n}.{i}", at=later(-n)) for i in range(3)]
        there.commit(lease, Changes(events=events), now=NOW)
    here.cancel(run.session_id, now=later(-100), reason="no longer needed")

    recorded = here.events(run.session_id)

    names = [found.event.name for found in recorded if found.event.name]
    assert names == [f"{n}.{i}" for n in range(20) for i in range(3)]
    assert [found.event.type for found in recorded[:2]] == [
        EventType.EXECUTION_STARTED,
        EventType.LEASE_CLAIMED,
    ]
    assert recorded[-1].event.type is EventType.CANCEL_REQUESTED
    assert [found.event_id for found in recorded] == sorted(found.event_id for found in recorded)


def test_the_timeline_is_read_on_from_an_event(journal: Journal, lease: Lease) -> None:
    journal.commit(lease, Changes(events=[an_event(name=str(n)) for n in range(5)]), now=NOW)
    recorded = journal.events(lease.session_id)

    for n, found in enumerate(recorded):
        rest = journal.events(lease.session_id, after=found.event_id)

        assert rest == recorded[n + 1 :]


def test_thousands_of_operations_and_events_are_read(journal: Journal, lease: Lease) -> None:
    """More than one page of a DynamoDB query, which is 1 MB."""
    filler = "x" * 1_000
    for start in range(0, 2_000, 40):
        numbers = range(start, start + 40)
        journal.commit(
            lease,
            Changes(
                operations=[an_operation(f"{-n:05d}", payload=f'"{n}{filler}"') for n in numbers],
                events=[an_event(name=str(n)) for n in numbers],
            ),
            now=NOW,
        )

    operations = journal.operations(lease.session_id)
    events = journal.events(lease.session_id)[2:]

    assert [operation.payload for operation in operations] == [
        f'"{n}{filler}"' for n in range(2_000)
    ]
    assert [found.event.name for found in events] == [str(n) for n in range(2_000)]


def test_a_conversation_is_read_in_its_order(journal: Journal, lease: Lease) -> None:
    messages = [
        Message(agent="analyst", index=n, body={"role": "user", "content": [{"text": str(n)}]})
        for n in range(25)
    ]
    for message in reversed(messages):
        journal.commit(lease, Changes(messages=(message,)), now=NOW)

    assert journal.messages(lease.session_id, "analyst") == messages


def test_a_message_of_the_same_index_replaces_the_first(journal: Journal, lease: Lease) -> None:
    for text in ("one", "two"):
        message = Message(agent="analyst", index=0, body=text)
        journal.commit(lease, Changes(messages=(message,)), now=NOW)

    assert [found.body for found in journal.messages(lease.session_id, "analyst")] == ["two"]


def test_agents_of_similar_names_do_not_share_messages(journal: Journal, lease: Lease) -> None:
    names = ["a", "a#1", "a%231", "ab", "a b", "ä"]
    messages = [Message(agent=name, index=1, body=name) for name in names]
    agents = [AgentRecord(agent=name, body={"name": name}) for name in names]

    journal.commit(lease, Changes(messages=messages, agents=agents), now=NOW)

    for name, message, agent in zip(names, messages, agents, strict=True):
        assert journal.messages(lease.session_id, name) == [message]
        assert journal.agent(lease.session_id, name) == agent


def test_a_ledger_entry_is_replaced_by_its_result(journal: Journal, lease: Lease) -> None:
    started = ToolEntry(
        tool_use_id="tooluse_1",
        agent="analyst",
        tool="run_sql",
        status=ToolStatus.STARTED,
        attempt=1,
        started_at=NOW,
    )
    done = replace(
        started, status=ToolStatus.DONE, result={"content": [{"text": "3"}]}, ended_at=later(1)
    )

    journal.commit(lease, Changes(tools=(started,)), now=NOW)
    before = journal.tool(lease.session_id, "tooluse_1")
    journal.commit(lease, Changes(tools=(done,)), now=later(1))

    assert before == started
    assert journal.tool(lease.session_id, "tooluse_1") == done
    assert journal.tool(lease.session_id, "tooluse_2") is None


def test_runs_do_not_share_records(journal: Journal, lease: Lease) -> None:
    other = claim(journal, accept(journal).session_id).lease
    mine = Message(agent="analyst", index=0, body="mine")

    journal.commit(lease, Changes(messages=(mine,), operations=(an_operation(),)), now=NOW)

    assert journal.messages(other.session_id, "analyst") == []
    assert journal.operations(other.session_id) == []


def test_the_largest_write_is_taken_whole(journal: Journal, lease: Lease) -> None:
    operations = [an_operation(f"op-{n}") for n in range(MAX_CHANGES - 1)]

    journal.commit(lease, Changes(operations=operations, events=(an_event(),)), now=NOW)

    assert len(journal.operations(lease.session_id)) == MAX_CHANGES - 1


def test_a_larger_write_is_refused_whole(journal: Journal, lease: Lease) -> None:
    operations = [an_operation(f"op-{n}") for n in range(MAX_CHANGES + 1)]
    before = journal.get(lease.session_id)

    with pytest.raises(ValueError, match=r"100 records, expected at most 99"):
        journal.commit(lease, Changes(operations=operations), now=NOW)
    assert journal.operations(lease.session_id) == []
    assert journal.get(lease.session_id) == before


def test_a_refused_write_leaves_neither_records_nor_head(journal: Journal, lease: Lease) -> None:
    journal.settle(lease, Ending(status=Status.COMPLETED), now=NOW)
    before = (journal.get(lease.session_id), journal.events(lease.session_id))
    changes = Changes(
        operations=(an_operation(),),
        events=(an_event(),),
        messages=(Message(agent="analyst", index=0, body="x"),),
        agents=(AgentRecord(agent="analyst", body={}),),
        spent=Usage(input_tokens=1),
    )

    with pytest.raises(LeaseLostError):
        journal.commit(lease, changes, now=later(1))
    assert (journal.get(lease.session_id), journal.events(lease.session_id)) == before
    assert journal.operations(lease.session_id) == []
    assert journal.messages(lease.session_id, "analyst") == []
    assert journal.agent(lease.session_id, "analyst") is None


def _set(name: str, value: Json) -> dict[str, Json]:
    return {name: value}


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ({"status": "SLEEPING"}, "SLEEPING"),
        ({"workflow": None}, "workflow is missing, expected a text"),
        ({"deadline_at": "tomorrow"}, "deadline_at is 'tomorrow', expected an instant with a zone"),
        ({"prompt": None}, "prompt is missing"),
    ],
)
def test_a_head_that_can_not_be_read_is_named(
    store: JournalStore, damage: dict[str, Json], says: str
) -> None:
    journal = store.journal()
    run = accept(journal)
    store.alter(run.session_id, "SESSION", lambda head: _damage(head, damage))

    with pytest.raises(CorruptRecordError, match=says) as raised:
        journal.get(run.session_id)
    assert raised.value.session_id == run.session_id
    assert raised.value.record == "SESSION"
    with pytest.raises(CorruptRecordError):
        claim(journal, run.session_id)


def test_a_record_that_can_not_be_read_is_named_and_the_others_are_read(
    store: JournalStore,
) -> None:
    journal = store.journal()
    lease = claim(journal, accept(journal).session_id).lease
    changes = Changes(
        operations=(an_operation("a"), an_operation("b")),
        messages=(Message(agent="analyst", index=0, body="x"),),
    )
    journal.commit(lease, changes, now=NOW)
    store.alter(lease.session_id, "OP#b", lambda record: _damage(record, {"state": "DANCING"}))

    with pytest.raises(CorruptRecordError, match="DANCING") as raised:
        journal.operations(lease.session_id)
    assert raised.value.record == "OP#b"
    assert len(journal.messages(lease.session_id, "analyst")) == 1
    assert journal.get(lease.session_id) is not None


def test_what_a_later_version_wrote_is_read_over_and_kept(store: JournalStore) -> None:
    journal = store.journal()
    run = accept(journal)
    news: dict[str, Json] = {"mood": "good"}
    store.alter(run.session_id, "SESSION", lambda head: _damage(head, news))

    lease = claim(journal, run.session_id).lease
    journal.commit(lease, Changes(operations=(an_operation(),)), now=NOW)
    store.alter(run.session_id, "OP#op-1", lambda record: _damage(record, news))
    journal.settle(lease, Ending(status=Status.COMPLETED), now=NOW)

    seen: dict[str, Json] = {}
    store.alter(run.session_id, "SESSION", seen.update)
    assert seen["mood"] == "good"
    assert [type(operation) for operation in journal.operations(run.session_id)] == [Operation]


def _damage(record: dict[str, Json], damage: dict[str, Json]) -> None:
    record.update(damage)
    for name in [name for name, value in damage.items() if value is None]:
        del record[name]
