"""Who observes a journal is told of each write that is answered, once."""

from dataclasses import replace

import pytest

from runs.again import Retry
from runs.asked import Person
from runs.errors import LeaseLostError
from runs.events import EventType
from runs.journal.base import Changes, Journal
from runs.lifecycle import Ending
from runs.run import RunFailure, Status, Usage
from runs.telemetry.measured import Measured
from runs.telemetry.metrics import Metric
from tests.support.approvals import ADA, BOB, POST, ask, no, yes
from tests.support.journals import NOW, JournalStore, a_run, accept, an_event, claim, later
from tests.support.telemetry import KeptMeter

DONE = Ending(status=Status.COMPLETED, result="done")


@pytest.fixture
def meter() -> KeptMeter:
    return KeptMeter()


@pytest.fixture
def journal(store: JournalStore, meter: KeptMeter) -> Journal:
    return store.journal(Measured(meter))


def test_a_run_is_measured_from_its_acceptance_to_its_end(
    journal: Journal, meter: KeptMeter
) -> None:
    run = accept(journal)
    lease = claim(journal, run.session_id, now=later(2)).lease

    journal.settle(lease, DONE, now=later(12))

    assert meter.counts() == {
        Metric.RUNS_ACCEPTED: 1,
        Metric.ATTEMPTS_STARTED: 1,
        Metric.CLAIM_WAIT: 2000,
        Metric.RUNS_COMPLETED: 1,
        Metric.RUN_DURATION: 12,
        Metric.RUN_WORK: 10,
        Metric.RUN_ATTEMPTS: 1,
    }
    assert all(facts["session_id"] == run.session_id for _, facts in meter.told)
    assert all(facts["workflow"] == run.workflow for _, facts in meter.told)


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED, Status.TIMED_OUT])
def test_each_end_has_its_own_count(journal: Journal, meter: KeptMeter, status: Status) -> None:
    lease = claim(journal, accept(journal).session_id).lease
    error = RunFailure(type="Error", message="no")

    journal.settle(lease, Ending(status=status, error=error), now=NOW)

    ends = {
        Status.FAILED: Metric.RUNS_FAILED,
        Status.CANCELLED: Metric.RUNS_CANCELLED,
        Status.TIMED_OUT: Metric.RUNS_TIMED_OUT,
    }
    assert {metric for metric in ends.values() if meter.values(metric)} == {ends[status]}


def test_what_is_repeated_is_not_counted_again(journal: Journal, meter: KeptMeter) -> None:
    run = a_run()
    for _ in range(2):
        journal.accept(run)
    for _ in range(2):
        journal.claim(run.session_id, owner="worker-1", token="token-1", now=NOW, lease_seconds=60)
    for _ in range(2):
        journal.expire(run.session_id, now=later(4000))

    assert meter.values(Metric.RUNS_ACCEPTED) == [1]
    assert meter.values(Metric.ATTEMPTS_STARTED) == [1]
    assert meter.values(Metric.RUNS_TIMED_OUT) == [1]


def test_an_attempt_after_one_that_was_lost_says_so(journal: Journal, meter: KeptMeter) -> None:
    run = accept(journal)
    claim(journal, run.session_id)

    claim(journal, run.session_id, now=later(61), owner="worker-2")

    assert meter.values(Metric.ATTEMPTS_STARTED) == [1, 1]
    assert meter.values(Metric.ATTEMPTS_LOST) == [1]
    assert meter.values(Metric.CLAIM_WAIT) == [0], "only the first claim was waited for"


@pytest.mark.parametrize("is_dispatched", [True, False])
def test_a_retry_is_counted_once_when_the_run_goes_on(
    store: JournalStore, journal: Journal, meter: KeptMeter, is_dispatched: bool
) -> None:
    lease = claim(journal, accept(journal).session_id).lease
    failure = RunFailure(type="Error", message="no")
    journal.settle(lease, Ending(status=Status.FAILED, error=failure), now=later(1))

    # From a terminal, where nobody measures.
    session_id = lease.session_id
    store.journal().retry(session_id, Retry(by="ada"), now=later(2))
    if is_dispatched:
        for seconds in (3, 34):
            journal.dispatch(session_id, now=later(seconds), retry_at=later(seconds + 30))
    claim(journal, session_id, now=later(40))
    claim(journal, session_id, now=later(140))

    assert meter.values(Metric.RUNS_RETRIED) == [1]


def test_what_an_attempt_records_is_measured(journal: Journal, meter: KeptMeter) -> None:
    lease = claim(journal, accept(journal).session_id).lease
    called = an_event(
        EventType.MODEL_CALLED,
        details={
            "InputTokens": 100,
            "OutputTokens": 20,
            "CacheReadTokens": 7,
            "CacheWriteTokens": 5,
            "CostUsd": "0.0125",
            "LatencyMs": 900,
        },
    )
    returned = [
        an_event(EventType.TOOL_RETURNED, details={"Status": status, "DurationMs": 40})
        for status in ("success", "error", "interrupted")
    ]
    again = an_event(
        EventType.STEP_FAILED, details={"RetryDetails": {"NextAttemptDelaySeconds": 1}}
    )
    others = [
        an_event(EventType.MODEL_FAILED),
        an_event(EventType.STEP_FAILED),
        an_event(EventType.STEP_SUCCEEDED),
        an_event(EventType.RUN_STALLED),
    ]
    meter.told.clear()

    changes = Changes(
        events=(called, *returned, again, *others), spent=Usage(cost_nano_usd=12_500_000)
    )
    journal.commit(lease, changes, now=NOW)
    journal.settle(lease, DONE, now=NOW)

    counts = meter.counts()
    assert counts[Metric.MODEL_CALLS] == 1
    assert counts[Metric.MODEL_LATENCY] == 900
    assert counts[Metric.INPUT_TOKENS] == 100
    assert counts[Metric.OUTPUT_TOKENS] == 20
    assert counts[Metric.CACHE_READ_TOKENS] == 7
    assert counts[Metric.CACHE_WRITE_TOKENS] == 5
    assert counts[Metric.COST] == counts[Metric.RUN_COST] == pytest.approx(0.0125)
    assert (counts[Metric.TOOL_CALLS], counts[Metric.TOOL_FAILURES]) == (2, 1)
    assert meter.values(Metric.TOOL_DURATION) == [40, 40]
    assert counts[Metric.MODEL_FAILURES] == 1
    assert counts[Metric.STEP_RETRIES] == 1
    assert counts[Metric.RUNS_STALLED] == 1


def test_a_worker_that_lost_its_lease_measures_nothing(journal: Journal, meter: KeptMeter) -> None:
    run = accept(journal)
    lost = claim(journal, run.session_id).lease
    claim(journal, run.session_id, now=later(61), owner="worker-2")
    changes = Changes(events=(an_event(EventType.MODEL_CALLED),))
    meter.told.clear()

    with pytest.raises(LeaseLostError):
        journal.commit(lost, changes, now=later(62))

    assert meter.told == []


def test_a_question_is_counted_once_however_many_decide(journal: Journal, meter: KeptMeter) -> None:
    both = replace(POST, quorum=2)
    _, approval = ask(journal, both)

    journal.decide_approval(approval.callback_id, yes(approval, ADA), now=later(10))
    journal.decide_approval(approval.callback_id, yes(approval, BOB), now=later(30))

    assert meter.values(Metric.APPROVALS_REQUESTED) == [1]
    assert meter.values(Metric.APPROVALS_DECIDED) == [1]
    assert meter.values(Metric.APPROVAL_WAIT) == [30]


def test_a_denial_is_a_decision(journal: Journal, meter: KeptMeter) -> None:
    _, approval = ask(journal)

    journal.decide_approval(approval.callback_id, no(approval), now=later(5))

    assert meter.values(Metric.APPROVALS_DECIDED) == [1]


def test_a_look_at_a_question_decides_nothing(journal: Journal, meter: KeptMeter) -> None:
    _, approval = ask(journal)

    journal.view_approval(approval.callback_id, Person(name="ada"), now=later(5))

    assert meter.values(Metric.APPROVALS_DECIDED) == []


def test_a_question_that_nobody_decided_has_expired(journal: Journal, meter: KeptMeter) -> None:
    lease, approval = ask(journal)

    journal.time_out_callback(lease, approval.callback_id, now=later(3601))

    assert meter.values(Metric.APPROVALS_EXPIRED) == [1]
    assert meter.values(Metric.APPROVALS_DECIDED) == []


def test_what_can_not_be_measured_is_recorded_all_the_same(
    journal: Journal, meter: KeptMeter
) -> None:
    lease = claim(journal, accept(journal).session_id).lease
    odd = an_event(EventType.MODEL_CALLED, details={"CostUsd": "a lot"})
    meter.told.clear()

    journal.commit(lease, Changes(events=(odd,)), now=NOW)

    assert EventType.MODEL_CALLED in {each.event.type for each in journal.events(lease.session_id)}
    assert meter.told == []
