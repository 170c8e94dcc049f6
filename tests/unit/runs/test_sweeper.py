"""A sweep finds what the normal way has left, mends it, and may die anywhere."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runs.again import Retry
from runs.errors import ExecutionsUnknownError
from runs.events import EventType
from runs.executions import ExecutionState, successor_name, watcher_name
from runs.journal.sqlite import SqliteJournal
from runs.run import Run, Status
from runs.sweeping import Mend, Problem
from tests.support.journals import accept, claim, folder_store, later
from tests.support.sweeping import KilledError, Yard


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    journal = SqliteJournal(":memory:", artifacts=folder_store(tmp_path))
    yield Yard(journal)
    journal.close()


def problems(yard: Yard) -> list[tuple[Problem, Mend | None]]:
    return [(each.problem, each.mend) for each in yard.found()]


def told(yard: Yard, run: Run) -> list[str]:
    events = yard.journal.events(run.session_id)
    repaired = [each.event for each in events if each.event.type is EventType.RUN_REPAIRED]
    return [str(event.details["Found"]) for event in repaired]


def test_runs_that_are_watched_and_not_due_are_left_alone(yard: Yard) -> None:
    claim(yard.journal, yard.watched("busy", deadline_at=later(99_999)).session_id)
    yard.parked(yard.watched("waiting", deadline_at=later(99_999)), wake_at=later(90_000))
    yard.later(seconds=50)

    assert problems(yard) == []


def test_a_run_whose_execution_was_stopped_is_watched_by_its_successor(yard: Yard) -> None:
    run = yard.unwatched()
    yard.later(minutes=6)

    (found,) = yard.sweeper.sweep(is_dry=False).found

    successor = yard.executions.named(successor_name(run.execution or ""))
    assert (found.problem, found.mend, found.is_mended) == (Problem.UNWATCHED, Mend.WATCH, True)
    assert yard.executions.started == [(successor, run.session_id)]
    assert yard.run(run.session_id).watcher == successor
    assert told(yard, run) == ["watched by no execution since 2026-01-31T08:30:00.000Z"]


def test_a_run_that_has_just_changed_is_not_yet_missed(yard: Yard) -> None:
    yard.unwatched()
    yard.later(minutes=4)

    assert problems(yard) == []


def test_a_run_that_no_execution_ever_watched_gets_the_one_that_would(yard: Yard) -> None:
    run = accept(yard.journal, execution=None)
    yard.later(minutes=6)

    yard.sweeper.sweep(is_dry=False)

    name = watcher_name(run.session_id)
    assert yard.executions.started == [(yard.executions.named(name), run.session_id)]


def test_a_retried_run_gets_the_execution_of_its_retry(yard: Yard) -> None:
    run = accept(yard.journal, execution=None, deadline_at=later(99_999))
    yard.journal.cancel(run.session_id, now=yard.now, reason="no")
    yard.journal.retry(run.session_id, Retry(by="ops"), now=yard.now)
    yard.later(minutes=6)

    yard.sweeper.sweep(is_dry=False)

    name = watcher_name(run.session_id, 1)
    assert yard.executions.started == [(yard.executions.named(name), run.session_id)]


def test_an_execution_that_was_handed_over_to_is_found_along_the_chain(yard: Yard) -> None:
    run = yard.unwatched()
    successor = yard.executions.named(successor_name(run.execution or ""))
    yard.executions.states[successor] = ExecutionState.RUNNING
    yard.later(minutes=6)

    assert Problem.UNWATCHED not in dict(problems(yard))


def test_a_chain_of_stopped_executions_is_gone_on_with_at_its_end(yard: Yard) -> None:
    run = yard.unwatched()
    second = yard.executions.named(successor_name(run.execution or ""))
    yard.executions.states[second] = ExecutionState.ENDED
    yard.later(minutes=6)

    yard.sweeper.sweep(is_dry=False)

    third = yard.executions.named(successor_name(second))
    assert yard.executions.started == [(third, run.session_id)]


def test_a_run_past_its_deadline_ends_as_timed_out(yard: Yard) -> None:
    run = yard.unwatched(deadline_at=later(60))
    yard.later(minutes=7)

    yard.sweeper.sweep(is_dry=False)

    assert yard.run(run.session_id).status is Status.TIMED_OUT


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED])
def test_an_end_that_nobody_was_told_of_is_watched_for_it(yard: Yard, status: Status) -> None:
    run = yard.ended(yard.unwatched(), status)
    yard.later(minutes=6)

    assert problems(yard) == [(Problem.UNANNOUNCED, Mend.WATCH)]
    yard.sweeper.sweep(is_dry=False)
    assert [session for _, session in yard.executions.started] == [run.session_id]


def test_an_end_that_its_execution_has_missed_is_told_to_it(yard: Yard) -> None:
    run = yard.ended(yard.watched(wake_token="its token"))
    yard.later(minutes=6)

    yard.sweeper.sweep(is_dry=False)

    assert yard.signals.tokens == ["its token"]
    assert yard.executions.started == []
    # Used up: what does not help is not repeated for ever.
    assert yard.run(run.session_id).wake_token is None
    assert problems(yard) == [(Problem.UNANNOUNCED, None)]


def test_a_session_left_on_by_a_parked_run_is_stopped(yard: Yard) -> None:
    run = yard.parked(yard.watched(deadline_at=later(99_999)), wake_at=later(90_000))
    yard.later(minutes=6)

    yard.sweeper.sweep(is_dry=False)

    assert yard.sessions.stopped == [run.session_id]
    assert problems(yard) == []


def test_a_session_left_on_after_an_announced_end_is_stopped(yard: Yard) -> None:
    run = yard.watched(announced_at=later(2), status=Status.FAILED, finished_at=later(1))
    yard.later(minutes=6)

    yard.sweeper.sweep(is_dry=False)

    assert yard.sessions.stopped == [run.session_id]
    assert problems(yard) == []


def test_a_run_that_is_due_and_watched_has_its_execution_woken(yard: Yard) -> None:
    run = yard.watched(wake_token="its token")
    claim(yard.journal, run.session_id)
    yard.later(minutes=7)

    assert problems(yard) == [(Problem.OVERDUE, Mend.WAKE)]
    yard.sweeper.sweep(is_dry=False)
    assert yard.signals.tokens == ["its token"]
    assert told(yard, run) == ["due and not gone on with since 2026-01-31T08:31:00.000Z"]


def test_what_a_lambda_durable_execution_does_is_the_services_to_look_after(yard: Yard) -> None:
    accept(yard.journal, source="lambda", execution="arn:of:a:durable:execution")
    yard.later(days=2)

    assert problems(yard) == []


def test_ends_from_before_they_were_noted_are_not_told_again(yard: Yard) -> None:
    yard.ended(accept(yard.journal, hand_overs=0))
    head = yard.journal.list_runs().runs[0]
    yard.journal.end_stop(head.session_id, hand_overs=1, is_stopped=True, now=yard.now)
    accept(yard.journal, status=Status.FAILED, finished_at=later(1), hand_overs=0)
    yard.later(minutes=6)

    # The first was claimed by this version, which counts; of the second nothing is known.
    assert [each.run.session_id for each in yard.found()] == [head.session_id]


def test_a_dry_sweep_does_nothing(yard: Yard) -> None:
    run = yard.unwatched()
    yard.later(minutes=6)
    before = yard.run(run.session_id)

    swept = yard.sweeper.sweep(is_dry=True)

    assert len(swept.unmended) == 1
    assert yard.run(run.session_id) == before
    assert yard.executions.started == []


def test_a_run_about_which_nobody_tells_does_not_keep_the_others_from_being_mended(
    yard: Yard,
) -> None:
    late = accept(yard.journal, deadline_at=later(1))
    unknown = yard.unwatched(deadline_at=later(99_999))
    yard.executions.error = ExecutionsUnknownError("the machine", "access denied")
    yard.later(minutes=6)

    swept = yard.sweeper.sweep(is_dry=False)

    assert yard.run(late.session_id).status is Status.TIMED_OUT
    (left,) = swept.unmended
    assert left.run.session_id == unknown.session_id
    assert left.error.endswith("access denied")


def test_without_executions_only_what_the_journal_tells_is_found(yard: Yard) -> None:
    sweeper = replace(yard.sweeper, executions=None, stopper=None)
    late = accept(yard.journal, deadline_at=later(1))
    due = accept(yard.journal, deadline_at=later(99_999))
    yard.ended(accept(yard.journal))
    yard.later(minutes=6)

    found = {each.run.session_id: each for each in sweeper.sweep(is_dry=False).found}

    assert found.keys() == {late.session_id, due.session_id}
    assert found[late.session_id].mend is Mend.EXPIRE
    assert (found[due.session_id].problem, found[due.session_id].mend) == (Problem.OVERDUE, None)


def test_a_sweep_leaves_off_and_the_next_one_goes_on(yard: Yard) -> None:
    sessions = {yard.unwatched().session_id for _ in range(120)}
    yard.later(minutes=6)

    parts = [yard.sweeper.sweep_on(may_go_on=lambda: False, limit=1_000) for _ in range(3)]

    assert [part.looked_at for part in parts] == [50, 50, 20]
    assert {session for _, session in yard.executions.started} == sessions


def test_a_sweep_with_work_left_takes_no_more_than_its_share(yard: Yard) -> None:
    for _ in range(120):
        yard.unwatched()

    swept = yard.sweeper.sweep_on(may_go_on=lambda: True, limit=60)

    assert (swept.looked_at, swept.is_whole) == (100, False)


def test_a_later_pass_looks_only_at_what_has_ended_since(yard: Yard) -> None:
    def pass_over() -> int:
        return yard.sweeper.sweep_on(may_go_on=lambda: True, limit=1_000).looked_at

    yard.ended(yard.watched(announced_at=later(1)))
    yard.later(minutes=1)
    looked_at = [pass_over()]
    yard.later(minutes=30)
    looked_at += [pass_over(), pass_over()]
    yard.later(minutes=30)

    # What was too young to be judged is looked at once more. A page is read to its end.
    assert looked_at == [1, 1, 1]
    yard.sweeper.sweep_on(may_go_on=lambda: True, limit=1_000)
    assert yard.sweeper.journal.bookmark() != {}


def test_a_bookmark_that_nobody_can_read_begins_a_new_pass(yard: Yard) -> None:
    run = yard.unwatched()
    yard.later(minutes=6)
    for kept in ({"status": "SLEEPING"}, {"status": "BUSY", "began_at": "?", "since": "?"}):
        yard.journal.keep_bookmark(kept, now=yard.now)

        yard.sweeper.sweep_on(may_go_on=lambda: True, limit=1_000)

    assert [session for _, session in yard.executions.started] == [run.session_id]


def test_a_cursor_of_another_listing_begins_the_status_again(yard: Yard) -> None:
    run = yard.unwatched()
    yard.later(minutes=6)
    place = {
        "status": "QUEUED",
        "cursor": "of a table that was",
        "began_at": "2026-01-31T08:00:00.000Z",
        "since": "2026-01-31T08:00:00.000Z",
    }
    yard.journal.keep_bookmark(place, now=yard.now)

    yard.sweeper.sweep_on(may_go_on=lambda: True, limit=1_000)

    assert [session for _, session in yard.executions.started] == [run.session_id]


def everything(yard: Yard) -> dict[str, Run]:
    """Leave a run for each repair."""
    far = {"deadline_at": later(99_999)}
    overdue = yard.watched("overdue", wake_token="overdue", **far)
    claim(yard.journal, overdue.session_id)
    runs = {
        "late": yard.unwatched(deadline_at=later(1)),
        "unwatched": yard.unwatched(**far),
        "overdue": overdue,
        "left on": yard.parked(yard.watched("parked", **far), wake_at=later(90_000)),
        "unannounced": yard.ended(yard.unwatched()),
    }
    yard.later(minutes=7)
    return runs


def outcome(yard: Yard, runs: dict[str, Run]) -> dict[str, object]:
    heads = {name: yard.run(run.session_id) for name, run in runs.items()}
    return {
        "status": {name: head.status for name, head in heads.items()},
        "sessions": {name: head.has_session for name, head in heads.items()},
        "watched": Counter(session for _, session in yard.executions.started).values(),
        "told": {name: len(told(yard, run)) for name, run in runs.items()},
        "woken": set(yard.signals.tokens),
    }


def run_to_end(yard: Yard) -> None:
    """Sweep until there is nothing to mend, as the schedule does."""
    for _ in range(4):
        yard.sweeper.sweep_on(may_go_on=lambda: True, limit=1_000)
        yard.later(minutes=5)


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
def test_a_sweep_may_die_at_each_of_its_effects(tmp_path: Path, yard: Yard, is_after: bool) -> None:
    runs = everything(yard)
    run_to_end(yard)
    undisturbed = outcome(yard, runs)
    effects = yard.deaths.seen

    outcomes = [
        swept_after_a_death(tmp_path / str(at), at=at, is_after=is_after)
        for at in range(1, effects + 1)
    ]

    assert effects > 12
    assert all(str(each) == str(undisturbed) for each in outcomes)


def swept_after_a_death(folder: Path, *, at: int, is_after: bool) -> dict[str, object]:
    journal = SqliteJournal(":memory:", artifacts=folder_store(folder))
    yard = Yard(journal)
    runs = everything(yard)
    yard.deaths.at, yard.deaths.is_after = at, is_after
    sweep_and_maybe_die(lambda: run_to_end(yard))
    run_to_end(yard)
    found = outcome(yard, runs)
    journal.close()
    return found


def sweep_and_maybe_die(work: Callable[[], None]) -> None:
    try:
        work()
    except KilledError:
        return
