"""A run that waits for a person says so, until when, and what to type."""

import pytest
from rich.cells import cell_len

from cli.facts import fact
from cli.live_view import live_view
from cli.run_view import show_view
from cli.scene import Scene
from cli.timeline import Timeline
from runs.events import Event, EventType
from runs.run import Run, Status
from tests.support.cli import a_look, drawn, recorded
from tests.support.journals import NOW, a_run, an_event, later

SESSION = "3f2a9c11-asks-0000000000000000000000001"


def waiting(**changes: object) -> Run:
    fields = {
        "session_id": SESSION,
        "status": Status.WAITING,
        "attempt": 1,
        "wake_at": later(7200),
        "waiting_for": "approval: publish this post",
        "deadline_at": later(86_400),
    }
    return a_run(**{**fields, **changes})


def asks(approval_id: str = "02jxg2wd3j", **details: object) -> Event:
    told = {"ApprovalId": approval_id, "What": "publish this post"}
    return an_event(EventType.APPROVAL_REQUESTED, name="publish", details={**told, **details})


def about(kind: EventType, **details: object) -> Event:
    return an_event(kind, details={"ApprovalId": "02jxg2wd3j", **details}, at=later(5))


def view(run: Run, *events: Event, width: int = 80) -> str:
    timeline = Timeline().extended(recorded(*events))
    scene = Scene(session_id=SESSION, watched_since=NOW, run=run, timeline=timeline)
    return drawn(live_view(scene, a_look(width=width)), width=width)


def test_a_live_view_says_what_is_asked_until_when_and_how_to_answer() -> None:
    shown = view(waiting(), asks(ExpiresAt="2026-01-31T10:30:00.000Z"))

    assert "WAITING for approval: publish this post" in shown
    assert "asks: publish this post" in shown
    assert "until 2026-01-31 10:30:00 UTC" in shown
    assert "errand approve 02jxg2wd3j" in shown
    assert "errand deny 02jxg2wd3j --comment" in shown


def test_a_page_is_told_whole_and_in_a_live_view_in_a_line() -> None:
    url = "https://example.org/a/" + "x" * 200
    run, events = waiting(), recorded(asks())
    timeline = Timeline().extended(events)
    pages = {"02jxg2wd3j": url, "other": "https://example.org/a/other"}
    scene = Scene(session_id=SESSION, watched_since=NOW, run=run, timeline=timeline, pages=pages)

    shown = drawn(show_view(run, events, a_look(width=80), pages=pages))
    live = drawn(live_view(scene, a_look(width=80)), width=80)

    assert url in shown.replace("\n", "")
    assert "other" not in shown
    (line,) = (each for each in live.splitlines() if "example.org" in each)
    assert cell_len(line) <= 80


def test_a_question_without_an_end_of_its_own_ends_with_the_run() -> None:
    shown = view(waiting(deadline_at=later(60)), asks())

    assert "until 2026-01-31 08:31:00 UTC" in shown


@pytest.mark.parametrize("width", [40, 80, 200])
def test_what_is_asked_fits_the_terminal(width: int) -> None:
    shown = view(waiting(), asks(What="publish " + "a very long post " * 30), width=width)

    assert max(map(cell_len, shown.splitlines())) <= width
    assert "errand approve 02jxg2wd3j" in shown


@pytest.mark.parametrize(
    ("event", "is_open"),
    [
        (about(EventType.APPROVAL_VIEWED, By="ada"), True),
        (about(EventType.APPROVAL_DECIDED, Decision="approved", Missing=1), True),
        (about(EventType.APPROVAL_DECIDED, Decision="approved"), False),
        (about(EventType.APPROVAL_DECIDED, Decision="denied"), False),
        (about(EventType.APPROVAL_EXPIRED), False),
    ],
)
def test_it_is_asked_until_it_is_decided(event: Event, is_open: bool) -> None:
    shown = view(waiting(), asks(), event)

    assert ("errand approve 02jxg2wd3j" in shown) is is_open


def test_a_run_that_is_over_asks_nothing() -> None:
    run = waiting(status=Status.CANCELLED, wake_at=None, finished_at=later(9))

    assert "errand approve" not in view(run, asks())


def test_of_many_questions_some_are_shown_and_the_others_counted() -> None:
    shown = view(waiting(), *(asks(f"ask{n}ask{n}") for n in range(5)))

    assert shown.count("errand approve") == 3
    assert "2 more questions; `errand approvals` shows them" in shown


def test_show_has_what_is_asked_and_the_decisions() -> None:
    decided = about(EventType.APPROVAL_DECIDED, Decision="denied", By="bob", Comment="Too loud.")
    shown = drawn(show_view(waiting(), recorded(asks("other0id"), asks(), decided), a_look()))

    assert "errand approve other0id" in shown
    assert "errand approve 02jxg2wd3j" not in shown
    assert "denied: by bob, Too loud., approval 02jxg2wd3j" in shown


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (asks(), "asks: publish this post, approval 02jxg2wd3j"),
        (
            about(EventType.APPROVAL_VIEWED, By="ada", From="203.0.113.7"),
            "looked at: by ada (203.0.113.7), approval 02jxg2wd3j",
        ),
        (
            about(EventType.APPROVAL_DECIDED, Decision="approved", By="ada", Edited=True),
            "approved: by ada, edited, approval 02jxg2wd3j",
        ),
        (
            about(EventType.APPROVAL_DECIDED, Decision="approved", By="ada", Missing=1),
            "approved: by ada, 1 more must approve, approval 02jxg2wd3j",
        ),
        (
            about(EventType.APPROVAL_ANNOUNCED, Notice="asked"),
            "told: that a decision is asked for, approval 02jxg2wd3j",
        ),
        (
            about(EventType.APPROVAL_ANNOUNCED, Notice="ended"),
            "told: that nobody decided, approval 02jxg2wd3j",
        ),
        (about(EventType.APPROVAL_REMINDED), "reminded: approval 02jxg2wd3j"),
        (about(EventType.APPROVAL_EXPIRED), "nobody decided in time: approval 02jxg2wd3j"),
    ],
)
def test_each_fact_of_an_approval_has_its_words(event: Event, line: str) -> None:
    assert fact(event).line == line
