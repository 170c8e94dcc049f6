"""The live view of a run."""

from dataclasses import replace

import pytest
from rich.cells import cell_len

from cli.live_view import live_view
from cli.look import ASCII
from cli.scene import Scene
from cli.timeline import Timeline
from runs.events import Event, EventType
from runs.run import Lease, Progress, Run, Status, Usage
from tests.support.cli import a_look, drawn, recorded
from tests.support.journals import NOW, a_run, an_event, later

SESSION = "3f2a9c11-live-view-000000000000000001"
PATH = "/a/folder/with/a/long/name/so/that/no/narrow/terminal/has/room/for/it/bill.csv.gz"


def lease(expires: float) -> Lease:
    return Lease(
        session_id=SESSION,
        token="token",
        owner="host:42",
        attempt=1,
        seconds=6,
        expires_at=later(expires),
    )


def busy(**changes: object) -> Run:
    usage = Usage(model_calls=5, input_tokens=21_500, output_tokens=2_150, cost_nano_usd=12_300_000)
    fields = {
        "session_id": SESSION,
        "status": Status.BUSY,
        "attempt": 1,
        "lease": lease(36),
        "usage": usage,
        "progress": Progress(done=1, total=3, message=f"reading {PATH}"),
    }
    return a_run(**{**fields, **changes})


def events() -> list[Event]:
    return [
        an_event(EventType.STEP_STARTED, operation_id="1", name="load"),
        an_event(EventType.STEP_SUCCEEDED, operation_id="1", name="load", at=later(2)),
        an_event(EventType.STEP_STARTED, operation_id="2", name="analyse", at=later(3)),
        an_event(EventType.TOOL_CALLED, name="top_costs", at=later(4)),
        an_event(EventType.MODEL_CALLED, name="analyst", details={"Model": "m" * 200}),
    ]


def scene(run: Run | None, *happened: Event, trouble: str | None = None) -> Scene:
    timeline = Timeline().extended(recorded(*happened))
    return Scene(session_id=SESSION, watched_since=NOW, run=run, timeline=timeline, trouble=trouble)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    view = live_view(scene(busy(), *events()), a_look(width=width))

    lines = drawn(view, width=width).splitlines()

    assert max(cell_len(line) for line in lines) <= width


@pytest.mark.parametrize("width", [40, 80, 200])
def test_it_tells_status_steps_progress_tokens_and_cost_at_any_width(width: int) -> None:
    text = drawn(live_view(scene(busy(), *events()), a_look(width=width)), width=width)

    joined = " ".join(text.split())
    assert "BUSY" in joined
    assert "✓ load" in joined
    assert "analyse" in joined
    assert "1 of 3" in joined
    assert "21.5k tokens in, 2.15k out" in joined
    assert "$0.0123" in joined
    assert "tool called: top_costs" in joined


def test_it_is_no_higher_than_the_terminal() -> None:
    many = [
        an_event(EventType.STEP_STARTED, operation_id=str(number), name=f"step {number}")
        for number in range(50)
    ]

    text = drawn(live_view(scene(busy(), *many), a_look(height=24)))

    assert len(text.splitlines()) <= 24
    assert "earlier steps" in text
    assert "step 49" in text
    assert "step 0 " not in text


def test_a_step_that_goes_on_has_a_spinner_and_the_time_so_far() -> None:
    look = a_look()

    line = next(
        each
        for each in drawn(live_view(scene(busy(), *events()), look)).splitlines()
        if "analyse" in each
    )

    assert line.startswith(look.spinner)
    assert line.rstrip().endswith("27 s")


def test_the_spinner_turns_with_time() -> None:
    assert a_look().spinner != a_look(now=later(30.1)).spinner


def test_a_second_attempt_is_said_at_once() -> None:
    assert "attempt 2" in drawn(live_view(scene(busy(attempt=2)), a_look()))
    assert "attempt" not in drawn(live_view(scene(busy()), a_look()))


def test_a_worker_that_missed_its_heartbeats_is_not_believed() -> None:
    text = drawn(live_view(scene(busy(lease=lease(29))), a_look()))

    assert "BUSY, lease expired" in text


def test_a_parked_run_says_what_it_waits_for() -> None:
    run = busy(status=Status.WAITING, lease=None, waiting_for="an answer")

    assert "WAITING for an answer" in drawn(live_view(scene(run), a_look()))


def test_a_wish_to_cancel_is_shown_until_it_is_fulfilled() -> None:
    asked = busy(cancel_requested=True)
    ended = replace(asked, status=Status.CANCELLED, lease=None, finished_at=later(5))

    assert "cancelling" in drawn(live_view(scene(asked), a_look()))
    assert "cancelling" not in drawn(live_view(scene(ended), a_look()))


def test_a_request_that_is_no_run_yet_is_on_its_way() -> None:
    assert "run 3f2a9c11 is on its way, 30 s" in drawn(live_view(scene(None), a_look()))


def test_a_journal_that_does_not_answer_is_said_below_what_is_known() -> None:
    text = drawn(live_view(scene(busy(), trouble="the local stack is down"), a_look()))

    assert text.splitlines()[-1].strip() == "the local stack is down"
    assert "BUSY" in text


def test_the_last_picture_keeps_the_steps_and_their_errors() -> None:
    failed = an_event(
        EventType.STEP_FAILED, operation_id="2", details={"Error": "no bill"}, at=later(4)
    )
    run = busy(status=Status.FAILED, lease=None, finished_at=later(5))

    text = drawn(live_view(scene(run, *events(), failed), a_look()))

    assert "FAILED" in text
    assert "✗ analyse no bill" in text
    assert "tool called" not in text


def test_a_terminal_without_unicode_gets_ascii() -> None:
    text = drawn(live_view(scene(busy(), *events()), a_look(glyphs=ASCII)))

    assert text.isascii()
