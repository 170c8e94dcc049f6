"""Runs as JSON: the shape that programs rely on."""

import json
from decimal import Decimal

import pytest

from cli.run_json import artifact_to_json, history_to_json, owner_pid, run_to_json
from runs.budget import Budget
from runs.events import EventType
from runs.json_types import Json
from runs.operations import OperationError, OperationStatus
from runs.run import Artifact, Lease, RunFailure, Status, Usage
from tests.support.cli import PROMISED, recorded
from tests.support.journals import a_run, an_event, an_operation, later


def test_a_new_run_has_every_promised_key_and_null_for_what_is_not_there_yet() -> None:
    data = run_to_json(a_run())

    assert data.keys() >= PROMISED
    assert [data[key] for key in ("result", "started_at", "finished_at", "error", "worker")] == [
        None
    ] * 5
    assert data["artifacts"] == []
    assert data["workflow_version"] is None


def test_a_finished_run_says_what_it_used_and_made() -> None:
    chart = Artifact(
        name="my chart.png",
        uri="file:///reports/my%20chart.png",
        media_type="image/png",
        size=3,
        sha256="ab",
    )
    usage = Usage(model_calls=2, input_tokens=10, output_tokens=5, cost_nano_usd=1_500_000)

    ended = a_run(
        status=Status.COMPLETED,
        workflow_version="2.1",
        finished_at=later(2),
        usage=usage,
        artifacts=(chart,),
    )
    data = run_to_json(ended)

    assert data["workflow_version"] == "2.1"
    assert data["finished_at"] == "2026-01-31T08:30:02.000Z"
    assert data["cost_usd"] == 0.0015
    assert data["usage"] == {
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "model_calls": 2,
        "unpriced_calls": 0,
    }
    assert data["artifacts"] == [
        {
            "name": "my chart.png",
            "uri": "file:///reports/my%20chart.png",
            "path": "/reports/my chart.png",
            "media_type": "image/png",
            "size": 3,
            "sha256": "ab",
        }
    ]


def test_a_file_in_s3_has_no_path_here() -> None:
    report = Artifact(name="r", uri="s3://bucket/r", media_type="t", size=1, sha256="0")

    assert "path" not in artifact_to_json(report)


def test_a_failed_run_has_an_error_with_type_and_message() -> None:
    error = RunFailure(type="BillNotFoundError", message="no such bill")

    data = run_to_json(a_run(status=Status.FAILED, error=error))

    assert data["error"] == {"type": "BillNotFoundError", "message": "no such bill"}


def test_the_worker_is_there_with_its_pid() -> None:
    lease = Lease(
        session_id="s", token="t", owner="host:42", attempt=1, seconds=6, expires_at=later(6)
    )

    data = run_to_json(a_run(status=Status.BUSY, lease=lease))

    assert data["worker"] == {
        "owner": "host:42",
        "pid": 42,
        "lease_expires_at": "2026-01-31T08:30:06.000Z",
    }


@pytest.mark.parametrize("owner", ["host", "host:", ":42", "host:4x", ""])
def test_an_owner_of_another_kind_has_no_pid(owner: str) -> None:
    assert owner_pid(owner) is None


def test_a_budget_has_its_limits_what_is_used_and_what_is_left() -> None:
    budget = Budget(max_tokens=100, max_cost_usd=Decimal("0.50"))
    usage = Usage(model_calls=1, input_tokens=30, cost_nano_usd=600_000_000)
    lease = Lease(
        session_id="s", token="t", owner="host:42", attempt=1, seconds=6, expires_at=later(16)
    )

    data = run_to_json(
        a_run(
            status=Status.BUSY,
            budget=budget,
            usage=usage,
            children_usage=Usage(output_tokens=5),
            lease=lease,
            claimed_at=later(0),
        )
    )

    assert data["budget"] == {
        "limits": {"max_tokens": 100, "max_cost_usd": 0.5, "max_seconds": None},
        # The time is that of the worker's last sign of life.
        "used": {"max_tokens": 35, "max_cost_usd": 0.6, "max_seconds": 10},
        "left": {"max_tokens": 65, "max_cost_usd": 0},
    }
    assert run_to_json(a_run())["budget"] is None


def test_a_history_has_the_receipt() -> None:
    call: dict[str, Json] = {"InputTokens": 300, "OutputTokens": 20, "CostUsd": "0.01"}
    events = recorded(
        an_event(EventType.MODEL_CALLED, name="writer", details=call),
        an_event(EventType.LEASE_CLAIMED, attempt=2),
        an_event(EventType.TOOL_CALLED, attempt=2),
    )
    run = a_run(usage=Usage(model_calls=2, input_tokens=600))

    data = json.loads(json.dumps(history_to_json(run, events=events, operations=[])))["receipt"]

    assert data.keys() == {"paid", "children", "repeated", "saved_by_replay", "infrastructure"}
    assert (data["paid"]["model_calls"], data["repeated"]["model_calls"]) == (2, 0)
    saved = data["saved_by_replay"]
    assert (saved["model_calls"], saved["cost_usd"], saved["steps"]) == (1, 0.01, 0)
    assert [(each["attempt"], each["after"]) for each in saved["attempts"]] == [(2, "lost")]


def test_a_history_has_numbered_events_and_operations_in_the_services_own_names() -> None:
    failed = an_operation(
        status=OperationStatus.FAILED,
        payload=None,
        error=OperationError(type="ValueError", message="bad"),
    )
    events = recorded(
        an_event(EventType.EXECUTION_STARTED), an_event(EventType.TOOL_CALLED, name="top_costs")
    )

    data = history_to_json(a_run(), events=events, operations=[failed])

    assert [(each["EventId"], each["EventType"]) for each in data["events"]] == [  # type: ignore[union-attr, index, call-overload] # JSON
        (1, "ExecutionStarted"),
        (2, "ToolCalled"),
    ]
    assert data["operations"] == [
        {
            "Id": "op-1",
            "Name": "load",
            "Type": "STEP",
            "Status": "FAILED",
            "Attempt": 1,
            "StartTimestamp": "2026-01-31T08:30:00.000Z",
            "EndTimestamp": "2026-01-31T08:30:00.000Z",
            "Error": {"ErrorType": "ValueError", "ErrorMessage": "bad"},
        }
    ]
    assert json.loads(json.dumps(data)) == data


def test_a_run_says_which_trace_it_is() -> None:
    run = a_run(trace="00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01")

    assert run_to_json(run)["trace_id"] == "5759e988bd862e3fe1be46a994272793"
