"""Whole runs of `cost-analysis`, with the real engine, the offline model and a journal on disk."""

import gzip
import json
import re
import signal
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runs.events import EventType
from runs.run import Status
from tests.support.cost import (
    REAL_EXPORT,
    SAMPLE,
    SESSION_ID,
    Plant,
    attempt_in_a_process,
    digests,
    focus,
    on_day,
)

FILES = {
    "bill.parquet",
    "charts/daily.png",
    "charts/services.png",
    "charts/findings.png",
    "findings.json",
    "report.md",
}


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path)


def counts(plant: Plant, *kinds: EventType) -> Counter[tuple[EventType, str | None]]:
    events = [recorded.event for recorded in plant.journal.events(SESSION_ID)]
    return Counter((event.type, event.name) for event in events if event.type in kinds)


def findings(plant: Plant) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(plant.files()["findings.json"])["findings"]
    return found


def test_without_an_input_the_sample_bill_is_analysed(plant: Plant) -> None:
    run = plant.attempt(None)

    assert run.status is Status.COMPLETED, run.error
    assert isinstance(run.result, dict)
    assert run.result["headline"].startswith("USD 52,2")
    assert set(run.result["artifacts"]) == FILES == {it.name for it in run.artifacts}
    assert run.progress.step == "report"
    assert run.progress.done == run.progress.total == 3
    assert run.usage.model_calls == 5


def test_everything_hidden_in_the_sample_bill_is_found(plant: Plant) -> None:
    plant.attempt(str(SAMPLE))

    found = {(it["currency"], it["kind"]) for it in findings(plant)}
    titles = " ".join(it["title"] for it in findings(plant))
    assert found >= {
        ("USD", "anomaly"),
        ("USD", "idle"),
        ("USD", "unused_commitment"),
        ("USD", "uncovered"),
        ("USD", "untagged"),
        ("USD", "saved"),
        ("EUR", "idle"),
        ("EUR", "untagged"),
    }
    for name in ("CloudWatch", "Simple Storage Service", "Capacity Reservation", "NAT Gateway"):
        assert name in titles
    text = plant.files()["report.md"].decode()
    assert "Dropped:" not in text
    assert "Sentences left out" not in text
    assert "the offline playbook, without a language model" in text


def test_every_amount_in_the_findings_is_the_cell_its_evidence_names(plant: Plant) -> None:
    plant.attempt(str(SAMPLE))

    for found in findings(plant):
        query = plant.queries().get(found["evidence"]["query_id"])
        assert query is not None
        assert query.currency == found["currency"]
        assert query.sql.strip() == found["evidence"]["sql"]


def test_two_runs_of_one_bill_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    first, second = Plant(tmp_path / "one"), Plant(tmp_path / "two")
    first.attempt(None)
    second.attempt(None)

    assert digests(second.files()) == digests(first.files())


def later(folder: Path) -> Plant:
    """Give the next worker, after the lease of the one that died."""
    plant = Plant(folder)
    plant.clock.at += timedelta(hours=1)
    return plant


SMALL = focus(
    *(
        on_day(
            day,
            EffectiveCost="90" if day == 5 else "10",
            ResourceId="b",
            ResourceType="Bucket",
            SubAccountName="lab",
        )
        for day in range(1, 11)
    )
)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "bill.csv").write_text(SMALL)
    plant = Plant(folder)
    assert plant.attempt(str(folder / "bill.csv")).status is Status.COMPLETED
    return digests(plant.files())


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("write", range(0, 40, 3))
def test_a_worker_that_dies_at_a_write_changes_nothing(
    tmp_path: Path, undisturbed: dict[str, str], write: int, is_after: bool
) -> None:
    bill = tmp_path / "bill.csv"
    bill.write_text(SMALL)
    code = attempt_in_a_process(tmp_path, str(bill), write=write, is_after=is_after)
    assert code == -signal.SIGKILL

    plant = later(tmp_path)
    run = plant.attempt(str(bill))

    assert run.status is Status.COMPLETED, run.error
    assert digests(plant.files()) == undisturbed
    calls = counts(plant, EventType.MODEL_CALLED)
    assert calls == {(EventType.MODEL_CALLED, "analyst"): 5}
    finished = counts(plant, EventType.STEP_SUCCEEDED)
    assert all(count == 1 for count in finished.values())


def test_a_bill_that_changes_after_it_was_loaded_changes_nothing(
    tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    bill = tmp_path / "bill.csv"
    bill.write_text(SMALL)
    attempt_in_a_process(tmp_path, str(bill), write=12, is_after=True)
    plant = later(tmp_path)
    assert counts(plant, EventType.STEP_SUCCEEDED)[EventType.STEP_SUCCEEDED, "load"] == 1
    bill.write_text(focus({}))

    run = plant.attempt(str(bill))

    assert run.status is Status.COMPLETED, run.error
    assert digests(plant.files()) == undisturbed


@pytest.mark.parametrize(
    ("name", "data", "kind", "message"),
    [
        ("staff.csv", b"name,age\nAda,36\n", "NotABillError", "is not a bill: as FOCUS 1.x"),
        ("a.csv", b"", "EmptyBillError", "is empty"),
        (
            "a.csv.gz",
            gzip.compress(b"a,b\n" * 999, mtime=0)[:-9],
            "CorruptBillError",
            "truncated gzip",
        ),
        ("a.csv", None, "BillNotFoundError", "does not exist"),
        ("", None, "BillUnreadableError", "is a directory"),
    ],
)
def test_a_bill_that_can_not_be_used_fails_the_run_at_once_with_its_own_message(
    plant: Plant, name: str, data: bytes | None, kind: str, message: str
) -> None:
    path = plant.folder / name
    if data is not None:
        path.write_bytes(data)

    run = plant.attempt(str(path))

    assert run.status is Status.FAILED
    assert run.error is not None
    assert (run.error.type, message in run.error.message) == (kind, True), run.error
    assert counts(plant, EventType.STEP_FAILED) == {(EventType.STEP_FAILED, "load"): 1}
    assert run.artifacts == ()


def test_a_bill_without_anything_but_costs_is_reported_with_what_it_lacks(plant: Plant) -> None:
    bill = plant.folder / "bill.csv"
    bill.write_text(focus({"EffectiveCost": "3"}))

    run = plant.attempt(str(bill))

    assert run.status is Status.COMPLETED, run.error
    text = plant.files()["report.md"].decode()
    assert "- untagged\\_spend in USD was not answered" in text
    assert "this bill has no tags" in text


@pytest.mark.skipif(
    not REAL_EXPORT.exists(),
    reason="the FinOps Foundation's sample export is not beside the project",
)
def test_a_real_export_is_analysed(plant: Plant) -> None:
    run = plant.attempt(str(REAL_EXPORT))

    assert run.status is Status.COMPLETED, run.error
    assert isinstance(run.result, dict)
    assert run.result["totals"] == {
        "USD": {"billed_cost": "20.52022672899", "effective_cost": "14.97651418586"}
    }
    text = plant.files()["report.md"].decode()
    assert "Providers: AWS, Microsoft, Oracle" in text
    assert "1 to 30 September 2024" in text
    assert not re.search(r"\bNULL\b", text.partition("## Queries")[0])
