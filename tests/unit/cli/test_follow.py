"""Showing a run while it goes on, where nothing can be drawn over."""

import io
import json
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from rich.console import Console

from cli.follow import follow_as_json, follow_on
from cli.scene import Scene
from cli.screen import Screen
from cli.timeline import Timeline
from runs.events import Event, EventType
from runs.run import Run, Status
from tests.support.cli import recorded
from tests.support.journals import NOW, a_run, an_event, later

RUN = a_run(session_id="3f2a9c11-follow", status=Status.BUSY, attempt=1)


def a_console() -> Console:
    return Console(file=io.StringIO(), width=40, highlight=False, markup=False, emoji=False)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def scene(*news: Event, run: Run | None = RUN, trouble: str | None = None) -> Scene:
    return Scene(
        session_id=RUN.session_id,
        watched_since=NOW,
        run=run,
        news=tuple(recorded(*news)),
        trouble=trouble,
    )


def scenes() -> Iterator[Scene]:
    yield scene(run=None)
    yield scene(an_event(EventType.EXECUTION_STARTED))
    yield scene(trouble="the local stack is down; trying again")
    yield scene(trouble="the local stack is down; trying again")
    yield scene(an_event(EventType.TOOL_CALLED, name="top_costs", at=later(61)))
    ended = a_run(session_id=RUN.session_id, status=Status.COMPLETED, attempt=1)
    yield scene(an_event(EventType.EXECUTION_SUCCEEDED, at=later(62)), run=ended)


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("zone")
def test_plain_lines_tell_each_thing_once() -> None:
    console = a_console()

    follow_on(console, is_plain=False)(scenes())

    assert text_of(console).splitlines() == [
        "run 3f2a9c11-follow (cost-analysis), accepted 2026-01-31 08:30:00 UTC",
        "08:30:00 accepted",
        "the local stack is down; trying again",
        "the journal answers again",
        "08:31:01 tool called: top_costs",
        "08:31:02 completed",
    ]


def test_json_lines_are_the_events_and_the_run_when_its_status_changes() -> None:
    screen = Screen(out=a_console(), err=a_console())

    follow_as_json(screen)(scenes())

    lines = [json.loads(line) for line in text_of(screen.out).splitlines()]
    events = [line["event"] for line in lines if "event" in line]
    runs = [line["run"]["status"] for line in lines if "run" in line]
    assert [(event["EventId"], event["EventType"]) for event in events] == [
        (1, "ExecutionStarted"),
        (2, "ToolCalled"),
        (3, "ExecutionSucceeded"),
    ]
    assert runs == ["BUSY", "COMPLETED"]
    assert "the local stack is down" in text_of(screen.err)


@pytest.mark.usefixtures("zone")
def test_what_is_asked_names_the_commands_that_answer_once() -> None:
    console = a_console()
    details = {"ApprovalId": "02jxg2wd3j", "What": "publish this post"}
    asks = an_event(EventType.APPROVAL_REQUESTED, details=details)
    timeline = Timeline().extended(recorded(asks))
    asking = replace(scene(asks), timeline=timeline)

    follow_on(console, is_plain=True)(iter([asking, replace(asking, news=())]))

    assert text_of(console).splitlines()[1:] == [
        "08:30:00 asks: publish this post, approval 02jxg2wd3j",
        "         `errand approve 02jxg2wd3j` or `errand deny 02jxg2wd3j --comment TEXT` answers",
    ]
