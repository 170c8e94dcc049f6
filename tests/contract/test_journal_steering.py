"""What a running run is told is recorded once and in order; a paused one is woken by nobody."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from runs.errors import RunNotFoundError, SteeringRefusedError
from runs.events import EventType
from runs.ids import new_session_id
from runs.journal.base import Changes, Journal, Message
from runs.lifecycle import Ending
from runs.run import Pause, Run, Status
from runs.told import Tell
from tests.support.families import child_of, family
from tests.support.journals import NOW, accept, claim, later

DONE = Ending(status=Status.COMPLETED)


def a_tell(text: str = "in euros", *, tell_id: str = "", agent: str | None = None) -> Tell:
    return Tell(
        tell_id=tell_id or text, text=text, by="ada", origin="cli", agent=agent, told_at=NOW
    )


def a_pause(by: str = "ada", *, reason: str = "", at: datetime = NOW) -> Pause:
    return Pause(by=by, origin="cli on laptop", reason=reason, at=at)


def head(journal: Journal, session_id: str) -> Run:
    run = journal.get(session_id)
    assert run is not None
    return run


def kinds(journal: Journal, session_id: str) -> list[EventType]:
    return [entry.event.type for entry in journal.events(session_id)]


def test_messages_are_numbered_as_they_were_recorded(journal: Journal) -> None:
    run = accept(journal)

    first = journal.tell(run.session_id, a_tell("first", agent="writer"), now=later(1))
    second = journal.tell(run.session_id, a_tell("second"), now=later(2))

    assert (first.number, second.number) == (1, 2)
    assert first.told_at == later(1)
    assert journal.tells(run.session_id) == [first, second]
    assert journal.tells(run.session_id, after=1) == [second]
    assert head(journal, run.session_id).tells == 2


def test_the_timeline_says_who_told_what_from_where(journal: Journal) -> None:
    run = accept(journal)

    journal.tell(run.session_id, a_tell("in euros", agent="writer"), now=later(1))

    told = journal.events(run.session_id)[-1].event
    assert (told.type, told.at) == (EventType.MESSAGE_TOLD, later(1))
    assert told.details == {
        "Number": 1,
        "Text": "in euros",
        "By": "ada",
        "From": "cli",
        "Agent": "writer",
    }


def test_a_message_told_again_with_its_id_is_there_once(journal: Journal) -> None:
    run = accept(journal)
    first = journal.tell(run.session_id, a_tell(tell_id="a"), now=later(1))

    again = journal.tell(run.session_id, a_tell(tell_id="a"), now=later(2))

    assert again == first
    assert journal.tells(run.session_id) == [first]
    assert kinds(journal, run.session_id).count(EventType.MESSAGE_TOLD) == 1


def test_messages_of_people_who_tell_at_once_all_count(journal: Journal) -> None:
    run = accept(journal)

    def tell(number: int) -> Tell:
        return journal.tell(run.session_id, a_tell(f"message {number}"), now=later(1))

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(tell, range(8)))

    assert sorted(each.number for each in told) == list(range(1, 9))
    assert journal.tells(run.session_id) == sorted(told, key=lambda each: each.number)


def test_a_delivered_message_is_marked_in_the_write_that_saves_the_words(journal: Journal) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease
    tell = journal.tell(run.session_id, a_tell(), now=later(1))
    delivered = tell.delivered("writer", message=0, at=later(2))

    said = Message(agent="writer", index=0, body={"message": "in euros"})
    journal.commit(lease, Changes(messages=(said,), tells=(delivered,)), now=later(2))

    assert journal.tells(run.session_id) == [delivered]
    assert (delivered.state(run), tell.state(run)) == ("delivered", "waiting")
    assert journal.messages(run.session_id, "writer") == [said]


def test_a_large_message_comes_whole(journal: Journal) -> None:
    run = accept(journal)
    text = "é" * (50 * 1024)

    journal.tell(run.session_id, a_tell(text, tell_id="large"), now=later(1))

    assert journal.tells(run.session_id)[0].text == text


def test_a_run_that_has_ended_is_told_nothing(journal: Journal) -> None:
    run = accept(journal)
    tell = journal.tell(run.session_id, a_tell("before"), now=later(1))
    lease = claim(journal, run.session_id).lease
    ended = journal.settle(lease, DONE, now=later(2))

    with pytest.raises(SteeringRefusedError, match="can't be told anything: it is COMPLETED"):
        journal.tell(run.session_id, a_tell("after"), now=later(3))
    assert journal.tells(run.session_id) == [tell]
    assert tell.state(ended) == "never"


def test_a_run_that_is_about_to_end_is_told_nothing(journal: Journal) -> None:
    run = accept(journal)
    claim(journal, run.session_id)
    journal.cancel(run.session_id, now=later(1), reason="enough")

    with pytest.raises(SteeringRefusedError, match="its cancellation was requested"):
        journal.tell(run.session_id, a_tell(), now=later(2))


def test_telling_wakes_nobody(journal: Journal) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease
    journal.park(lease, wake_at=None, waiting_for="an answer", now=later(1))

    journal.tell(run.session_id, a_tell(), now=later(2))

    parked = head(journal, run.session_id)
    assert (parked.status, parked.wake_at) == (Status.WAITING, None)


def test_a_queued_run_is_paused_at_once(journal: Journal) -> None:
    run = accept(journal)

    paused = journal.pause(run.session_id, a_pause(reason="too dear"), now=later(1))

    assert (paused.status, paused.wake_at) == (Status.WAITING, None)
    assert paused.waiting_for == "paused by ada: too dear"
    assert head(journal, run.session_id) == paused
    asked = journal.events(run.session_id)[1].event
    assert (asked.type, asked.details) == (
        EventType.PAUSE_REQUESTED,
        {"By": "ada", "From": "cli on laptop", "Reason": "too dear"},
    )
    assert kinds(journal, run.session_id)[2:] == [EventType.RUN_PARKED]


def test_a_parked_run_that_is_paused_does_not_wake_by_its_timer(journal: Journal) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease
    journal.park(lease, wake_at=later(10), waiting_for="a timer", now=later(1))

    paused = journal.pause(run.session_id, a_pause(), now=later(2))

    assert not paused.is_due(later(3_000))


def test_the_worker_of_a_busy_run_is_asked_and_parks_it_whatever_it_waits_for(
    journal: Journal,
) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease

    asked = journal.pause(run.session_id, a_pause(), now=later(1))
    renewed = journal.renew(lease, now=later(2))
    parked = journal.park(lease, wake_at=later(9), waiting_for="a timer", now=later(3))

    assert (asked.status, renewed.pause) == (Status.BUSY, a_pause())
    assert (parked.status, parked.wake_at) == (Status.WAITING, None)
    assert parked.waiting_for == "paused by ada"


def test_a_worker_that_hands_back_a_run_that_is_to_be_paused_parks_it(journal: Journal) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id).lease
    journal.pause(run.session_id, a_pause(), now=later(1))

    left = journal.release(lease, now=later(2), why="paused")

    assert (left.status, left.wake_at) == (Status.WAITING, None)


def test_a_run_whose_worker_died_before_the_edge_is_paused_when_its_lease_expired(
    journal: Journal,
) -> None:
    run = accept(journal)
    claim(journal, run.session_id)
    journal.pause(run.session_id, a_pause(), now=later(1))

    left = journal.pause(run.session_id, a_pause("bob", at=later(99)), now=later(99))

    assert left.status is Status.WAITING
    # The first wish stands.
    assert left.waiting_for == "paused by ada"
    assert kinds(journal, run.session_id).count(EventType.PAUSE_REQUESTED) == 1


def test_pausing_and_resuming_twice_is_once(journal: Journal) -> None:
    run = accept(journal)
    paused = journal.pause(run.session_id, a_pause(), now=later(1))
    again = journal.pause(run.session_id, a_pause("bob"), now=later(2))
    resumed = journal.resume(run.session_id, now=later(3), by="ada", origin="cli")
    twice = journal.resume(run.session_id, now=later(4), by="bob")

    assert again == paused
    assert twice == resumed
    assert kinds(journal, run.session_id)[3:] == [EventType.RUN_RESUMED]


def test_a_resumed_run_is_due_at_once_and_can_be_claimed(journal: Journal) -> None:
    run = accept(journal)
    journal.pause(run.session_id, a_pause(), now=later(1))

    resumed = journal.resume(run.session_id, now=later(2), by="ada")

    assert (resumed.pause, resumed.wake_at, resumed.waiting_for) == (None, later(2), None)
    assert claim(journal, run.session_id, now=later(2)).run.attempt == 1


def test_a_child_that_ends_does_not_wake_its_paused_parent(journal: Journal) -> None:
    parent = accept(journal)
    lease = claim(journal, parent.session_id).lease
    journal.park(lease, wake_at=None, waiting_for="a child", now=later(1))
    child = accept(journal, parent_session_id=parent.session_id, root_session_id=parent.session_id)
    journal.pause(parent.session_id, a_pause(), now=later(2))

    journal.settle(claim(journal, child.session_id).lease, DONE, now=later(3))

    after = head(journal, parent.session_id)
    assert (after.answers, after.wake_at) == (1, None)
    resumed = journal.resume(parent.session_id, now=later(4), by="ada")
    assert resumed.is_due(later(4))


def test_what_a_run_started_is_paused_and_resumed_with_it(journal: Journal) -> None:
    lease, child = family(journal)
    journal.park(lease, wake_at=None, waiting_for="a child", now=later(1))

    journal.pause(lease.session_id, a_pause(reason="too dear"), now=later(2))
    paused = head(journal, child.session_id)
    journal.resume(lease.session_id, now=later(3), by="bob", origin="cli")
    resumed = head(journal, child.session_id)

    assert paused.status is Status.WAITING
    assert paused.waiting_for == "paused by ada: too dear"
    assert (resumed.pause, resumed.wake_at) == (None, later(3))
    assert kinds(journal, child.session_id)[-1] is EventType.RUN_RESUMED


def test_what_was_paused_by_itself_is_not_resumed_with_what_started_it(journal: Journal) -> None:
    lease, child = family(journal)
    journal.park(lease, wake_at=None, waiting_for="a child", now=later(1))
    journal.pause(child.session_id, a_pause("bob"), now=later(2))

    journal.pause(lease.session_id, a_pause(), now=later(3))
    journal.resume(lease.session_id, now=later(4), by="ada")

    assert head(journal, child.session_id).waiting_for == "paused by bob"
    assert head(journal, lease.session_id).pause is None


@pytest.mark.parametrize("how", ["park", "release"])
def test_what_a_worker_started_between_the_wish_and_its_edge_is_paused_too(
    journal: Journal, how: str
) -> None:
    lease = claim(journal, accept(journal).session_id).lease
    journal.pause(lease.session_id, a_pause(), now=NOW)
    child = child_of(journal, lease)

    if how == "park":
        journal.park(lease, wake_at=None, waiting_for="a child", now=later(1))
    else:
        journal.release(lease, now=later(1), why="paused")

    assert head(journal, child.session_id).pause == a_pause()


def test_a_pause_that_died_before_the_children_is_finished_by_the_next(journal: Journal) -> None:
    lease, child = family(journal)
    journal.park(lease, wake_at=None, waiting_for="a child", now=later(1))
    journal.pause(lease.session_id, a_pause(), now=later(2))
    # As it is when who resumed died after the children.
    journal.resume(child.session_id, now=later(3), by="ada")

    journal.pause(lease.session_id, a_pause(at=later(4)), now=later(4))
    paused = head(journal, child.session_id).pause
    journal.resume(lease.session_id, now=later(5), by="ada")

    assert paused == a_pause()
    assert head(journal, child.session_id).pause is None


def test_a_child_that_is_over_does_not_keep_its_parent_from_being_steered(
    journal: Journal,
) -> None:
    lease, child = family(journal)
    journal.park(lease, wake_at=None, waiting_for="a child", now=later(1))
    journal.cancel(child.session_id, now=later(1), reason="enough")

    paused = journal.pause(lease.session_id, a_pause(), now=later(2))
    resumed = journal.resume(lease.session_id, now=later(3), by="ada")

    assert (paused.pause, resumed.pause) == (a_pause(), None)


def test_a_paused_run_ends_at_its_deadline_and_by_cancellation(journal: Journal) -> None:
    late, unwanted = accept(journal, deadline_at=later(10)), accept(journal)
    for run in (late, unwanted):
        journal.pause(run.session_id, a_pause(), now=later(1))

    expired = journal.expire(late.session_id, now=later(11))
    cancelled = journal.cancel(unwanted.session_id, now=later(11), reason="enough")

    assert (expired.status, expired.pause) == (Status.TIMED_OUT, None)
    assert (cancelled.status, cancelled.pause) == (Status.CANCELLED, None)


def test_a_run_that_has_ended_is_neither_paused_nor_resumed(journal: Journal) -> None:
    run = accept(journal)
    journal.cancel(run.session_id, now=later(1), reason="enough")

    with pytest.raises(SteeringRefusedError, match="can't be paused: it is CANCELLED"):
        journal.pause(run.session_id, a_pause(), now=later(2))
    with pytest.raises(SteeringRefusedError, match="can't be resumed: it is CANCELLED"):
        journal.resume(run.session_id, now=later(2), by="ada")


def test_a_durable_execution_is_the_services_to_pause(journal: Journal) -> None:
    run = accept(journal, source="lambda", execution="arn:an-execution")

    with pytest.raises(SteeringRefusedError, match="it is a Lambda durable execution"):
        journal.pause(run.session_id, a_pause(), now=later(1))


def test_a_run_that_is_not_there_is_not_steered(journal: Journal) -> None:
    session_id = new_session_id()

    with pytest.raises(RunNotFoundError):
        journal.tell(session_id, a_tell(), now=NOW)
    with pytest.raises(RunNotFoundError):
        journal.pause(session_id, a_pause(), now=NOW)
    with pytest.raises(RunNotFoundError):
        journal.resume(session_id, now=NOW, by="ada")


def test_a_pause_and_its_words_are_read_as_they_were_written(journal: Journal) -> None:
    run = accept(journal)

    journal.pause(run.session_id, a_pause(reason="naïve — “quoted”"), now=later(1))

    assert head(journal, run.session_id).pause == a_pause(reason="naïve — “quoted”")
