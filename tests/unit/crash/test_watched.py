"""What counts as a write, and what is said of it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from crash.story import Deed
from crash.watched import NO_WRITES
from crash.writes import describe
from runs.events import Event, EventType
from runs.journal.base import Changes, Journal, Message, ToolEntry, ToolStatus
from runs.json_types import Json
from runs.lifecycle import Ending
from runs.run import Status

NOW = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)


def message(index: int, *, stop_reason: str | None) -> Message:
    return Message(agent="user", index=index, body={"message": {}, "stop_reason": stop_reason})


def tool(status: ToolStatus, *, result: Json = None) -> ToolEntry:
    return ToolEntry(
        tool_use_id="user-1-0",
        agent="user",
        tool="look",
        status=status,
        attempt=1,
        result=result,
        started_at=NOW,
    )


def test_every_method_of_the_port_that_writes_is_a_point() -> None:
    methods = {name for name in vars(Journal) if not name.startswith("_")}

    # A new method of the port belongs here or among the others.
    assert methods > NO_WRITES
    assert methods - NO_WRITES == {
        *("accept", "claim", "commit", "settle", "park", "release", "raise_budget"),
        *("dispatch", "cancel", "conclude", "expire", "give_up", "retry", "fork"),
        *("tell", "pause", "resume"),
        *("complete_callback", "fail_callback", "heartbeat_callback", "time_out_callback"),
        *("decide_approval", "view_approval", "note_sent"),
        *("begin_stop", "end_stop", "note_repair", "keep_bookmark"),
    }


def test_a_commit_is_described_by_all_it_holds() -> None:
    event = Event(type=EventType.MODEL_CALLED, at=NOW, name="user")
    changes = Changes(events=(event,), messages=(message(1, stop_reason="end_turn"),))

    write = describe("commit", ["lease", changes])

    assert write.what == "commit: ModelCalled user, message 1 of user"
    assert write.kind == "commit: ModelCalled, message"
    assert list(write.facts) == [(Deed.SAVED, {"agent": "user", "message": 1})]


def test_a_message_that_no_model_wrote_saves_no_answer() -> None:
    assert describe("commit", [Changes(messages=(message(0, stop_reason=None),))]).facts == ()


def test_a_commit_of_the_ledger_tells_of_its_tools() -> None:
    entered = describe("commit", [Changes(tools=(tool(ToolStatus.STARTED),))])
    returned = describe("commit", [Changes(tools=(tool(ToolStatus.DONE, result={}),) * 2)])

    assert [deed for deed, _ in entered.facts] == [Deed.ENTERED]
    assert [deed for deed, _ in returned.facts] == [Deed.RETURNED] * 2
    assert returned.kind == "commit: tool DONEs"


def test_a_result_that_goes_into_its_message_did_not_return_again() -> None:
    assert describe("commit", [Changes(tools=(tool(ToolStatus.DONE),))]).facts == ()


@pytest.mark.parametrize(
    ("types", "changes", "is_start"),
    [
        ([EventType.STEP_STARTED], Changes(), True),
        ([EventType.CONTEXT_STARTED, EventType.STEP_STARTED], Changes(), True),
        ([EventType.STEP_STARTED, EventType.STEP_SUCCEEDED], Changes(), False),
        ([EventType.WAIT_STARTED], Changes(), False),
        ([EventType.STEP_STARTED], Changes(messages=(message(0, stop_reason=None),)), False),
        ([], Changes(), False),
    ],
)
def test_a_write_of_nothing_but_the_start_of_work_is_one_that_may_not_come(
    types: list[EventType], changes: Changes, *, is_start: bool
) -> None:
    events = [Event(type=each, at=NOW, name="load") for each in types]

    assert describe("commit", [replace(changes, events=events)]).is_start is is_start


def test_a_commit_of_nothing_is_a_renewal() -> None:
    assert describe("commit", [Changes()]).what == "commit: renewal"


def test_the_end_of_a_run_says_how() -> None:
    assert describe("settle", ["lease", Ending(status=Status.FAILED)]).what == "settle: FAILED"
