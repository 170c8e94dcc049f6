"""A worker is paused past its lease, another takes its run over, and then the first goes on."""

from http import HTTPStatus
from typing import Any

import pytest

from runs.events import EventType
from runs.run import Status
from tests.integration.workers.conftest import MIDDLE, PLACES, Aftermath, Pair, Rows
from tests.support.fencing import Call

WORKING = [name for name, (workflow, _) in PLACES.items() if workflow == "works"]


def of_run(rows: Rows, table: str, session_id: str) -> list[tuple[Any, ...]]:
    return [row for row in rows[table] if session_id in row]


@pytest.mark.parametrize("place", PLACES)
def test_it_records_nothing(aftermath: Aftermath, place: str) -> None:
    for table in ("runs", "records"):
        before = of_run(aftermath.before, table, place)

        assert before
        assert of_run(aftermath.after, table, place) == before


def test_it_begins_nothing(aftermath: Aftermath) -> None:
    before, after = (
        {row[0] for row in rows["runs"]} for rows in (aftermath.before, aftermath.after)
    )

    assert after == before


def test_it_records_nothing_while_the_other_works(aftermath: Aftermath) -> None:
    before, after = (
        of_run(rows, "records", MIDDLE) for rows in (aftermath.before, aftermath.after)
    )

    assert after == before
    assert aftermath.holder == 2


def test_it_ends_its_jobs_and_tells_that_it_is_free(aftermath: Aftermath) -> None:
    assert aftermath.pings == ("HealthyBusy", "Healthy")
    assert aftermath.still_at == []


@pytest.mark.parametrize("place", [*PLACES, MIDDLE])
@pytest.mark.usefixtures("aftermath")
def test_the_other_finishes_the_run(pair: Pair, place: str) -> None:
    run = pair.head(place)

    assert (run.status, run.error) == (Status.COMPLETED, None)
    # One more for the parent, which parks until its child has ended.
    assert run.attempt == (3 if place == "before-its-child" else 2)


@pytest.mark.parametrize("place", [*WORKING, MIDDLE])
@pytest.mark.usefixtures("aftermath")
def test_attempts_record_one_after_the_other(pair: Pair, place: str) -> None:
    attempts = [each.event.attempt for each in pair.events(place) if each.event.attempt]

    assert attempts == sorted(attempts)
    assert set(attempts) == {1, 2}


@pytest.mark.parametrize("place", [*WORKING, MIDDLE])
@pytest.mark.usefixtures("aftermath")
def test_every_step_is_recorded_once(pair: Pair, place: str) -> None:
    done = [
        each.event.name
        for each in pair.events(place)
        if each.event.type is EventType.STEP_SUCCEEDED
    ]

    assert sorted(str(name) for name in done) == sorted({"first", "second", "keep", place})


@pytest.mark.parametrize("place", ["before-a-file", "after-a-file"])
@pytest.mark.usefixtures("aftermath")
def test_the_head_names_the_file_of_the_one_that_took_over(pair: Pair, place: str) -> None:
    (artifact,) = pair.head(place).artifacts

    assert pair.artifacts.get(str(artifact.key)) == b"by 2"
    assert pair.artifacts.get(f"runs/{place}/made.txt") == b"by 1"


@pytest.mark.usefixtures("aftermath")
def test_a_child_is_started_once(pair: Pair) -> None:
    children = [
        run
        for run in pair.journal.list_runs(limit=1000).runs
        if run.parent_session_id == "before-its-child"
    ]

    assert [(child.status, child.result, child.attempt) for child in children] == [
        (Status.COMPLETED, 2, 1)
    ]


@pytest.mark.usefixtures("aftermath")
def test_a_callback_is_closed_once(pair: Pair) -> None:
    kinds = [each.event.type for each in pair.events("before-a-time-out")]

    assert kinds.count(EventType.CALLBACK_TIMED_OUT) == 1


@pytest.mark.usefixtures("aftermath")
def test_a_service_can_refuse_the_tool_of_a_replaced_worker(pair: Pair) -> None:
    calls = pair.service.calls["in-a-tool"]

    (key,) = {call.key for call in calls}
    assert calls == [Call(key, 2, HTTPStatus.OK), Call(key, 1, HTTPStatus.CONFLICT)]
    assert pair.service.effects["in-a-tool"] == [key]


@pytest.mark.usefixtures("aftermath")
def test_a_service_knows_a_call_again_that_both_workers_make(pair: Pair) -> None:
    calls = pair.service.calls["at-a-tool-s-end"]

    (key,) = {call.key for call in calls}
    assert calls == [Call(key, 1, HTTPStatus.OK), Call(key, 2, HTTPStatus.OK)]
    assert pair.service.effects["at-a-tool-s-end"] == [key]
