"""Runs on paper: the list, one run in full, and how a run ended."""

from decimal import Decimal
from pathlib import Path

import pytest
from rich.cells import cell_len

from cli.run_view import headline, list_view, outcome_lines, show_view
from runs.budget import Budget
from runs.events import EventType
from runs.json_types import Json
from runs.receipt import receipt
from runs.run import Artifact, Lease, Run, RunFailure, Status, Usage
from tests.support.cli import a_look, drawn, recorded
from tests.support.journals import a_run, an_event, later

SESSION = "3f2a9c11-0000-4000-8000-000000000001"


def artifact(name: str, *, base: str = "file:///reports/3f2a") -> Artifact:
    return Artifact(
        name=name, uri=f"{base}/{name}", media_type="text/plain", size=28_300, sha256="0" * 64
    )


def completed(**changes: object) -> Run:
    fields = {
        "session_id": SESSION,
        "status": Status.COMPLETED,
        "attempt": 1,
        "wake_at": None,
        "started_at": later(1),
        "finished_at": later(12),
        "result": {"headline": "EC2 costs most"},
        "artifacts": (artifact("charts/daily.png"), artifact("report.md")),
    }
    return a_run(**{**fields, **changes})


def outcome(run: Run) -> list[str]:
    return [line.plain for line in outcome_lines(run, a_look())]


def test_the_report_is_the_last_line_and_in_one_piece() -> None:
    lines = list(outcome_lines(completed(), a_look()))

    assert lines[-1].plain == f"report.md: {Path('/reports/3f2a/report.md')}"
    assert lines[-1].no_wrap


def test_an_outcome_says_how_it_ended_what_was_found_and_what_else_there_is() -> None:
    verdict, found, beside, _ = outcome(completed())

    assert verdict.startswith("✓ COMPLETED after 12 s, 1 attempt · 0 model calls")
    assert found == "EC2 costs most"
    assert beside == "in the same folder: charts/daily.png"


def test_files_that_are_elsewhere_are_named_with_their_address() -> None:
    run = completed(artifacts=(artifact("findings.json", base="s3://other"), artifact("report.md")))

    assert "findings.json: s3://other/findings.json" in outcome(run)


def test_a_failure_says_why() -> None:
    error = RunFailure(type="BillNotFoundError", message="bill 'x\x1b[2J' does not exist")
    run = completed(status=Status.FAILED, result=None, error=error, artifacts=())

    verdict, why = outcome(run)

    assert verdict.startswith("✗ FAILED")
    assert why == "BillNotFoundError: bill 'x[2J' does not exist"


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ("one\ntwo", "one"),
        ({"summary": " short "}, "short"),
        ({"headline": "", "message": "m"}, "m"),
        ({"rows": 3}, ""),
        ([1], ""),
        (None, ""),
    ],
)
def test_a_headline_is_what_a_result_says_about_itself(result: object, words: str) -> None:
    assert headline(result) == words  # type: ignore[arg-type] # JSON


def test_a_run_somebody_works_on_names_the_process_to_kill() -> None:
    lease = Lease(
        session_id=SESSION,
        token="t",
        owner="laptop:4242",
        attempt=1,
        seconds=6,
        expires_at=later(33),
    )
    run = a_run(session_id=SESSION, status=Status.BUSY, attempt=1, lease=lease)

    assert "pid 4242 on laptop, lease until 08:30:33" in drawn(show_view(run, [], a_look()))
    late = a_look(now=later(40))
    assert "pid 4242 on laptop, lease expired at 08:30:33" in drawn(show_view(run, [], late))


def test_show_names_the_version_that_works_on_the_run() -> None:
    assert "cost-analysis, version 2.1" in drawn(
        show_view(a_run(workflow_version="2.1"), [], a_look())
    )
    assert "version" not in drawn(show_view(a_run(), [], a_look()))


def test_show_has_the_steps_and_the_timeline() -> None:
    events = recorded(
        an_event(EventType.EXECUTION_STARTED, details={"Workflow": "cost-analysis"}),
        an_event(EventType.STEP_STARTED, operation_id="1", name="load", at=later(1)),
        an_event(EventType.STEP_SUCCEEDED, operation_id="1", name="load", at=later(3)),
    )

    text = drawn(show_view(completed(), events, a_look()))

    assert "✓ load 2.0 s" in text
    assert "Timeline (2026-01-31, UTC)" in text
    assert "08:30:03  +3.0 s  step finished: load" in text


def test_show_says_how_limits_stand_and_what_is_on_the_receipt() -> None:
    used = Usage(model_calls=3, input_tokens=900, cost_nano_usd=30_000_000, unpriced_calls=1)
    run = completed(
        attempt=2,
        budget=Budget(max_tokens=1_000, max_cost_usd=Decimal("0.02"), max_seconds=60),
        usage=used,
        children_usage=Usage(model_calls=1, output_tokens=50),
        worked_ms=12_000,
    )
    call: dict[str, Json] = {"InputTokens": 300, "CostUsd": "0.01"}
    events = recorded(
        an_event(EventType.MODEL_CALLED, name="writer", details=call),
        an_event(EventType.LEASE_CLAIMED, attempt=2),
        an_event(
            EventType.MODEL_CALLED, name="writer", attempt=2, details=call | {"Resumed": True}
        ),
    )

    text = drawn(show_view(run, events, a_look()), width=200)

    assert "used      3 model calls · 900 tokens in, 0 out · cost >$0.0300" in text
    assert "budget    950 tokens of 1k tokens · $0.0300 of $0.0200 · 12 s of 1 min 00 s" in text
    assert "unpriced  1 call of a model without a known price, not in the sum" in text
    assert "children  1 model call · 50 tokens · $0.00" in text
    assert "repeated  1 model call · 300 tokens · $0.0100 · calls made before, and cut" in text
    saved = "1 model call · 300 tokens · $0.0100 · by replay, in attempt 2 after a lost worker"
    assert f"saved     {saved}" in text


def test_show_is_silent_about_what_did_not_happen() -> None:
    text = drawn(show_view(completed(), [], a_look()))

    for label in ("budget", "unpriced", "children", "repeated", "saved"):
        assert label not in text


def test_show_names_the_run_a_child_belongs_to_and_who_holds_its_budget() -> None:
    child = a_run(parent_session_id="parent", root_session_id="root")

    text = drawn(show_view(child, [], a_look()))

    assert "child of  run parent; held to the budget of run root" in text
    assert "child of" not in drawn(show_view(a_run(), [], a_look()))


def test_an_outcome_says_what_replay_saved() -> None:
    events = recorded(
        an_event(EventType.STEP_STARTED, operation_id="1", name="load", at=later(1)),
        an_event(EventType.STEP_SUCCEEDED, operation_id="1", name="load", at=later(31)),
        an_event(EventType.LEASE_CLAIMED, attempt=2),
        an_event(EventType.EXECUTION_SUCCEEDED, attempt=2),
    )
    run = completed(attempt=2)
    bill = receipt(run, (each.event for each in events))

    _, saved, *_ = [line.plain for line in outcome_lines(run, a_look(), bill)]

    assert saved == "replay saved 1 finished step of 30 s"


def test_a_list_does_not_pass_an_unknown_cost_off_as_nothing() -> None:
    run = completed(usage=Usage(model_calls=1, unpriced_calls=1))

    assert "unknown" in drawn(list_view([run], a_look(width=80)))


def test_show_breaks_what_does_not_fit_and_loses_nothing() -> None:
    run = completed(input="/a/very/long/path/" + "x" * 100 + "/bill.csv")

    text = drawn(show_view(run, [], a_look(width=40)), width=40)

    assert max(cell_len(line) for line in text.splitlines()) <= 40
    assert "bill.csv" in "".join(text.split())


@pytest.mark.parametrize(
    ("width", "shown"), [(40, SESSION[:8]), (80, SESSION[:8]), (200, f"{SESSION} ")]
)
def test_a_list_has_the_columns_there_is_room_for(width: int, shown: str) -> None:
    text = drawn(list_view([completed()], a_look(width=width)), width=width)

    header, line = text.splitlines()
    assert line.startswith(shown)
    assert "COMPLETED" in line
    assert ("COST" in header) is (width >= 80)
    assert ("ACCEPTED" in header) is (width >= 200)
