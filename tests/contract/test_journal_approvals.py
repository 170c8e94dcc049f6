"""Approvals are kept, found, and decided once, whatever the run is doing meanwhile."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from runs.approvals import Decision, Question, Verdict
from runs.asked import Approval, ApprovalState, Person, Vote
from runs.callbacks import callback_id_of
from runs.errors import (
    AlreadyVotedError,
    ApprovalChangedError,
    ApprovalClosedError,
    ApprovalNotFoundError,
    BallotUsedError,
    CallbackClosedError,
    CallbackNotFoundError,
    CallbackPayloadError,
    NotADeciderError,
)
from runs.events import Event, EventType
from runs.journal.base import Journal
from runs.lifecycle import Ending
from runs.operations import OperationError, OperationStatus
from runs.run import Lease, Status
from tests.support.approvals import ADA, BOB, POST, ask, no, yes
from tests.support.journals import NOW, JournalStore, later


def parked(journal: Journal, lease: Lease) -> None:
    journal.park(lease, wake_at=later(3600), waiting_for="answer to publish", now=NOW)


def kept(journal: Journal, approval: Approval) -> Approval:
    return journal.approval(approval.callback_id).approval


def answer(journal: Journal, approval: Approval) -> Decision:
    operation = journal.operation(approval.session_id, approval.operation_id)
    assert operation is not None
    assert operation.status is OperationStatus.SUCCEEDED
    return Decision.from_payload(operation.payload)


def last_event(journal: Journal, approval: Approval, kind: EventType) -> Event:
    found = [each.event for each in journal.events(approval.session_id) if each.event.type is kind]
    return found[-1]


def test_what_is_asked_is_kept_as_it_was_asked(journal: Journal) -> None:
    question = replace(POST, content="Unicorns \U0001f984\ud800 for rent!", may_decide=("ada",))

    lease, approval = ask(journal, question)

    asked = journal.approval(approval.callback_id)
    assert asked.approval == approval
    assert asked.run.session_id == lease.session_id
    assert asked.approval.hash == question.hash
    assert journal.approvals(lease.session_id) == [approval]
    event = last_event(journal, approval, EventType.APPROVAL_REQUESTED)
    assert event.details == {
        "ApprovalId": approval.approval_id,
        "What": "publish this post",
        "Tool": "publish_post",
        "Hash": question.hash,
        "ExpiresAt": "2026-01-31T09:30:00.000Z",
        "MayDecide": ["ada"],
        "Quorum": 1,
    }


def test_an_approval_answers_the_callback_and_makes_a_parked_run_due(journal: Journal) -> None:
    lease, approval = ask(journal)
    parked(journal, lease)

    asked = journal.decide_approval(
        approval.callback_id, yes(approval, comment="Lovely."), now=later(5)
    )

    assert asked.approval == kept(journal, approval)
    assert asked.approval.state is ApprovalState.APPROVED
    assert (asked.approval.decided_by, asked.approval.decided_at) == ("ada", later(5))
    assert asked.run.is_due(later(5))
    assert answer(journal, approval) == Decision(
        verdict=Verdict.APPROVED,
        comment="Lovely.",
        by="ada",
        at=later(5),
        answers=approval.question.hash,
    )
    assert last_event(journal, approval, EventType.APPROVAL_DECIDED).details == {
        "ApprovalId": approval.approval_id,
        "Decision": "approved",
        "By": "ada",
        "From": "cli on lab",
        "Comment": "Lovely.",
        "Hash": approval.hash,
    }


def test_a_denial_answers_the_callback_with_its_comment(journal: Journal) -> None:
    _, approval = ask(journal)

    journal.decide_approval(approval.callback_id, no(approval), now=later(5))

    assert kept(journal, approval).state is ApprovalState.DENIED
    given = answer(journal, approval)
    assert (given.verdict, given.comment, given.by) == (Verdict.DENIED, "Too loud.", "ada")


def test_an_edited_approval_gives_the_edited_content(journal: Journal) -> None:
    _, approval = ask(journal)
    edited = yes(approval, content="Unicorns for hire \ud83e.")

    journal.decide_approval(approval.callback_id, edited, now=later(5))

    found = kept(journal, approval)
    assert found.shown == "Unicorns for hire \ud83e."
    assert found.arguments == {"content": "Unicorns for hire \ud83e.", "color": "pink"}
    assert answer(journal, approval).content == "Unicorns for hire \ud83e."
    assert last_event(journal, approval, EventType.APPROVAL_DECIDED).details["Edited"] is True


def test_of_two_different_decisions_at_once_one_wins_and_the_other_is_told(
    store: JournalStore,
) -> None:
    journal = store.journal()
    _, approval = ask(journal)
    ballots = [yes(approval, ADA), no(approval, BOB)] * 4

    def decide(n: int) -> ApprovalClosedError | None:
        try:
            store.journal().decide_approval(approval.callback_id, ballots[n], now=later(1))
        except ApprovalClosedError as error:
            return error
        return None

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(decide, range(8)))

    winner = ballots[outcomes.index(None)]
    refusals = [outcome for outcome in outcomes if outcome is not None]
    found = kept(journal, approval)
    assert len(refusals) == 7
    assert (found.decided_by, found.state) == (winner.person.name, winner.verdict.value)
    assert {(each.by, each.at, each.state) for each in refusals} == {
        (winner.person.name, later(1), winner.verdict.value)
    }
    assert answer(journal, approval).verdict is winner.verdict
    kinds = [each.event.type for each in journal.events(approval.session_id)]
    assert kinds.count(EventType.APPROVAL_DECIDED) == 1


@pytest.mark.parametrize("other", ["cancel", "expire", "time out"])
def test_of_a_decision_and_an_end_at_once_the_run_gets_the_one_that_was_recorded(
    store: JournalStore, other: str
) -> None:
    journal = store.journal()
    lease, approval = ask(journal, deadline_at=later(30))
    clocks = {"cancel": later(1), "expire": later(31), "time out": later(3_601)}

    def end() -> object:
        theirs, now = store.journal(), clocks[other]
        match other:
            case "cancel":
                parked(theirs, lease)
                return theirs.cancel(lease.session_id, now=now, reason="enough")
            case "expire":
                return theirs.expire(lease.session_id, now=now)
            case _:
                return theirs.time_out_callback(lease, approval.callback_id, now=now)

    def decide() -> ApprovalClosedError | None:
        try:
            store.journal().decide_approval(approval.callback_id, yes(approval), now=later(1))
        except ApprovalClosedError as error:
            return error
        return None

    with ThreadPoolExecutor(2) as pool:
        ended, decided = pool.submit(end), pool.submit(decide)
        ended.result()
        refusal = decided.result()

    found = kept(journal, approval)
    asked = journal.operation(approval.session_id, approval.operation_id)
    assert asked is not None
    if refusal is None:
        assert (found.state, found.decided_by) == (ApprovalState.APPROVED, "ada")
        assert asked.status is OperationStatus.SUCCEEDED
    else:
        assert found.votes == ()
        assert asked.status is not OperationStatus.SUCCEEDED
        assert refusal.state in {"withdrawn", "expired"}


def test_a_decision_on_other_words_than_are_asked_about_is_refused(journal: Journal) -> None:
    _, approval = ask(journal)
    other = yes(approval, hash=Question(what="something else").hash)

    with pytest.raises(ApprovalChangedError, match="is about other words now"):
        journal.decide_approval(approval.callback_id, other, now=later(1))

    assert kept(journal, approval) == approval


def test_an_approval_is_for_those_who_are_named(journal: Journal) -> None:
    _, approval = ask(journal, replace(POST, may_decide=("Ada", "role:editors")))

    with pytest.raises(NotADeciderError, match="not for 'bob' to decide, expected one of: Ada, "):
        journal.decide_approval(approval.callback_id, yes(approval, BOB), now=later(1))
    editor = Person(name="eve", roles=frozenset({"editors"}))
    journal.decide_approval(approval.callback_id, yes(approval, editor), now=later(2))

    assert kept(journal, approval).decided_by == "eve"


def test_several_must_approve_where_several_are_asked(journal: Journal) -> None:
    lease, approval = ask(journal, replace(POST, quorum=2))
    parked(journal, lease)

    first = journal.decide_approval(approval.callback_id, yes(approval, ADA), now=later(1))
    assert (first.state(later(1)), first.approval.missing) == (ApprovalState.OPEN, 1)
    assert not first.run.is_due(later(1))
    with pytest.raises(AlreadyVotedError, match="approvals of others still needed: 1"):
        journal.decide_approval(
            approval.callback_id, yes(approval, replace(ADA, name=" ADA")), now=later(2)
        )
    second = journal.decide_approval(approval.callback_id, yes(approval, BOB), now=later(3))

    assert second.state(later(3)) is ApprovalState.APPROVED
    assert [vote.by for vote in kept(journal, approval).votes] == ["ada", "bob"]
    assert second.run.is_due(later(3))


def test_a_form_that_may_be_used_once_is_taken_once_under_whatever_name(journal: Journal) -> None:
    lease, approval = ask(journal, replace(POST, quorum=3))
    ballot = yes(approval, form="form-1")
    journal.decide_approval(approval.callback_id, ballot, now=later(1))

    with pytest.raises(BallotUsedError, match="decided on with this page before"):
        journal.decide_approval(approval.callback_id, replace(ballot, person=BOB), now=later(2))

    (kept,) = journal.approvals(lease.session_id)
    assert [vote.by for vote in kept.votes] == ["ada"]
    other = yes(approval, BOB, form="form-2")
    journal.decide_approval(approval.callback_id, other, now=later(3))
    assert [vote.by for vote in journal.approvals(lease.session_id)[0].votes] == ["ada", "bob"]


def test_a_used_form_stays_used_when_the_content_is_edited_there_and_back(
    journal: Journal,
) -> None:
    _, approval = ask(journal, replace(POST, quorum=2))
    first = yes(approval, form="form-1")
    decide = journal.decide_approval
    decide(approval.callback_id, first, now=later(1))
    edited = decide(approval.callback_id, yes(approval, BOB, content="Other"), now=later(2))
    back = yes(edited.approval, BOB, content=approval.shown)
    decide(approval.callback_id, back, now=later(3))

    with pytest.raises(BallotUsedError):
        decide(approval.callback_id, first, now=later(4))


def test_one_denial_denies_what_others_approved(journal: Journal) -> None:
    _, approval = ask(journal, replace(POST, quorum=3))
    journal.decide_approval(approval.callback_id, yes(approval, ADA), now=later(1))

    journal.decide_approval(approval.callback_id, no(approval, BOB), now=later(2))

    assert kept(journal, approval).state is ApprovalState.DENIED
    assert answer(journal, approval).by == "bob"


def test_an_edit_has_to_be_approved_by_those_who_approved_before(journal: Journal) -> None:
    _, approval = ask(journal, replace(POST, quorum=2))
    journal.decide_approval(approval.callback_id, yes(approval, ADA), now=later(1))

    edit = yes(approval, BOB, content="Unicorns.")
    edited = journal.decide_approval(approval.callback_id, edit, now=later(2)).approval
    with pytest.raises(ApprovalChangedError):
        journal.decide_approval(approval.callback_id, yes(approval, ADA), now=later(3))
    journal.decide_approval(approval.callback_id, yes(edited, ADA), now=later(4))

    assert (edited.state, edited.missing) == (ApprovalState.OPEN, 1)
    assert answer(journal, approval).content == "Unicorns."


def test_an_edit_that_no_answer_could_hold_is_refused_from_the_first_on(journal: Journal) -> None:
    lease, approval = ask(journal, replace(POST, quorum=2))

    with pytest.raises(CallbackPayloadError, match="expected at most 1048576"):
        journal.decide_approval(
            approval.callback_id, yes(approval, content="x" * 1_048_576), now=later(1)
        )

    assert journal.approvals(lease.session_id) == [approval]


def test_an_approval_whose_time_has_passed_takes_no_decision(journal: Journal) -> None:
    lease, approval = ask(journal)
    parked(journal, lease)

    with pytest.raises(ApprovalClosedError, match=r"expired at 2026-01-31T09:30:00.000Z$") as told:
        journal.decide_approval(approval.callback_id, yes(approval), now=later(3600))

    assert (told.value.state, told.value.by) == ("expired", None)
    assert journal.approval(approval.callback_id).state(later(3600)) is ApprovalState.EXPIRED


def test_a_time_out_is_recorded_as_the_approvals_end(journal: Journal) -> None:
    lease, approval = ask(journal)

    journal.time_out_callback(lease, approval.callback_id, now=later(3601))

    found = kept(journal, approval)
    assert (found.state, found.decided_at) == (ApprovalState.EXPIRED, later(3601))
    assert last_event(journal, approval, EventType.APPROVAL_EXPIRED).at == later(3601)


def test_a_run_that_ended_withdraws_what_it_asked(journal: Journal) -> None:
    lease, approval = ask(journal)
    journal.settle(lease, Ending(status=Status.COMPLETED), now=later(1))

    with pytest.raises(
        ApprovalClosedError, match=r"was withdrawn at 2026-01-31T08:30:01.000Z: run .* is COMPLETED"
    ):
        journal.decide_approval(approval.callback_id, yes(approval), now=later(2))

    assert journal.approval(approval.callback_id).state(later(2)) is ApprovalState.WITHDRAWN


def test_what_expired_before_its_run_ended_has_expired(journal: Journal) -> None:
    question = replace(POST, expires_in=timedelta(seconds=10))
    lease, approval = ask(journal, question, deadline_at=later(15))
    # Nobody was there to record either: the stack was down.
    journal.expire(lease.session_id, now=later(60))

    with pytest.raises(ApprovalClosedError, match=r"expired at 2026-01-31T08:30:10.000Z"):
        journal.decide_approval(approval.callback_id, yes(approval), now=later(61))

    assert journal.approval(approval.callback_id).state(later(61)) is ApprovalState.EXPIRED
    (told,) = journal.notices(lease.session_id, now=later(61))
    assert not told.is_withdrawn


def test_an_answer_to_the_callback_itself_closes_the_approval(journal: Journal) -> None:
    _, approval = ask(journal)

    payload = '{"decision": "approved", "content": "Unicorns."}'
    journal.complete_callback(approval.callback_id, payload, now=later(1), by="a queue")

    found = kept(journal, approval)
    assert (found.state, found.decided_by, found.shown) == (
        ApprovalState.APPROVED,
        "a queue",
        "Unicorns.",
    )
    with pytest.raises(ApprovalClosedError, match="was approved by a queue at"):
        journal.decide_approval(approval.callback_id, no(approval), now=later(2))


def test_an_unreadable_answer_to_the_callback_itself_is_a_denial(journal: Journal) -> None:
    _, approval = ask(journal)

    journal.complete_callback(approval.callback_id, "ok!", now=later(1))

    found = kept(journal, approval)
    assert found.state is ApprovalState.DENIED
    assert found.comment.startswith("the answer is 'ok!'")


def test_an_error_given_to_the_callback_itself_is_a_denial(journal: Journal) -> None:
    _, approval = ask(journal)

    journal.fail_callback(
        approval.callback_id, OperationError(message="the mail bounced"), now=later(1)
    )

    found = kept(journal, approval)
    assert (found.state, found.comment) == (ApprovalState.DENIED, "the mail bounced")


def test_a_callback_without_a_question_is_asked_by_its_name(journal: Journal) -> None:
    _, approval = ask(journal, None)

    assert (approval.name, approval.question.what, approval.is_bare) == ("publish", "publish", True)
    journal.complete_callback(approval.callback_id, "whatever", now=later(1))
    assert kept(journal, approval).state is ApprovalState.ANSWERED


def test_a_decided_callback_takes_no_other_answer(journal: Journal) -> None:
    _, approval = ask(journal)
    journal.decide_approval(approval.callback_id, yes(approval), now=later(1))

    with pytest.raises(CallbackClosedError, match=r"completed at 2026-01-31T08:30:01.000Z by ada"):
        journal.complete_callback(approval.callback_id, "1", now=later(2))


def test_every_look_is_told_but_not_every_reload_of_a_page(journal: Journal) -> None:
    _, approval = ask(journal)

    for seconds, person in [(1, ADA), (2, ADA), (3, BOB), (62, ADA), (63, BOB)]:
        journal.view_approval(approval.callback_id, person, now=later(seconds))

    events = [each.event for each in journal.events(approval.session_id)]
    views = [each for each in events if each.type is EventType.APPROVAL_VIEWED]
    assert [(each.details["By"], each.details["From"], each.at) for each in views] == [
        ("ada", "cli on lab", later(1)),
        ("bob", "203.0.113.7", later(3)),
        ("ada", "cli on lab", later(62)),
        ("bob", "203.0.113.7", later(63)),
    ]
    assert kept(journal, approval).state is ApprovalState.OPEN


def test_a_look_at_what_is_decided_changes_nothing(journal: Journal) -> None:
    _, approval = ask(journal)
    decided = journal.decide_approval(approval.callback_id, yes(approval), now=later(1))

    looked = journal.view_approval(approval.callback_id, BOB, now=later(2))

    assert looked == decided
    assert journal.approval(approval.callback_id) == decided


def test_open_approvals_are_found_over_all_runs_newest_first(journal: Journal) -> None:
    lease, first = ask(journal)
    _, second = ask(journal, lease=lease, operation_id="cb-2", at=later(10))
    _, third = ask(journal, at=later(20))
    journal.decide_approval(second.callback_id, no(second), now=later(30))

    page = journal.list_approvals(is_open=True)
    closed = journal.list_approvals(is_open=False)

    assert [asked.approval for asked in page.asked] == [third, first]
    assert [asked.run.session_id for asked in page.asked] == [third.session_id, first.session_id]
    assert [asked.approval.approval_id for asked in closed.asked] == [second.approval_id]
    assert (page.cursor, closed.cursor) == (None, None)


def test_a_listing_of_approvals_comes_in_pages(journal: Journal) -> None:
    lease, _ = ask(journal, operation_id="cb-0")
    for n in range(1, 5):
        ask(journal, lease=lease, operation_id=f"cb-{n}", at=later(n // 2))

    found: list[str] = []
    cursor: str | None = None
    sizes = []
    while True:
        page = journal.list_approvals(is_open=True, limit=2, cursor=cursor)
        sizes.append(len(page.asked))
        found += [asked.approval.operation_id for asked in page.asked]
        if (cursor := page.cursor) is None:
            break

    assert sizes == [2, 2, 1]
    assert sorted(found) == [f"cb-{n}" for n in range(5)]
    assert found[0] == "cb-4"


@pytest.mark.parametrize("limit", [0, 1001])
def test_a_listing_of_approvals_has_a_size(journal: Journal, limit: int) -> None:
    with pytest.raises(ValueError, match=f"limit is {limit}, expected 1 to 1000"):
        journal.list_approvals(is_open=True, limit=limit)


def test_a_foreign_cursor_is_refused(journal: Journal) -> None:
    with pytest.raises(ValueError, match="is not one of this listing"):
        journal.list_approvals(is_open=True, cursor="bm8")


def test_an_approval_that_can_not_be_read_does_not_hide_the_others(store: JournalStore) -> None:
    journal = store.journal()
    _, broken = ask(journal)
    _, whole = ask(journal)
    key = f"APPROVAL#{broken.operation_id}"
    store.alter(broken.session_id, key, lambda record: record.update(asked_at="yesterday"))

    page = journal.list_approvals(is_open=True)

    assert [asked.approval for asked in page.asked] == [whole]


def test_what_nobody_asked_is_not_found(journal: Journal) -> None:
    lease, approval = ask(journal)
    unknown = callback_id_of(lease.session_id, "cb-9")

    with pytest.raises(ApprovalNotFoundError, match="nothing is asked by callback"):
        journal.approval(unknown)
    with pytest.raises(ApprovalNotFoundError):
        journal.decide_approval(unknown, yes(approval), now=NOW)
    with pytest.raises(ApprovalNotFoundError):
        journal.view_approval(callback_id_of("nobody", "cb-1"), ADA, now=NOW)
    with pytest.raises(CallbackNotFoundError):
        journal.approval("no id")


def test_large_contents_are_kept_whole(journal: Journal) -> None:
    content = "\U0001f984" * 100_000
    _, approval = ask(journal, replace(POST, content=content))
    edited = yes(approval, content=f"{content}!")

    journal.decide_approval(approval.callback_id, edited, now=later(1))

    assert kept(journal, approval).shown == f"{content}!"
    assert answer(journal, approval).content == f"{content}!"


def test_who_decided_and_what_they_said_is_kept(journal: Journal) -> None:
    _, approval = ask(journal)
    journal.decide_approval(approval.callback_id, no(approval, BOB, "No."), now=later(1))

    assert kept(journal, approval).votes == (
        Vote(verdict=Verdict.DENIED, by="bob", at=later(1), origin="203.0.113.7", comment="No."),
    )
