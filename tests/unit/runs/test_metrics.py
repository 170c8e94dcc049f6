"""Metrics are log lines in CloudWatch's embedded metric format."""

import re
from pathlib import Path
from typing import Any

import pytest

from runs.telemetry.meter import EmfMeter, NoMeter, meter_of
from runs.telemetry.metrics import NAMESPACE, STAGE, Metric, Unit
from runs.telemetry.scope import Scope, within
from tests.support.telemetry import logged

#: What CloudWatch's specification allows as a unit.
UNITS = frozenset(
    {
        *("Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "Count/Second", "None"),
        *(f"{prefix}{unit}" for prefix in ("", "Kilo", "Mega") for unit in ("bytes", "bits")),
    }
)


def line_of(*metrics: Metric, **facts: str) -> dict[str, Any]:
    with logged("errand.metrics") as lines:
        EmfMeter("prod").tell(dict.fromkeys(metrics, 2.5), **facts)
    (line,) = lines
    return line


def test_a_line_keeps_the_rules_of_the_format() -> None:
    """The rules are those of the specification's JSON schema."""
    line = line_of(*Metric, session_id="run-1")

    about = line["_aws"]
    assert set(about) == {"Timestamp", "CloudWatchMetrics"}
    assert isinstance(about["Timestamp"], int)
    assert len(str(about["Timestamp"])) == len("1769848200000"), "milliseconds"
    (directive,) = about["CloudWatchMetrics"]
    assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
    assert directive["Namespace"] == NAMESPACE
    assert 1 <= len(directive["Metrics"]) <= 100
    for metric in directive["Metrics"]:
        assert set(metric) <= {"Name", "Unit", "StorageResolution"}
        assert re.fullmatch(r"[A-Za-z0-9]{1,1024}", metric["Name"])
        assert metric["Unit"] in UNITS
        assert isinstance(line[metric["Name"]], int | float), "a root member"
    for dimensions in directive["Dimensions"]:
        assert len(dimensions) <= 30
        assert all(
            isinstance(line[name], str) and 0 < len(line[name]) <= 1024 for name in dimensions
        )


def test_the_stage_is_the_only_dimension() -> None:
    line = line_of(Metric.RUNS_COMPLETED, session_id="run-1", workflow="cost-analysis")

    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [[STAGE]]
    assert line[STAGE] == "prod"


def test_a_value_is_found_by_its_run() -> None:
    with within(Scope(session_id="run-1", attempt=2, step="load")):
        line = line_of(Metric.MODEL_CALLS, workflow="cost-analysis")

    assert (line["session_id"], line["attempt"], line["step"]) == ("run-1", 2, "load")
    assert line["workflow"] == "cost-analysis"


def test_a_fact_without_values_is_not_told() -> None:
    with logged("errand.metrics") as lines:
        EmfMeter("prod").tell({}, session_id="run-1")

    assert lines == []


@pytest.mark.parametrize("stage", [None, "", " "])
def test_without_a_stage_nobody_is_told(stage: str | None) -> None:
    meter = meter_of(stage)

    with logged("errand.metrics") as lines:
        meter.tell({Metric.RUNS_COMPLETED: 1})
    assert isinstance(meter, NoMeter)
    assert lines == []


def test_the_meter_of_a_stage_tells_its_metrics() -> None:
    with logged("errand.metrics") as lines:
        meter_of("dev").tell({Metric.RUNS_COMPLETED: 1})

    assert lines[0][STAGE] == "dev"


def test_the_documentation_has_all_metrics() -> None:
    page = (Path(__file__).parents[3] / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]

    expected = [f"| `{each}` | {each.unit} | {each.meaning} |" for each in Metric]
    assert [row for row in expected if row not in rows] == []


def test_each_metric_says_what_it_is() -> None:
    assert len({metric.meaning for metric in Metric}) == len(Metric)
    assert all(metric.unit in Unit for metric in Metric)
    assert str(Metric.COST) == "Cost"
