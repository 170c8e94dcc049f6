"""A session has one job in a process, and is free again when the job ends."""

from agent.attempt import StopReason
from agent.jobs import Jobs
from tests.support.engine import Engine, StillClock


def test_a_session_has_one_job_at_a_time() -> None:
    jobs = Jobs(StillClock())
    first = jobs.begin("a")

    assert first is not None
    assert jobs.begin("a") is None
    assert jobs.begin("b") is not None


def test_a_job_that_ended_frees_its_session_and_is_remembered() -> None:
    jobs = Jobs(StillClock())
    job = jobs.begin("a")
    assert job is not None
    job.has_run = True
    found = []
    job.on_end = lambda: found.append(jobs.find("a"))

    job.end()
    job.end()

    assert found == [None]
    assert jobs.has_ended("a")
    assert jobs.begin("a") is not None


def test_sessions_that_ended_are_remembered_for_a_while() -> None:
    jobs = Jobs(StillClock())
    for number in range(1_001):
        job = jobs.begin(f"s{number}")
        assert job is not None
        job.has_run = True
        job.end()

    assert not jobs.has_ended("s0")
    assert jobs.has_ended("s1")


def test_a_process_that_shuts_down_takes_no_new_jobs() -> None:
    jobs = Jobs(StillClock())

    assert jobs.stop_all(within_seconds=0) == []
    assert jobs.begin("a") is None


def test_a_shutdown_tells_every_job_and_names_those_that_go_on(still_engine: Engine) -> None:
    jobs = Jobs(StillClock())
    busy, done = jobs.begin("busy"), jobs.begin("done")
    assert busy is not None
    assert done is not None
    attempt = still_engine.attempt()
    busy.attach(attempt)
    done.end()

    left = jobs.stop_all(within_seconds=0)

    assert left == [busy]
    assert attempt.stop_reason is StopReason.SHUTDOWN


def test_a_job_says_what_it_is_at(still_engine: Engine) -> None:
    job = Jobs(StillClock()).begin("run-1")
    assert job is not None
    attempt = still_engine.attempt("steps")
    job.attach(attempt)

    assert job.to_json() == {
        "session_id": "run-1",
        "started_at": "2026-01-31T12:00:00.000Z",
        "workflow": "steps",
        "attempt": 1,
        "stopping": None,
    }


def test_a_session_in_which_no_run_was_found_is_not_remembered() -> None:
    jobs = Jobs(StillClock())
    job = jobs.begin("a")
    assert job is not None

    job.end()

    assert not jobs.has_ended("a")
