"""A process with an embedded journal finds the runs that want a worker by itself."""

import sqlite3
from dataclasses import replace
from datetime import timedelta

import pytest

from agent import threads
from agent.poller import RUNS_AT_ONCE, Poller
from runs.errors import RunNotFoundError
from runs.letters import Letter
from runs.lifecycle import Ending
from runs.notices import NoticeKind
from runs.notifying import Notifier
from runs.run import Lease, Run, RunFailure, Status
from tests.support.approvals import ask
from tests.support.engine import Engine, wait_until
from tests.support.journals import a_run
from tests.support.post import ScriptedPost


def _look(engine: Engine) -> list[str]:
    begun: list[str] = []
    Poller(engine.journal, begin=begun.append, clock=engine.clock).look()
    return begun


def _lose(engine: Engine, *, times: int) -> Run:
    """Let workers claim the run and die, one after the other."""
    for number in range(times):
        now = engine.clock() + timedelta(seconds=10 * number)
        engine.journal.claim(
            "run-1", owner=f"host:{number}", token=f"token-{number}", now=now, lease_seconds=6
        )
    return engine.head()


def test_a_queued_run_is_begun(engine: Engine) -> None:
    engine.accept("steps")

    assert _look(engine) == ["run-1"]


def test_no_more_runs_are_begun_than_there_is_room_for_and_the_oldest_first(
    engine: Engine,
) -> None:
    begun: list[str] = []
    for seconds, session_id in ((1, "second"), (2, "third"), (0, "first")):
        at = engine.clock() - timedelta(minutes=1) + timedelta(seconds=seconds)
        engine.journal.accept(
            a_run(session_id=session_id, wake_at=at, deadline_at=at + timedelta(hours=1))
        )
    poller = Poller(
        engine.journal,
        begin=begun.append,
        clock=engine.clock,
        at_work=lambda: RUNS_AT_ONCE - 2,
    )

    poller.look()

    assert begun == ["first", "second"]


def test_a_run_with_a_live_lease_is_left_alone(engine: Engine) -> None:
    engine.attempt()

    assert _look(engine) == []


def test_a_run_whose_lease_expired_is_begun_again(engine: Engine) -> None:
    attempt = engine.attempt()
    later = replace(engine, clock=lambda: attempt.lease.expires_at)

    assert _look(later) == ["run-1"]


def test_a_run_past_its_deadline_is_timed_out(engine: Engine) -> None:
    run = engine.accept("steps")
    later = replace(engine, clock=lambda: run.deadline_at)

    assert _look(later) == []
    assert engine.head().status is Status.TIMED_OUT


def test_a_run_whose_worker_died_after_its_cancellation_is_ended(engine: Engine) -> None:
    attempt = engine.attempt()
    engine.journal.cancel("run-1", now=engine.clock(), reason="not needed")
    later = replace(engine, clock=lambda: attempt.lease.expires_at)

    assert _look(later) == []
    assert engine.head().status is Status.CANCELLED


def test_a_run_that_kills_every_worker_is_given_up(engine: Engine) -> None:
    engine.accept("steps", max_attempts=3)
    lost = _lose(engine, times=3)
    later = replace(engine, clock=lambda: lost.updated_at + timedelta(minutes=1))

    assert _look(later) == []
    error = engine.head().error
    assert isinstance(error, RunFailure)
    assert error.type == "AttemptsExhausted"
    assert "3 attempts in a row were lost" in error.message


def test_a_look_that_fails_is_not_the_last(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.accept("steps")
    begun: list[str] = []
    poller = Poller(engine.journal, begin=begun.append, clock=engine.clock)
    list_runs = engine.journal.list_runs

    def fail_once(**_: object) -> None:
        monkeypatch.setattr(engine.journal, "list_runs", list_runs)
        msg = "disk I/O error"
        raise sqlite3.OperationalError(msg)

    monkeypatch.setattr(engine.journal, "list_runs", fail_once)

    threads.start("poller", poller.run, on_crash=lambda _: None)
    wait_until(lambda: begun)
    poller.stop()

    assert begun[0] == "run-1"


def test_it_looks_again_when_the_next_lease_expires(engine: Engine) -> None:
    engine.attempt()
    lease = engine.head().lease
    assert lease is not None
    almost = lambda: lease.expires_at - timedelta(seconds=0.25)  # noqa: E731 - an argument

    assert Poller(engine.journal, begin=str, clock=almost).look() == 0.25


@pytest.fixture
def told(engine: Engine) -> tuple[Poller, list[Letter]]:
    """A poller that tells deciders, and the letters they got."""
    post = ScriptedPost()
    notifier = Notifier(journal=engine.journal, post=post, clock=engine.clock)
    poller = Poller(engine.journal, begin=str, clock=engine.clock, notify=notifier.notify)
    return poller, post.letters


def _ask(engine: Engine) -> Lease:
    attempt = engine.attempt()
    ask(engine.journal, lease=attempt.lease, at=engine.clock())
    return attempt.lease


def test_what_a_run_asks_is_told_while_it_is_worked_on(
    engine: Engine, told: tuple[Poller, list[Letter]]
) -> None:
    poller, letters = told
    _ask(engine)

    poller.look()
    poller.look()

    assert [letter.kind for letter in letters] == [NoticeKind.ASKED]


def test_of_a_run_that_has_ended_is_told_even_if_the_process_was_down(
    engine: Engine, told: tuple[Poller, list[Letter]]
) -> None:
    poller, letters = told
    lease = _ask(engine)
    poller.look()

    engine.journal.settle(lease, Ending(status=Status.COMPLETED), now=engine.clock())
    poller.look()
    poller.look()

    assert [letter.kind for letter in letters] == [NoticeKind.ASKED, NoticeKind.ENDED]


def test_a_process_that_starts_tells_of_the_runs_that_ended_before(engine: Engine) -> None:
    lease = _ask(engine)
    engine.journal.note_sent(
        lease.session_id,
        engine.journal.notices(lease.session_id, now=engine.clock()),
        now=engine.clock(),
    )
    engine.journal.settle(lease, Ending(status=Status.COMPLETED), now=engine.clock())
    later = engine.clock() + timedelta(minutes=1.5)
    post = ScriptedPost()
    notifier = Notifier(journal=engine.journal, post=post, clock=lambda: later)

    Poller(engine.journal, begin=str, clock=lambda: later, notify=notifier.notify).look()

    assert [letter.kind for letter in post.letters] == [NoticeKind.ENDED]


def test_a_run_of_which_nobody_can_be_told_does_not_keep_others_from_work(engine: Engine) -> None:
    _ask(engine)
    engine.accept("steps", session_id="run-2")
    begun: list[str] = []

    def fail(session_id: str) -> None:
        raise RunNotFoundError(session_id)

    Poller(engine.journal, begin=begun.append, clock=engine.clock, notify=fail).look()

    assert begun == ["run-2"]
