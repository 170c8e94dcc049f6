"""An attempt records under its lease, knows why it must stop, and ends once."""

import pytest

from agent.attempt import Attempt, StopReason
from agent.errors import AttemptStoppedError
from runs.artifacts.folder import FolderStore
from runs.errors import JournalUnavailableError, LeaseLostError
from runs.events import EventType
from runs.journal.base import Changes
from runs.run import Progress, Usage
from tests.support.engine import Engine, StillClock


def test_every_write_is_a_sign_of_life(still_engine: Engine, clock: StillClock) -> None:
    attempt = still_engine.attempt()
    clock.advance(5)

    attempt.report(Progress(step="load", done=1, total=2))

    assert attempt.last_sign_of_life == clock.now
    assert still_engine.head().progress == Progress(step="load", done=1, total=2)


def test_a_saved_file_is_on_the_head(still_engine: Engine) -> None:
    attempt = still_engine.attempt()

    attempt.save("report.md", b"# first", media_type="text/markdown")
    attempt.save("report.md", b"# second", media_type="text/markdown")

    (artifact,) = still_engine.head().artifacts
    assert artifact.size == len(b"# second")
    assert artifact.key is not None
    assert still_engine.artifacts.get(artifact.key) == b"# second"
    assert attempt.load("report.md") == b"# second"


def test_the_files_of_an_undisturbed_run_are_beside_each_other(still_engine: Engine) -> None:
    attempt = still_engine.attempt()

    for name in ("charts/daily.png", "report.md", "report.md"):
        attempt.save(name, b"the same", media_type="text/plain")

    keys = [artifact.key for artifact in still_engine.head().artifacts]
    assert keys == ["runs/run-1/charts/daily.png", "runs/run-1/report.md"]


def test_a_file_that_no_head_came_to_name_leaves_the_one_before_whole(
    still_engine: Engine, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    still_engine.attempt().save("log.txt", b"one", media_type="text/plain")
    clock.advance(7)
    dying = still_engine.claim("b")
    dying.save("log.txt", b"one, two", media_type="text/plain")

    def cut_off(_key: str, _data: bytes, *, media_type: str) -> str:
        uri = FolderStore.put(still_engine.artifacts, _key, _data, media_type=media_type)
        still_engine.journal.failures = 1_000
        dying.request_stop(StopReason.SHUTDOWN, "so as not to wait")
        return uri

    monkeypatch.setattr(still_engine.artifacts, "put", cut_off)
    with pytest.raises(JournalUnavailableError):
        dying.save("log.txt", b"one, two, three", media_type="text/plain")
    still_engine.journal.failures = 0
    clock.advance(7)

    assert still_engine.claim("c").load("log.txt") == b"one, two"


def test_a_closed_attempt_records_nothing(still_engine: Engine) -> None:
    attempt = still_engine.attempt()
    attempt.close()

    with pytest.raises(LeaseLostError):
        attempt.report(Progress(step="late"))

    assert still_engine.head().progress == Progress()


def test_an_attempt_is_closed_by_one(still_engine: Engine) -> None:
    attempt = still_engine.attempt()

    assert [attempt.close(), attempt.close()] == [True, False]


def test_the_first_reason_to_stop_stands(still_engine: Engine) -> None:
    attempt = still_engine.attempt()

    attempt.request_stop(StopReason.CANCELLED, "enough")
    attempt.request_stop(StopReason.SHUTDOWN, "shutdown")

    assert (attempt.stop_reason, attempt.stop_message) == (StopReason.CANCELLED, "enough")
    with pytest.raises(AttemptStoppedError, match="enough"):
        attempt.leave_if_stopped()


def test_an_attempt_that_was_not_told_to_stop_goes_on(still_engine: Engine) -> None:
    still_engine.attempt().leave_if_stopped()


def test_what_was_spent_is_counted_once_when_an_answer_is_lost(still_engine: Engine) -> None:
    attempt = still_engine.attempt()
    still_engine.journal.failures = 1
    still_engine.journal.loses_answers = True

    call = attempt.event(EventType.MODEL_CALLED, name="analyst")
    attempt.commit(Changes(events=(call,), spent=Usage(model_calls=1, input_tokens=10)))

    assert still_engine.head().usage.input_tokens == 10
    assert still_engine.event_types().count(EventType.MODEL_CALLED) == 1


def test_a_journal_that_stays_away_stops_the_attempt(engine: Engine) -> None:
    attempt = _with_short_lease(engine)
    engine.journal.failures = 1_000

    with pytest.raises(JournalUnavailableError):
        attempt.report(Progress(step="load"))

    assert attempt.stop_reason is StopReason.JOURNAL_UNAVAILABLE


def test_a_stopping_attempt_does_not_wait_for_the_journal(engine: Engine) -> None:
    attempt = engine.attempt()
    attempt.request_stop(StopReason.SHUTDOWN, "shutdown")
    engine.journal.failures = 2

    with pytest.raises(JournalUnavailableError):
        attempt.report(Progress(step="load"))

    assert engine.journal.failures == 1


def _with_short_lease(engine: Engine) -> Attempt:
    engine.accept("steps")
    claim = engine.journal.claim(
        "run-1", owner="test", token="token", now=engine.clock(), lease_seconds=0.4
    )
    return Attempt(
        journal=engine.journal,
        artifacts=engine.artifacts,
        run=claim.run,
        lease=claim.lease,
        clock=engine.clock,
    )


def test_calls_of_one_moment_are_not_taken_for_each_other(still_engine: Engine) -> None:
    attempt = still_engine.attempt()
    attempt.save("one.png", b"1", media_type="image/png")
    still_engine.journal.failures = 1

    attempt.save("two.png", b"2", media_type="image/png")

    assert [artifact.name for artifact in still_engine.head().artifacts] == ["one.png", "two.png"]


def test_a_worker_whose_lease_was_taken_leaves_the_files_of_the_next(
    still_engine: Engine, clock: StillClock
) -> None:
    attempt = still_engine.attempt()
    attempt.save("report.md", b"# mine", media_type="text/markdown")
    clock.advance(7)
    still_engine.journal.claim("run-1", owner="b", token="b", now=clock(), lease_seconds=6)

    with pytest.raises(LeaseLostError):
        attempt.save("report.md", b"# too late", media_type="text/markdown")

    assert attempt.load("report.md") == b"# mine"
