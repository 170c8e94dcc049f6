"""The runner takes a run from its claim to its end, a wait, or a stop."""

import sqlite3
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agent import threads
from agent.attempt import StopReason
from agent.watchdog import Watchdog
from runs.errors import JournalUnavailableError, UnwatchedRunError
from runs.events import EventType
from runs.instants import to_iso
from runs.run import RunFailure, Status
from tests.support.engine import NOON, Engine, wait_until
from tests.support.workflows import noted


def test_a_workflow_that_returns_completes_its_run(engine: Engine) -> None:
    run = engine.execute("steps", "2")

    assert (run.status, run.result, run.attempt) == (Status.COMPLETED, [0, 1], 1)


def test_a_failed_step_is_tried_again_after_its_delay(engine: Engine) -> None:
    run = engine.execute("retries", "1")

    assert (run.status, run.result) == (Status.COMPLETED, 2)
    assert noted(engine.notes) == ["try 1", "try 2"]


def test_branches_of_a_map_wait_side_by_side(engine: Engine) -> None:
    run = engine.execute("maps", "4")

    assert (run.status, run.result) == (Status.COMPLETED, [0, 1, 4, 9])
    assert len(noted(engine.notes)) == 8


def test_parallel_branches_and_child_contexts_give_their_results(engine: Engine) -> None:
    run = engine.execute("parallels", "x")

    assert (run.status, run.result) == (Status.COMPLETED, ["left", "right", "last"])


def test_a_condition_is_polled_with_the_state_of_the_last_poll(engine: Engine) -> None:
    run = engine.execute("polls", "2")

    assert (run.status, run.result) == (Status.COMPLETED, 2)
    assert noted(engine.notes) == ["poll 0", "poll 1"]


def test_a_result_of_many_megabytes_is_kept(engine: Engine) -> None:
    run = engine.execute("large", "14")

    assert run.status is Status.COMPLETED
    assert isinstance(run.result, dict)
    assert [len(half) for half in run.result.values()] == [7 * 1024 * 1024] * 2


@pytest.mark.parametrize("way", ["step", "child", "branch", "workflow"])
def test_an_error_arrives_as_the_workflow_raised_it(engine: Engine, way: str) -> None:
    run = engine.execute("fails", way)

    message = f"no such file: {engine.notes}"
    assert run.status is Status.FAILED
    assert run.error == RunFailure(type="ValueError", message=message)


@pytest.mark.parametrize(
    ("way", "kind", "message"),
    [
        ("exit", "SystemExit", "3"),
        ("invoke", "ResourceNotFoundException", "'another' is not a workflow"),
        ("result", "TypeError", "not JSON serializable"),
    ],
)
def test_a_workflow_can_fail_in_no_way_that_leaves_its_run_open(
    engine: Engine, way: str, kind: str, message: str
) -> None:
    run = engine.execute("fails", way)

    assert run.status is Status.FAILED
    assert run.error is not None
    assert run.error.type == kind
    assert message in run.error.message


def test_a_workflow_nobody_knows_fails_and_names_those_there_are(engine: Engine) -> None:
    run = engine.execute("gone")

    assert run.status is Status.FAILED
    assert run.error is not None
    assert "workflow: is 'gone', expected one of: asks," in run.error.message


def test_a_run_that_waits_long_is_parked_and_goes_on_where_it_was(engine: Engine) -> None:
    engine.limits = replace(engine.limits, park_after=timedelta(0))

    parked = engine.execute("waits", "1")
    wait_until(lambda: engine.head().is_due(engine.clock()))
    done = engine.resume()

    assert (parked.status, parked.waiting_for) == (Status.WAITING, "wait pause")
    assert parked.wake_at is not None
    assert (done.status, done.attempt) == (Status.COMPLETED, 2)
    assert noted(engine.notes) == ["before", "after"]


def test_a_run_that_waits_for_an_answer_is_parked_without_a_time(engine: Engine) -> None:
    run = engine.execute("asks", "0")

    assert (run.status, run.waiting_for) == (Status.WAITING, "answer to approve")
    assert run.wake_at is None


def test_an_answer_that_does_not_come_in_time_fails_the_question(engine: Engine) -> None:
    run = engine.execute("asks", "1")

    assert run.status is Status.FAILED
    assert run.error == RunFailure(type="Callback.Timeout", message="Callback timed out")


@pytest.mark.parametrize(("workflow", "prompt"), [("steps", "1"), ("fails", "step"), ("asks", "0")])
def test_who_waits_for_a_run_is_woken_when_it_is_left(
    engine: Engine, workflow: str, prompt: str
) -> None:
    engine.execute(workflow, prompt, wake_token="wake me")

    assert engine.signals.tokens == ["wake me"]


def test_a_run_somebody_else_has_is_left_alone(engine: Engine) -> None:
    attempt = engine.attempt("steps", "1")

    run = engine.resume()

    assert run.lease is not None
    assert run.lease.token == attempt.lease.token
    assert noted(engine.notes) == []


def test_a_claimless_run_past_its_deadline_is_ended(engine: Engine) -> None:
    run = engine.execute("steps", "1", deadline_at=NOON)

    assert run.status is Status.TIMED_OUT


def test_a_session_without_a_run_frees_its_job(engine: Engine) -> None:
    job = engine.job()

    engine.runner.run(job)

    assert job.wait(0)


def test_a_cancelled_run_ends_at_the_next_edge(engine: Engine) -> None:
    with engine.executing("minds", "20") as job:
        wait_until(lambda: noted(engine.notes))
        job.request_stop(StopReason.CANCELLED, "not needed any more")

    run = engine.head()
    assert run.status is Status.CANCELLED
    assert run.error == RunFailure(type="Cancelled", message="not needed any more")
    assert EventType.STEP_FAILED not in engine.event_types()


def test_a_cancellation_on_the_head_is_heard_by_the_heartbeat(engine: Engine) -> None:
    engine.limits = replace(engine.limits, lease_seconds=0.6)

    with engine.executing("minds", "20"):
        wait_until(lambda: noted(engine.notes))
        engine.journal.cancel("run-1", now=engine.clock(), reason="changed my mind")

    run = engine.head()
    assert run.status is Status.CANCELLED
    assert run.error == RunFailure(type="Cancelled", message="changed my mind")


def test_a_stop_that_comes_before_the_claim_is_not_forgotten(engine: Engine) -> None:
    engine.accept("steps", "1")
    job = engine.job()
    job.request_stop(StopReason.CANCELLED, "too late")

    engine.runner.run(job)

    assert engine.head().status is Status.CANCELLED
    assert noted(engine.notes) == []


def test_code_that_does_not_stop_is_let_go(engine: Engine) -> None:
    with engine.executing("hangs", "1.5") as job:
        wait_until(lambda: noted(engine.notes))
        job.request_stop(StopReason.CANCELLED, "enough")
        assert job.wait(1.4)

        assert engine.head().status is Status.CANCELLED


def test_a_run_ends_at_its_deadline_whatever_its_code_does(engine: Engine) -> None:
    deadline_at = engine.clock() + timedelta(seconds=0.5)

    with engine.executing("hangs", "1.5", deadline_at=deadline_at) as job:
        assert job.wait(1.4)

        run = engine.head()
        assert run.status is Status.TIMED_OUT
        assert run.error is not None
        assert to_iso(deadline_at) in run.error.message


def test_a_stalled_run_is_given_up_and_can_record_nothing_later(engine: Engine) -> None:
    engine.limits = replace(engine.limits, stall_after=timedelta(seconds=0.5))

    with engine.executing("hangs", "1.5") as job:
        assert job.wait(1.4)
        at_the_stall = engine.journal.events("run-1")

    assert at_the_stall[-1].event.type is EventType.RUN_STALLED
    assert engine.journal.events("run-1") == at_the_stall
    assert engine.head().status is Status.BUSY
    assert noted(engine.notes) == ["first"]


def test_a_run_that_is_handed_back_at_shutdown_can_be_claimed_at_once(engine: Engine) -> None:
    with engine.executing("steps", "40 50") as job:
        wait_until(lambda: len(noted(engine.notes)) > 2)
        job.request_stop(StopReason.SHUTDOWN, "the process is shutting down")

    handed_back = engine.head()
    begun = noted(engine.notes)
    assert handed_back.status is Status.QUEUED
    assert engine.event_types()[-1] is EventType.LEASE_RELEASED

    engine.resume()

    lines = noted(engine.notes)
    assert engine.head().status is Status.COMPLETED
    assert lines[: len(begun)] == begun
    assert sorted(lines) == sorted({*lines})


def test_a_worker_whose_run_was_taken_over_stops_without_a_word(engine: Engine) -> None:
    with engine.executing("catches", "1"):
        wait_until(lambda: EventType.STEP_STARTED in engine.event_types())
        engine.journal.claim(
            "run-1",
            owner="other",
            token="other",
            now=engine.clock() + timedelta(seconds=10),
            lease_seconds=60,
        )

    run = engine.head()
    assert run.status is Status.BUSY
    assert run.lease is not None
    assert run.lease.token == "other"
    assert noted(engine.notes) == []


def test_a_journal_that_fails_a_few_times_does_not_end_a_run(engine: Engine) -> None:
    engine.journal.failures = 3

    run = engine.execute("steps", "2")

    assert run.status is Status.COMPLETED


def test_a_write_whose_answer_was_lost_is_not_recorded_twice(engine: Engine) -> None:
    engine.journal.failures = 2
    engine.journal.loses_answers = True

    engine.execute("steps", "2")

    assert engine.event_types().count(EventType.STEP_SUCCEEDED) == 2


def test_a_journal_that_stays_away_ends_the_attempt_but_not_the_run(engine: Engine) -> None:
    engine.limits = replace(engine.limits, lease_seconds=0.5)
    engine.journal.failures = 1_000

    run = engine.execute("steps", "2")

    # The heads of this journal still answer, so that the run could be handed back.
    assert run.status is Status.QUEUED
    assert engine.event_types()[-1] is EventType.LEASE_RELEASED


def test_the_reason_on_the_head_goes_before_that_of_the_call(engine: Engine) -> None:
    with engine.executing("minds", "20") as job:
        wait_until(lambda: noted(engine.notes))
        engine.journal.cancel("run-1", now=engine.clock(), reason="too expensive")
        job.request_stop(StopReason.CANCELLED, "cancelled by request")

    assert engine.head().error == RunFailure(type="Cancelled", message="too expensive")


def test_a_heartbeat_that_crashes_stops_the_attempt(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def renew(*_: object, **__: object) -> None:
        msg = "not a number"
        raise TypeError(msg)

    monkeypatch.setattr(engine.journal, "renew", renew)
    engine.limits = replace(engine.limits, lease_seconds=0.6)

    with engine.executing("minds", "20") as job:
        pass

    assert job.attempt is not None
    assert "not a number" in job.attempt.stop_message
    assert engine.head().status is Status.QUEUED


def test_a_result_there_is_no_room_for_fails_the_run(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(engine.artifacts, "put", put)

    run = engine.execute("large", "1")

    assert run.status is Status.FAILED
    assert run.error is not None
    assert "No space left on device" in run.error.message


def test_a_claim_whose_answer_was_lost_is_the_same_claim(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = engine.journal.claim

    def lose_answer(*names: str, **values: Any) -> None:  # noqa: ANN401 - passed on as they are
        monkeypatch.setattr(engine.journal, "claim", claim)
        claim(*names, **values)
        msg = "the answer was lost"
        raise JournalUnavailableError(msg)

    monkeypatch.setattr(engine.journal, "claim", lose_answer)

    run = engine.execute("steps", "1")

    assert (run.status, run.attempt) == (Status.COMPLETED, 1)


def test_a_run_whose_prompt_is_lost_fails_and_says_so(engine: Engine) -> None:
    engine.accept("steps", "x" * 100_000)
    for payload in (engine.folder / "artifacts" / "payloads").iterdir():
        payload.unlink()

    engine.runner.run(engine.job())

    (run,) = engine.journal.list_runs().runs
    assert run.status is Status.FAILED
    assert run.error is not None
    assert run.error.type == "PayloadMissingError"


def test_a_watchdog_that_crashes_lets_go_of_code_that_hangs(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(_: Watchdog) -> None:
        msg = "disk I/O error"
        raise sqlite3.OperationalError(msg)

    monkeypatch.setattr(Watchdog, "check", check)
    engine.limits = replace(engine.limits, stall_after=timedelta(seconds=0.2))
    engine.accept("hangs", "5")
    job = engine.job()

    threads.start("run", lambda: engine.runner.run(job), on_crash=lambda _: None)

    assert job.wait(3)
    assert engine.head().status is Status.QUEUED


def test_a_run_that_waits_longer_than_a_stall_takes_is_not_stalled(engine: Engine) -> None:
    engine.limits = replace(engine.limits, stall_after=timedelta(seconds=0.5))

    run = engine.execute("waits", "1")

    assert run.status is Status.COMPLETED
    assert EventType.RUN_STALLED not in engine.event_types()


class _Watchers:
    """Remembers what it was to watch, or refuses."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.watched: list[str] = []
        self._refuses = refuses

    def watch(self, session_id: str, *, retry: int = 0) -> None:
        if self._refuses:
            raise UnwatchedRunError(session_id, "nobody may")
        self.watched.append(session_id)


def test_a_run_that_no_event_started_is_watched(engine: Engine) -> None:
    watcher = _Watchers()
    run = engine.accept("steps", "1 0")

    replace(engine.runner, watcher=watcher).run(engine.job(), accept=run)

    assert watcher.watched == ["run-1"]
    assert engine.head().status is Status.COMPLETED


def test_a_run_that_an_event_started_is_left_to_its_own_execution(engine: Engine) -> None:
    watcher = _Watchers()
    engine.accept("steps", "1 0")

    replace(engine.runner, watcher=watcher).run(engine.job())

    assert watcher.watched == []


def test_a_run_nobody_watches_is_worked_on_all_the_same(engine: Engine) -> None:
    run = engine.accept("steps", "1 0")

    replace(engine.runner, watcher=_Watchers(refuses=True)).run(engine.job(), accept=run)

    assert engine.head().status is Status.COMPLETED
