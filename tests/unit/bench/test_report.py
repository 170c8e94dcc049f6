import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.measure import Row, Spread
from bench.report import Report, keep, publish, to_markdown

MET = Row(what="step", value=1.1, baseline=1.0, note="the SDK alone", bar=1.2, samples=10)
MISSED = Row(what="make run", value=31, note="wall time", bar=30, unit="s", samples=3)
PAGE = """# Performance

<!-- results: written by `make bench` -->
old
<!-- end of results -->

End
"""


def report(*rows: Row) -> Report:
    return Report(
        date="2026-01-31",
        machine={"cpus": 2, "file_system": "ext4"},
        versions={"python": "3.11.7"},
        load=(0.1, 0.9),
        rows=rows,
    )


def test_one_missed_bar_is_a_missed_report() -> None:
    assert report(MET).is_met
    assert not report(MET, MISSED).is_met


def test_the_table_shows_ratio_bar_and_verdict() -> None:
    text = to_markdown(report(MET, MISSED))

    assert "| step | 1.10 ms | 1 ms | 1.10 | ≤ 1.2 | met | the SDK alone |" in text
    assert "| make run | 31 s |  |  | < 30 s | missed | wall time |" in text


def test_a_small_ratio_is_not_shown_as_none() -> None:
    text = to_markdown(report(replace(MET, value=0.0124)))

    assert "| 0.012 ms | 1 ms | 0.012 |" in text


def test_the_table_shows_between_what_the_samples_lie() -> None:
    spread = replace(MET, spread=Spread(1.05, 2.5), baseline_spread=Spread(0.9, 101))

    text = to_markdown(report(spread))

    assert "| 1.10 ms (1.05-2.50) | 1 ms (0.900-101) | 1.10 |" in text


def test_a_results_file_holds_the_spread(tmp_path: Path) -> None:
    spread = replace(MET, spread=Spread(1.05, 2.5))

    kept = json.loads(keep(report(spread), tmp_path).read_text())

    assert kept["rows"][0]["spread"] == {"low": 1.05, "high": 2.5}
    assert kept["rows"][0]["baseline_spread"] is None


def test_the_table_names_machine_versions_and_load() -> None:
    text = to_markdown(report(MET))

    assert "cpus 2" in text
    assert "python 3.11.7" in text
    assert "0.1 before and 0.9 after" in text


def test_a_results_file_holds_what_was_measured_and_where(tmp_path: Path) -> None:
    path = keep(report(MET), tmp_path / "results")

    kept = json.loads(path.read_text())
    assert path.name == "2026-01-31.json"
    assert kept["machine"] == {"cpus": 2, "file_system": "ext4"}
    assert kept["rows"][0]["ratio"] == 1.1
    assert kept["rows"][0]["is_met"] is True


def test_publishing_replaces_the_results_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(PAGE)

    publish(report(MET), page)
    publish(report(MET), page)

    text = page.read_text()
    assert text.startswith("# Performance\n\n<!-- results")
    assert text.endswith("<!-- end of results -->\n\nEnd\n")
    assert "old" not in text
    assert text.count("| step |") == 1


def test_a_page_without_a_place_for_results_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("# Performance\n")

    with pytest.raises(ValueError, match="no place for results"):
        publish(report(MET), page)

    assert page.read_text() == "# Performance\n"
